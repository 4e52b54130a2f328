"""One call of a source: mapped item by item, resolved to customers, and written in one transaction
with its events, its links and what waits."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from healthsvc.core.instants import to_us
from healthsvc.flows.intake.append import Entry, Position, append_within
from healthsvc.flows.sources.catalogue import ConfiguredSource
from healthsvc.flows.sources.links import link_within
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.sources import calls, identity
from healthsvc.store.sources.calls import NewCall
from healthsvc.store.sources.identity import Name, WaitingEvent
from healthsvc.telemetry import SOURCE_ITEMS, SOURCE_REFUSALS
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.events.rejects import FieldError
from healthsvc.wire.sources.calls import MalformedCall, items_of
from healthsvc.wire.sources.mapping import MappedEvent, MappedItem, map_item, own_id

ItemStatus = Literal["accepted", "waiting", "ignored", "rejected"]
IN_ONE_GO: Final = 50
"""Items that are mapped before the event loop does whatever else is due."""
LISTED_ITEMS: Final = 100
MAX_BODY: Final = 256 * 1024
TOO_MANY_WAIT: Final = FieldError(
    "/customer", f"{identity.MOST_WAITING:,} events wait for their customers already: link some"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutcome:
    """What became of one item."""

    index: int
    status: ItemStatus
    event_ids: Sequence[str] = ()
    detail: str | None = None
    errors: Sequence[FieldError] = ()
    events: Sequence[Mapping[str, Any]] = ()
    """In trial: what would have been counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """What became of a call."""

    call_id: int
    items: Sequence[ItemOutcome]
    is_trial: bool
    positions: Sequence[Position] = ()

    def count(self, status: ItemStatus) -> int:
        return sum(item.status == status for item in self.items)


@dataclass(slots=True)
class _Resolution:
    """The items with their customers, as far as these are known."""

    outcomes: dict[int, ItemOutcome] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    waiting: list[WaitingEvent] = field(default_factory=list)


async def receive(
    engine: AsyncEngine,
    configured: ConfiguredSource,
    body: bytes,
    now: datetime,
    partitions: int,
) -> CallReport:
    """Take a call in. Raises MalformedCall, once it is written down."""
    try:
        items = items_of(configured.source, body, now)
    except MalformedCall as error:
        async with engine.begin() as conn:
            await _write_down(conn, configured, now, [], body, str(error))
        SOURCE_REFUSALS.labels(configured.source.name, "malformed").inc()
        raise
    mapped = await map_all(configured, items)
    async with engine.begin() as conn:
        report = await _take(conn, configured, mapped, body, now, partitions)
    for item in report.items:
        outcome = "trial" if report.is_trial else item.status
        SOURCE_ITEMS.labels(configured.source.name, outcome).inc()
    return report


async def retry_refused(
    engine: AsyncEngine, configured: ConfiguredSource, now: datetime, partitions: int, limit: int
) -> list[CallReport]:
    """Try calls again of which something was rejected, the oldest first: the mapping may be another
    one now. What was accepted before is counted once."""
    async with engine.connect() as conn:
        waiting = await calls.bodies(conn, configured.source.name, limit)
    reports: list[CallReport] = []
    for call_id, body in waiting:
        try:
            items = items_of(configured.source, body, now)
        except MalformedCall:
            async with engine.begin() as conn:
                await calls.forget_bodies(conn, [call_id])
            continue
        mapped = await map_all(configured, items)
        async with engine.begin() as conn:
            await calls.forget_bodies(conn, [call_id])
            reports.append(await _take(conn, configured, mapped, body, now, partitions))
    return reports


async def map_all(configured: ConfiguredSource, items: Sequence[Any]) -> list[MappedItem]:
    """What the mapping makes of the items."""
    mapped: list[MappedItem] = []
    for index, item in enumerate(items):
        mapped.append(map_item(configured.source, index, item))
        if index % IN_ONE_GO == IN_ONE_GO - 1:
            await asyncio.sleep(0)
    return mapped


async def _take(
    conn: AsyncConnection,
    configured: ConfiguredSource,
    mapped: Sequence[MappedItem],
    body: bytes,
    now: datetime,
    partitions: int,
) -> CallReport:
    name, is_trial = configured.source.name, configured.mode != "live"
    links = {
        (link.name.namespace, link.name.id): link.customer_id
        for item in mapped
        for link in item.links
    }
    entries = [] if is_trial else await link_within(conn, links, name, now)
    resolution = await _resolve(conn, mapped, links if is_trial else {}, now, is_trial)
    if resolution.waiting and not is_trial:
        await identity.wait(conn, name, resolution.waiting, now)
    outcomes = [resolution.outcomes[item.index] for item in mapped]
    call_id = await _write_down(conn, configured, now, outcomes, body, None)
    if is_trial:
        return CallReport(call_id=call_id, items=outcomes, is_trial=True)
    positions = await append_within(conn, entries + resolution.entries, partitions=partitions)
    return CallReport(call_id=call_id, items=outcomes, is_trial=False, positions=positions)


async def _resolve(
    conn: AsyncConnection,
    mapped: Sequence[MappedItem],
    assumed: Mapping[Name, str],
    now: datetime,
    is_trial: bool,
) -> _Resolution:
    """The customers of all items; where one isn't known, nobody links it while its events begin to
    wait."""
    names = list(
        {
            (name.namespace, name.id): None
            for item in mapped
            for event in item.events
            for name in event.names
            if own_id(event.names) is None
        }
    )
    known = dict(assumed) | await identity.customers_of(conn, names)
    room = identity.MOST_WAITING
    if not is_trial and _some_unknown(mapped, known):
        await identity.lock_to_wait(conn)
        known |= await identity.customers_of(conn, names)
        room = await identity.room_to_wait(conn, now)
    resolution = _Resolution()
    for item in mapped:
        resolution.outcomes[item.index] = _settle(item, known, resolution, room, now)
    return resolution


def _some_unknown(mapped: Sequence[MappedItem], known: Mapping[Name, str]) -> bool:
    return any(_customer(event, known) is None for item in mapped for event in item.events)


def _customer(event: MappedEvent, known: Mapping[Name, str]) -> str | None:
    own = own_id(event.names)
    if own is not None:
        return own
    customers = (known.get((name.namespace, name.id)) for name in event.names)
    return next((customer for customer in customers if customer is not None), None)


def _settle(
    item: MappedItem,
    known: Mapping[Name, str],
    resolution: _Resolution,
    room: int,
    now: datetime,
) -> ItemOutcome:
    """What becomes of one item; its events enter or wait together, or none does."""
    if item.faults:
        return ItemOutcome(index=item.index, status="rejected", errors=item.faults)
    if item.ignored is not None:
        return ItemOutcome(index=item.index, status="ignored", detail=item.ignored)
    customers = [_customer(event, known) for event in item.events]
    raws = [
        event.envelope(customer or "unknown")
        for event, customer in zip(item.events, customers, strict=True)
    ]
    batch = decode_batch(raws, now_us=to_us(now), is_intake=True)
    ids = [event.fields["id"] for event in item.events]
    outcome = ItemOutcome(
        index=item.index, status="accepted", event_ids=ids, events=_shown(item, customers)
    )
    if batch.rejects:
        return replace(outcome, status="rejected", errors=batch.rejects[0].errors)
    waiting = [
        WaitingEvent(names=[(n.namespace, n.id) for n in event.names], fields=event.fields)
        for event, customer in zip(item.events, customers, strict=True)
        if customer is None
    ]
    if len(resolution.waiting) + len(waiting) > room:
        return replace(outcome, status="rejected", errors=[TOO_MANY_WAIT])
    resolution.waiting += waiting
    resolution.entries += [
        (customer, raw.decode())
        for customer, raw in zip(customers, batch.raws, strict=True)
        if customer is not None
    ]
    if waiting:
        first = waiting[0].names[0]
        detail = f"nobody has linked {first[0]} {first[1]} to a customer yet"
        return replace(outcome, status="waiting", detail=detail)
    return outcome


def _shown(item: MappedItem, customers: Sequence[str | None]) -> list[Mapping[str, Any]]:
    return [
        event.fields | {"customer_id": customer}
        for event, customer in zip(item.events, customers, strict=True)
    ]


async def _write_down(
    conn: AsyncConnection,
    configured: ConfiguredSource,
    now: datetime,
    outcomes: Sequence[ItemOutcome],
    body: bytes,
    malformed: str | None,
) -> int:
    counts: Counter[str] = Counter(outcome.status for outcome in outcomes)
    is_trial = configured.mode != "live"
    is_refused = malformed is not None or counts["rejected"] > 0
    outcome = "malformed" if malformed is not None else ("trial" if is_trial else "taken")
    return await calls.add(
        conn,
        NewCall(
            source=configured.source.name,
            received_at=now,
            outcome=outcome,
            counts=counts,
            detail=malformed,
            items=[_listed(each, is_trial) for each in outcomes[:LISTED_ITEMS]],
            body=body if is_refused and len(body) <= MAX_BODY else None,
        ),
    )


def _listed(outcome: ItemOutcome, is_trial: bool) -> dict[str, object]:
    listed: dict[str, object] = {
        "index": outcome.index,
        "status": outcome.status,
        "event_ids": list(outcome.event_ids),
        "detail": outcome.detail,
        "errors": [{"pointer": e.pointer, "detail": e.detail} for e in outcome.errors],
    }
    if is_trial:
        listed["events"] = [dict(event) for event in outcome.events]
    return listed
