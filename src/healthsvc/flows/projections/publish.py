"""Scorecard versions: kept as drafts, published, rebuilt, and how far that is."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from healthsvc.core.actors import Actor
from healthsvc.core.fit.gate import GateCheck
from healthsvc.flows.projections import ship_gate
from healthsvc.store.admin import audit
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.projections import live_projection, publications, scorecards
from healthsvc.store.projections.publications import AlreadyBuilding, StoredPublication
from healthsvc.store.projections.scorecards import Version
from healthsvc.wire.scorecards.document import compile_document

CANCELLED: Final = "Cancelled by {by}."


@dataclass(frozen=True, slots=True)
class Begun:
    """A projection is being built for the version; it goes live by itself."""

    projection: int
    version: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no such version."""


@dataclass(frozen=True, slots=True)
class Live:
    """The version is live already."""


@dataclass(frozen=True, slots=True)
class AnotherBuilding:
    """Another projection is being built, or kept as a shadow."""


@dataclass(frozen=True, slots=True)
class GateRefusal:
    """The ship gate says no; a reason would override it."""

    checks: Sequence[GateCheck]
    """What failed, with its figures."""

    def __str__(self) -> str:
        failed = "; ".join(f"{check.name}: {check.detail}" for check in self.checks)
        return f"The ship gate says no to the model: {failed}"


PublishOutcome: TypeAlias = Begun | Unknown | Live | AnotherBuilding | GateRefusal


async def keep(
    engine: AsyncEngine, document: str, *, by: Actor, now: datetime
) -> tuple[Version, bool]:
    """Keep a document as a version; the second is False if a version has this very document
    already.

    Raises ScorecardError.
    """
    compiled = await asyncio.to_thread(
        compile_document, document
    )  # takes longer than an event loop may be held up
    name = compiled.scorecard.name
    async with engine.begin() as conn:
        number = await scorecards.same(conn, document)
        is_new = number is None
        if number is None:
            number = await scorecards.add(conn, name=name, document=document, by=by.by, now=now)
            await audit.record(conn, now, actor=by, action="scorecard.created", target=str(number))
        version = await scorecards.get(conn, number)
    assert version is not None, "it was there a moment ago, and versions are never deleted"
    return version, is_new


async def find(engine: AsyncEngine, version: int) -> Version | None:
    async with engine.connect() as conn:
        return await scorecards.get(conn, version)


async def publish(
    engine: AsyncEngine,
    version: int,
    *,
    by: Actor,
    now: datetime,
    with_gaps: bool = False,
    override_reason: str | None = None,
) -> PublishOutcome:
    """Have a version become the live one: a projection is built for it, while the live one serves.

    override_reason: publish although the ship gate says no; kept with the version, where it was
    needed.
    """
    candidate = await find(engine, version)
    if candidate is None:
        return Unknown()
    failed = await ship_gate.failing(engine, candidate, now)
    if failed and override_reason is None:
        return GateRefusal(failed)
    async with engine.begin() as conn:
        if (await live_projection.live(conn)).scorecard_version == version:
            return Live()
        outcome = await _promoted(conn, version, by=by, now=now) or await ask(
            conn, version, reason="publish", by=by, now=now, with_gaps=with_gaps
        )
        if failed and override_reason is not None and isinstance(outcome, Begun):
            await scorecards.override(conn, version, override_reason)
            detail = {"reason": override_reason, "failed": [check.name for check in failed]}
            await audit.record(
                conn,
                now,
                actor=by,
                action="scorecard.overridden",
                target=str(version),
                detail=detail,
            )
        return outcome


async def rebuild(
    engine: AsyncEngine, *, by: Actor, now: datetime, with_gaps: bool = False
) -> PublishOutcome:
    """Have the live version built anew from the archive, and take over: the same states, bit for
    bit."""
    async with engine.begin() as conn:
        version = (await live_projection.live(conn)).scorecard_version
        return await ask(conn, version, reason="rebuild", by=by, now=now, with_gaps=with_gaps)


async def _promoted(
    conn: AsyncConnection, version: int, *, by: Actor, now: datetime
) -> Begun | None:
    """Where the version is the shadow, it takes over as it is: nothing has to be folded again."""
    shadow = await publications.building(conn)
    if (
        shadow is None
        or shadow.version != version
        or not await publications.promote(conn, shadow.id, by.by)
    ):
        return None
    detail = {"projection": shadow.id, "with_gaps": shadow.with_gaps}
    await audit.record(
        conn, now, actor=by, action="scorecard.publish", target=str(version), detail=detail
    )
    return Begun(shadow.id, version)


async def ask(
    conn: AsyncConnection, version: int, *, reason: str, by: Actor, now: datetime, with_gaps: bool
) -> Begun | AnotherBuilding:
    """Have a projection built for a version, in the caller's transaction."""
    try:
        projection = await publications.ask(
            conn, version, reason=reason, by=by.by, with_gaps=with_gaps, now=now
        )
    except AlreadyBuilding:
        return AnotherBuilding()
    detail = {"projection": projection, "with_gaps": with_gaps}
    await audit.record(
        conn, now, actor=by, action=f"scorecard.{reason}", target=str(version), detail=detail
    )
    return Begun(projection, version)


async def cancel(engine: AsyncEngine, *, by: Actor, now: datetime) -> bool:
    """Give up what is being built; the live projection goes on. False: nothing is."""
    async with engine.begin() as conn:
        unfinished = await publications.building(conn)
        if unfinished is None or not await publications.give_up(
            conn, unfinished.id, CANCELLED.format(by=by.by)
        ):
            return False
        await audit.record(
            conn, now, actor=by, action="scorecard.cancelled", target=str(unfinished.version)
        )
    return True


async def progress(engine: AsyncEngine, limit: int = 20) -> Sequence[StoredPublication]:
    """The last publications and rebuilds, the newest first."""
    async with engine.connect() as conn:
        return await publications.publications(conn, limit)
