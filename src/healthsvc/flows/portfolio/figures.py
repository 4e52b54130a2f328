"""The portfolio: its figures over a period and over the one before, in all and by segment, tier or
owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from healthsvc.core.arrays import Int64s
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.portfolio.entries import NO_MARK, TEST, TRIAL, Accounts, Entries
from healthsvc.core.portfolio.measures import COUNTS, MEASURES, Figures, Sums, added, figures, sums
from healthsvc.flows.readiness.steps import ON_DEMAND, Again, Step
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.portfolio import ledger, ledger_reads
from healthsvc.store.portfolio.ledger_reads import By
from healthsvc.store.projections import live_projection
from healthsvc.telemetry import DEAD_LETTERS
from healthsvc.wire.events.times import parse_date, parse_instant
from healthsvc.wire.scorecards.document import compile_document

CUSTOMERS_AT_ONCE: Final = 20_000
TAKEN_WHEN_ASKED: Final = 20_000
"""So many waiting events of a partition are taken into the ledger by whoever asks; more wait for
the keeper."""
FRESHENING: Final = "ledger.freshen"
EACH_SECONDS: Final = 30.0
NEXT_STEP_SECONDS: Final = 0.2
DATE_LENGTH: Final = len("2026-06-30")


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureWithTrend:
    """A measure of the period, the same of the period before, and by how much it changed; None
    where it isn't known."""

    value: float | None
    previous: float | None

    @property
    def change(self) -> float | None:
        return None if self.value is None or self.previous is None else self.value - self.previous


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioGroup:
    """All customers, or those of one group; `name` is None for those that are in none."""

    name: str | None
    counts: dict[str, float | None]
    measures: dict[str, FigureWithTrend]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioFigures:
    start: datetime
    end: datetime
    by: By | None
    total: PortfolioGroup
    parts: list[PortfolioGroup]
    first_event_at: datetime | None
    kept_from: datetime | None
    """Some events logged before are not kept; periods that begin earlier have no figures. None: all
    are."""
    as_of: datetime | None
    events_waiting: int
    """Events that are counted, and not in the figures yet."""


async def catch_up(engine: AsyncEngine) -> Again | None:
    """Take the next events of the archive into the ledger; `Again` where more wait. Any number may
    do so at once."""
    set_aside: list[int] = []
    async with engine.begin() as conn:
        waiting = await ledger.catch_up(conn, ledger.STEP, set_aside.append)
    DEAD_LETTERS.labels("unreadable").inc(sum(set_aside))
    return Again(NEXT_STEP_SECONDS) if waiting else None


async def freshen(engine: AsyncEngine, step: Step) -> None:
    """Take in what little waits before figures are read. Whatever breaks must not hide the figures
    that there are: `as_of` and `events_waiting` tell what isn't in them, the registry that it
    broke."""
    try:
        set_aside: list[int] = []
        async with engine.begin() as conn:
            await ledger.catch_up(conn, TAKEN_WHEN_ASKED, set_aside.append)
        DEAD_LETTERS.labels("unreadable").inc(sum(set_aside))
    except Exception as error:
        step.failed(error)
    else:
        step.succeeded()


async def portfolio(
    engine: AsyncEngine,
    start: datetime,
    end: datetime,
    by: By | None,
    step: Step | None = None,
    *,
    trials: bool = False,
) -> PortfolioFigures:
    """The figures of [start, end); customers are in the groups that they are in today. step: what a
    failure to take in the newest events is reported to. trials: whether those that pay nothing
    count."""
    await freshen(engine, step or Step(FRESHENING, ON_DEMAND))
    start_us, end_us = to_us(start), to_us(end)
    async with engine.connect() as conn:
        await ledger_reads.still(conn)
        reach, waiting = await ledger_reads.reach(conn), await ledger.waiting(conn)
        names: list[str | None] = [*(await ledger_reads.groups(conn, by) if by else []), None]
        periods = [(start_us, end_us), (2 * start_us - end_us, start_us)]
        sums_by_period = await _sums(conn, by, names, periods, trials=trials)
    since_us = to_us(reach.missing_until) if reach.missing_until else 0
    now, before = (
        period_sums if begins >= since_us else None
        for period_sums, (begins, _) in zip(sums_by_period, periods, strict=True)
    )
    parts = [_part(name, now, before, group) for group, name in enumerate(names)]
    return PortfolioFigures(
        start=start,
        end=end,
        by=by,
        total=_part(None, now, before, None),
        parts=[part for part in parts if part.name is not None or _anybody(part)] if by else [],
        first_event_at=None if reach.first_us is None else from_us(reach.first_us),
        kept_from=reach.missing_until,
        as_of=reach.as_of,
        events_waiting=waiting,
    )


def _part(
    name: str | None, now: Sums | None, before: Sums | None, group: int | None
) -> PortfolioGroup:
    """What one group comes to, or all (None); a period whose events aren't all kept (None) comes to
    nothing known."""
    this: Figures = {} if now is None else figures(now, group)
    last: Figures = {} if before is None else figures(before, group)
    return PortfolioGroup(
        name=name,
        counts={count: this.get(count) for count in COUNTS},
        measures={
            measure: FigureWithTrend(value=this.get(measure), previous=last.get(measure))
            for measure in MEASURES
        },
    )


def _anybody(part: PortfolioGroup) -> bool:
    return any(part.counts[count] for count in ("customers_at_start", "customers_at_end", "lost"))


async def marks_of(conn: AsyncConnection, *, trials: bool) -> dict[str | None, int]:
    """By segment, the mark of its accounts; trials: they count like customers."""
    document = (await live_projection.live(conn)).document
    accounts = compile_document(document or "").program.scorecard.accounts
    marks: dict[str | None, int] = {} if trials else dict.fromkeys(accounts.trial, TRIAL)
    return marks | dict.fromkeys(accounts.test, TEST)


async def _sums(
    conn: AsyncConnection,
    by: By | None,
    names: Sequence[str | None],
    periods: Sequence[tuple[int, int]],
    *,
    trials: bool,
) -> list[Sums]:
    """The sums of each period, some customers at a time."""
    marks = await marks_of(conn, trials=trials)
    number = {name: i for i, name in enumerate(names)}
    nobody = Accounts(np.zeros(0, np.int64), np.zeros(0, np.int64))
    totals = [
        sums(nobody, entries_of([], nobody.group), np.zeros(0), len(names), *period)
        for period in periods
    ]
    after, until_us = 0, max(end for _, end in periods)
    while rows := await ledger_reads.customers(conn, by, after, CUSTOMERS_AT_ONCE):
        keys = np.array([row.customer_key for row in rows], np.int64)
        accounts = Accounts(
            np.array([number[row.name] for row in rows], np.int64),
            np.array([row.first_us for row in rows], np.int64),
            np.array([marks.get(row.segment, NO_MARK) for row in rows], np.int64),
        )
        last = int(keys[-1])
        entries = entries_of(await ledger_reads.entries(conn, after, last, until_us), keys)
        for i, (start_us, end_us) in enumerate(periods):
            used = await ledger_reads.active(conn, after, last, end_us)
            active = np.array([used.get(key, 0) for key in keys.tolist()], np.float64)
            totals[i] = added(
                totals[i], sums(accounts, entries, active, len(names), start_us, end_us)
            )
        after = last
    return totals


def entries_of(rows: Sequence[Any], keys: Int64s) -> Entries:
    columns: list[list[Any]] = (
        [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(8)]
    )
    key, us, kind, value, before, owned, effective, item = columns
    ends = [
        at if effective_at is None else _instant(effective_at, at)
        for effective_at, at in zip(effective, us, strict=True)
    ]
    return Entries(
        customer=np.searchsorted(keys, np.array(key, np.int64)),
        us=np.array(us, np.int64),
        kind=np.array(kind, np.int64),
        value=np.array(value, np.float64),
        before=np.array(before, np.float64),
        owned=np.array(owned, np.float64),
        effective_us=np.array(ends, np.int64),
        item=np.array([0 if one is None else one for one in item], np.int64),
    )


def _instant(text: str, otherwise: int) -> int:
    us = parse_date(text) if len(text) == DATE_LENGTH else parse_instant(text)
    return otherwise if us is None else us
