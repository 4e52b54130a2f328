"""Alembic's entry: migrates on the connection of `store.database.schema`, or on
HEALTHSVC_DATABASE_URL by hand."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from healthsvc.store.database.engine import create_engine


def run(connection: Connection) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


async def run_by_hand() -> None:
    engine = create_engine(os.environ["HEALTHSVC_DATABASE_URL"], pool_size=1, application="alembic")
    async with engine.begin() as conn:
        await conn.run_sync(run)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_by_hand())
