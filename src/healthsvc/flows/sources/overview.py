"""What the sources' calls come to, and what waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.sources import calls, identity
from healthsvc.store.sources.calls import CallTotals
from healthsvc.store.sources.identity import WaitingName

LISTED_NAMES: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFigures:
    """The kept calls by source, and the number of events that wait."""

    totals: Mapping[str, CallTotals]
    waiting_events: int


async def figures(engine: AsyncEngine) -> SourceFigures:
    async with engine.connect() as conn:
        return SourceFigures(
            totals=await calls.totals(conn), waiting_events=await identity.waiting_count(conn)
        )


async def unlinked_names(engine: AsyncEngine) -> tuple[Sequence[WaitingName], int]:
    """The names that most events wait for, and how many events wait in all."""
    async with engine.connect() as conn:
        names = await identity.waiting_names(conn, LISTED_NAMES)
        return names, await identity.waiting_count(conn)


async def unlink(engine: AsyncEngine, namespace: str, external_id: str) -> bool:
    """End a link; False if there is none."""
    async with engine.begin() as conn:
        return await identity.unlink(conn, (namespace, external_id))
