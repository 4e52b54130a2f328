"""The lab on the service's own archive, from the command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from healthsvc.flows.lab import export
from healthsvc.flows.lab.recorded_decisions import Record
from healthsvc.flows.lab.replay import Cards, Past, Say, of_archive
from healthsvc.settings import Settings
from healthsvc.store.projections import live_projection
from healthsvc.wire.scorecards.document import compile_document, default_document
from healthsvc.wiring.database import engine_on, update


@dataclass(frozen=True, slots=True)
class Archived:
    """The archive as a file, with the live scorecard and the segments."""

    events: Path
    live_document: str
    segments: Mapping[str, str]


async def archived(
    url: str, settings: Settings, events: Path, on_progress: Callable[[int, int], None]
) -> Archived:
    """Write the archive to a file in the lab's form."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-lab") as engine:
        async with engine.connect() as conn:
            document = (await live_projection.live(conn)).document or default_document()
        program = compile_document(document).program
        await export.write(engine, events, program.risk_type, on_progress)
        return Archived(events, document, await export.segments(engine))


class CardTexts(NamedTuple):
    """Scorecards as YAML; None: the archive's live one, and no other beside it."""

    live: str | None
    candidate: str | None


async def replayed(
    url: str,
    settings: Settings,
    texts: CardTexts,
    past: Past,
    until: datetime | None,
    say: Say,
    record: Record | None = None,
) -> dict[str, Any]:
    """The health score over the archive's past, up to an instant or now."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-lab") as engine:
        async with engine.connect() as conn:
            document = texts.live
            if document is None:
                document = (await live_projection.live(conn)).document
        return await of_archive(
            engine,
            Cards.of(document, texts.candidate),
            past,
            until or datetime.now(UTC),
            say,
            record,
        )
