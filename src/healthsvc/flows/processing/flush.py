"""One flush: everything that a worker learnt since the last one, in one transaction, with the
offsets."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from healthsvc.core.alerts import HELD
from healthsvc.flows.changes import record
from healthsvc.flows.operations_alerts import raise_alert
from healthsvc.flows.processing.decisions import draft_changes
from healthsvc.flows.processing.decisions.decision_rows import DecisionRows
from healthsvc.store.alerts import outages
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.changes.change_log import NewChange, NumberedChange
from healthsvc.store.database.copying import Block
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.intake import log
from healthsvc.store.processing import (
    alert_writes,
    archive,
    decisions,
    dedupe,
    partitions,
    states,
    timers,
)
from healthsvc.store.processing.alert_writes import AlertRow, ResolvedAlert, TakenOver
from healthsvc.store.processing.dead_letter_writes import NewDeadLetter, dead_letter
from healthsvc.store.processing.dedupe import BucketIds, RecentIds
from healthsvc.store.processing.partitions import Move
from healthsvc.store.processing.states import StateRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """Recent ids of a partition that become buckets."""

    partition: int
    sequence: int
    buckets: list[BucketIds]
    forget_before: datetime


@dataclass(slots=True, kw_only=True)
class Flush:
    """What is to be written; everything is encoded already, so folding goes on meanwhile."""

    projection: int
    owner: str
    moves: list[Move]
    fresh: StateRows | None = None
    changed: StateRows | None = None
    decisions: DecisionRows = field(default_factory=DecisionRows)
    archive: dict[date, Block] = field(default_factory=dict)
    letters: list[NewDeadLetter] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    recent_ids: list[RecentIds] = field(default_factory=list)
    rotated: list[Rotated] = field(default_factory=list)
    forwarded: list[tuple[int, str]] = field(default_factory=list)
    """(home partition, event) of records that were read away from home."""
    events: int = 0

    @property
    def customers(self) -> int:
        """How many states it writes."""
        return sum(rows.count for rows in (self.fresh, self.changed) if rows is not None)


@dataclass(slots=True, kw_only=True)
class Written:
    """What the flush changed, as only the database could determine."""

    raised: list[AlertRow] = field(default_factory=list)
    escalated: list[AlertRow] = field(default_factory=list)
    resolved: list[ResolvedAlert] = field(default_factory=list)


async def write(engine: AsyncEngine, flush: Flush, now: datetime) -> Written:
    """Write a flush, all or nothing.

    1. Compare-and-set of epochs and offsets: begins the transaction, locks the partitions, fences a
       zombie (raises
    Fenced).
    2. States, timers, standings, history; archive, dead letters and the operations alerts that tell
       of some of them, ids.
    3. Alerts; changes are numbered, and in the same breath webhooks tell of them.
    4. Changes and hand-overs to other partitions' table logs are appended: last, since they hold
       the heads of the feed and of the log until the commit.
    """
    result = Written()
    async with engine.begin() as conn:
        await partitions.compare_and_set(
            conn, projection=flush.projection, owner=flush.owner, moves=flush.moves
        )
        await states.write(conn, flush.fresh, flush.changed)
        await _write_decisions(conn, flush)
        if flush.archive:
            await archive.copy(conn, flush.archive)
        if flush.letters:
            await dead_letter(conn, flush.letters)
        await _ids(conn, flush)
        for trouble in flush.troubles:
            await raise_alert(conn, trouble, now)
        numbered = await _announce(conn, flush.decisions, result, now)
        await record.append(conn, numbered)
        if flush.forwarded:
            await log.append(conn, flush.forwarded)
    return result


async def _write_decisions(conn: AsyncConnection, flush: Flush) -> None:
    rows = flush.decisions
    await timers.write(conn, rows.timers)
    await timers.delete(conn, flush.projection, rows.timers_gone)
    await decisions.write_standings(conn, rows.standings, rows.moves)
    await decisions.write_history(conn, rows.history)


async def _announce(
    conn: AsyncConnection, rows: DecisionRows, result: Written, now: datetime
) -> list[NumberedChange]:
    """Write the alerts; number and send everything that has changed."""
    taken_over = await alert_writes.take_over(conn, [a for a in rows.alerts if a.takes_over])
    taken_ids = {t.row_id for t in taken_over} | {
        a.id for a in rows.alerts if a.takes_over == "de_escalated"
    }
    new = await alert_writes.raise_alerts(conn, [a for a in rows.alerts if a.id not in taken_ids])
    resolved = await alert_writes.resolve_alerts(conn, rows.endings)
    escalating = {a.id: a for a in rows.alerts if a.takes_over == "escalated"}
    result.raised += [a for a in rows.alerts if a.id in new]
    result.escalated += [escalating[t.row_id] for t in taken_over if t.row_id in escalating]
    result.resolved += resolved
    changes = [
        *await _without_outages(conn, rows, now),
        *(draft.raised() for id, draft in rows.alert_drafts.items() if id in new),
        *_taken_over(rows, taken_over, escalating.keys()),
        *draft_changes.resolved(resolved, rows.ended_of, now),
    ]
    return await record.announce(conn, changes)


def _taken_over(
    rows: DecisionRows, taken_over: Sequence[TakenOver], escalating: Collection[str]
) -> list[NewChange]:
    """Changes of alerts that another flag has taken over; of one that is held, nobody was told."""
    return [
        rows.alert_drafts[t.row_id].taken_over(t, escalated=t.row_id in escalating)
        for t in taken_over
        if t.state != HELD
    ]


async def _without_outages(
    conn: AsyncConnection, rows: DecisionRows, now: datetime
) -> list[NewChange]:
    """Changes besides alerts, without what only the passing of time has raised of customers
    affected by an outage."""
    absent = {str(d.change.customer_id) for d in rows.changes if d.by_absence}
    affected = await outages.concerned(conn, sorted(absent), now)
    return [
        draft.change
        for draft in rows.changes
        if not draft.by_absence or draft.change.customer_id not in affected
    ]


async def _ids(conn: AsyncConnection, flush: Flush) -> None:
    await dedupe.add_recent(conn, flush.projection, flush.recent_ids)
    for r in flush.rotated:
        await dedupe.rotate(conn, flush.projection, r.partition, r.sequence, r.buckets)
        await dedupe.forget_before(conn, flush.projection, r.partition, r.forget_before)
