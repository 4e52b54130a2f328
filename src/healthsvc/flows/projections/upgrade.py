"""Rebuilds states in another version's format from the archive, which doesn't depend on the
format."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

import structlog

from healthsvc.core.actors import system
from healthsvc.flows.processing.state_format import UnreadableStates, is_former, try_to_read
from healthsvc.flows.projections import publish
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection
from healthsvc.store.projections.publications import StoredPublication
from healthsvc.telemetry import LogEvent
from healthsvc.wire.scorecards.document import compile_document

LOOK_SECONDS: Final = 0.5
BY: Final = system("upgrade")

log = structlog.get_logger()


async def make_readable(
    engine: AsyncEngine, *, now: Callable[[], datetime], stop: asyncio.Event
) -> None:
    """Return when the live states can be read, at once as a rule: else they are built anew first,
    or `stop` is set. Those of a former format serve while others are built beside them.

    Somebody has to look after projections meanwhile. Raises UnreadableStates where the archive
    doesn't do.
    """
    why = await _unreadable(engine)
    if why is None:
        await _complete(engine, now())
        return
    log.warning(
        LogEvent.STATES_UNREADABLE, why=str(why), done="they are built anew from the archive"
    )
    await _ask(engine, now())
    while not stop.is_set() and await _unreadable(engine) is not None:
        last = await _last(engine)
        if last.failure is not None:
            raise UnreadableStates(
                "The stored states were written by another version, and can't be built anew."
                f" {last.failure} To go on with what the archive has: `healthsvc rebuild"
                " --with-gaps`."
            ) from why
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


async def _complete(engine: AsyncEngine, now: datetime) -> None:
    """Have states of a former format built anew in the background, once: where the archive doesn't
    do, what they lack stays unknown of a customer until an event tells it."""
    async with engine.connect() as conn:
        some = await states.any_one(conn, (await live_projection.live(conn)).id)
    if not is_former(some):
        return
    last = await _last(engine)
    is_asked = last.state == "building" or last.requested_by == BY.by
    log.warning(
        LogEvent.STATES_FORMER,
        lacks="subscriptions by id, habits of payment, growth; unknown until told or built anew",
        done="" if is_asked else "they are built anew from the archive, in the background",
    )
    if not is_asked:
        await publish.rebuild(engine, by=BY, now=now)


async def _ask(engine: AsyncEngine, now: datetime) -> None:
    """Unless another worker has done so. What was begun by the other version can't be gone on
    with."""
    last = await _last(engine)
    if last.state == "building" and last.requested_by != BY.by:
        await publish.cancel(engine, by=BY, now=now)
    await publish.rebuild(engine, by=BY, now=now)


async def _unreadable(engine: AsyncEngine) -> UnreadableStates | None:
    async with engine.connect() as conn:
        live = await live_projection.live(conn)
        some = await states.any_one(conn, live.id)
    try:
        try_to_read(compile_document(live.document).program, some)
    except UnreadableStates as error:
        return error
    return None


async def _last(engine: AsyncEngine) -> StoredPublication:
    return (await publish.progress(engine, 1))[0]
