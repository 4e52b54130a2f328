"""A database role that has every right until the test takes one from it: a real fault, for one step
alone."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncEngine, create_engine

GRANTS = (
    "grant usage, create on schema public to {role}",
    "grant all on all tables in schema public to {role}",
    "grant all on all sequences in schema public to {role}",
)


async def run(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as conn:
        for statement in statements:
            await conn.execute(text(statement))


@asynccontextmanager
async def limited(engine: AsyncEngine, url: str) -> AsyncIterator[tuple[AsyncEngine, str]]:
    """An engine of that role, and its name; `url` is the superuser's."""
    role = f"worker_{uuid.uuid4().hex[:12]}"
    await run(engine, f"create role {role} login", *(grant.format(role=role) for grant in GRANTS))
    made = create_engine(_as(url, role), application="tests")
    try:
        yield made, role
    finally:
        await made.dispose()
        await run(engine, f"drop owned by {role} cascade", f"drop role {role}")


def _as(url: str, role: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}@{rest.partition('@')[2]}"
