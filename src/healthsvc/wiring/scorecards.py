"""Scorecards, kept and published from the command line."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from healthsvc.core.actors import system
from healthsvc.flows.alerts import measure_coverage
from healthsvc.flows.projections import publish
from healthsvc.flows.projections.preview import ScorecardPreview, preview
from healthsvc.settings import Settings
from healthsvc.store.database.keyset import Place
from healthsvc.store.projections import live_projection, scorecards
from healthsvc.store.projections.publications import StoredPublication
from healthsvc.store.projections.scorecards import Version
from healthsvc.wire.scorecards.document import default_document
from healthsvc.wiring.background import look_after_projections
from healthsvc.wiring.database import engine_on, update
from healthsvc.wiring.factories import building_memory, utc_now, worker_id

BY: Final = system("command line")


async def scorecard_versions(url: str, settings: Settings) -> Sequence[Version]:
    """The versions, newest first."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine, engine.connect() as conn:
        return await scorecards.page(conn, Place(limit=250))


async def scorecard_status(
    url: str, settings: Settings
) -> tuple[Sequence[StoredPublication], Sequence[measure_coverage.MeasureCoverage]]:
    """The last publications, newest first, and which measures are fed."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        return await publish.progress(engine), (await measure_coverage.measures(engine, utc_now()))[
            0
        ]


async def scorecard_documents(
    url: str, settings: Settings, names: Iterable[str]
) -> dict[str, str | None]:
    """Documents of versions, by number or `live`; None for a version that isn't there."""
    await update(url, settings)
    documents: dict[str, str | None] = {}
    async with engine_on(url, "healthsvc-scorecard") as engine, engine.connect() as conn:
        live = (await live_projection.live(conn)).scorecard_version
        for name in names:
            version = await scorecards.get(
                conn, live if name == "live" else min(int(name), 2**31 - 1)
            )
            documents[name] = None if version is None else version.document or default_document()
    return documents


async def preview_scorecard(
    url: str, settings: Settings, document: str, sample: int, on_progress: Callable[[int], None]
) -> ScorecardPreview:
    """What a scorecard would make of a sample of the customers."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        return await preview(engine, document, utc_now(), sample=sample, on_progress=on_progress)


async def publish_scorecard(
    url: str,
    settings: Settings,
    document: str | None,
    version: int | None,
    *,
    with_gaps: bool,
    override: str | None,
) -> publish.PublishOutcome:
    """Request that a document, or a stored version, becomes the live one."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        if document is not None:
            version = (await publish.keep(engine, document, by=BY, now=utc_now()))[0].version
        number = min(version or 0, 2**31 - 1)
        return await publish.publish(
            engine, number, by=BY, now=utc_now(), with_gaps=with_gaps, override_reason=override
        )


async def rebuild_projection(
    url: str, settings: Settings, *, with_gaps: bool
) -> publish.PublishOutcome:
    """Request a rebuild of the live version."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        return await publish.rebuild(engine, by=BY, now=utc_now(), with_gaps=with_gaps)


async def see_through(
    url: str, settings: Settings, projection: int, on_progress: Callable[[StoredPublication], None]
) -> StoredPublication:
    """Follow a building to its end; build ourselves while no worker does."""
    stop = asyncio.Event()
    async with engine_on(url, "healthsvc-scorecard") as engine:
        building = asyncio.create_task(
            look_after_projections(engine, worker_id(), building_memory(settings), stop)
        )
        try:
            while True:
                publication = next(p for p in await publish.progress(engine) if p.id == projection)
                on_progress(publication)
                if publication.state != "building":
                    return publication
                await asyncio.sleep(0.2)
        finally:
            stop.set()
            await building
