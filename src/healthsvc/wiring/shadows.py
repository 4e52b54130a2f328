"""Shadows, from the command line."""

from healthsvc.flows.projections import publish, shadow
from healthsvc.flows.projections.publish import AnotherBuilding, Begun, Live, Unknown
from healthsvc.flows.projections.shadow import Summary
from healthsvc.settings import Settings
from healthsvc.wiring.database import engine_on, update
from healthsvc.wiring.factories import utc_now
from healthsvc.wiring.scorecards import BY


async def begin_shadow(
    url: str, settings: Settings, document: str | None, version: int | None, *, with_gaps: bool
) -> Begun | Unknown | Live | AnotherBuilding:
    """Have a document, or a version that is kept, scored beside the live one."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        if document is not None:
            version = (await publish.keep(engine, document, by=BY, now=utc_now()))[0].version
        number = min(version or 0, 2**31 - 1)
        return await shadow.begin(engine, number, by=BY, now=utc_now(), with_gaps=with_gaps)


async def shadow_summary(url: str, settings: Settings) -> Summary | None:
    """What the shadow makes of the customers; None if there is none."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        return await shadow.summary(engine, utc_now())


async def end_shadow(url: str, settings: Settings) -> bool:
    """End the shadow; False if there is none."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-scorecard") as engine:
        return await shadow.end(engine, by=BY, now=utc_now())
