"""The portfolio as a series: health, revenue and who left, step by step over a period."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s
from healthsvc.core.instants import to_us
from healthsvc.core.portfolio.entries import NO_MARK, Accounts
from healthsvc.core.portfolio.series import (
    NO_BAND,
    DecidedHealth,
    SeriesInput,
    SeriesSums,
    nothing,
    series,
)
from healthsvc.flows.portfolio.figures import FRESHENING, entries_of, freshen, marks_of
from healthsvc.flows.readiness.steps import ON_DEMAND
from healthsvc.flows.readiness.steps import Step as RepeatedStep
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.portfolio import health_reads, ledger, ledger_reads
from healthsvc.store.portfolio.ledger_reads import By
from healthsvc.store.projections import live_projection
from healthsvc.wire.scorecards.document import compile_document

CUSTOMERS_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """All customers, or those of one group, at the end of a step; None where it isn't known.

    Bands are known from when the first decision was made: the past of an import has none.
    """

    group: str | None
    customers: int | None
    mrr: float | None
    mrr_at_risk: float | None
    score: float | None
    bands: dict[str, int] | None
    without_band: int | None
    gained: int | None
    lost: int | None
    mrr_lost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesStep:
    """One step: its span, everybody, and the groups."""

    start: datetime
    end: datetime
    total: SeriesPoint
    groups: list[SeriesPoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFigures:
    steps: list[SeriesStep]
    bands: Sequence[str]
    """Of the live scorecard, the best first."""
    kept_from: datetime | None
    """Some events logged before are not kept; what lies earlier has no figures. None: all are."""
    as_of: datetime | None
    events_waiting: int
    """Events that are counted, and not in the figures yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Whether all events are kept of what a step's end, or all of it, is made of."""

    at_end: bool
    throughout: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _SeriesRequest:
    """What is read and counted: instants, groups and bands by number."""

    instants: Sequence[datetime]
    groups: Sequence[str | None]
    bands: Sequence[str]
    """Of the live scorecard, the best first."""
    marks: dict[str | None, int]

    @property
    def at_us(self) -> Int64s:
        return np.array([to_us(each) for each in self.instants], np.int64)


async def portfolio_series(
    engine: AsyncEngine,
    instants: Sequence[datetime],
    by: By | None,
    step: RepeatedStep | None = None,
    *,
    trials: bool = False,
) -> SeriesFigures:
    """The series over the steps between rising instants; customers are in the groups that they are
    in today. step: what a failure to take in the newest events is reported to. trials: whether
    those that pay nothing count."""
    await freshen(engine, step or RepeatedStep(FRESHENING, ON_DEMAND))
    async with engine.connect() as conn:
        await ledger_reads.still(conn)
        reach, waiting = await ledger_reads.reach(conn), await ledger.waiting(conn)
        asked = _SeriesRequest(
            instants=instants,
            groups=[*(await ledger_reads.groups(conn, by) if by else []), None],
            bands=await _bands(conn),
            marks=await marks_of(conn, trials=trials),
        )
        sums = await _sums(conn, asked, by)
    return SeriesFigures(
        steps=_steps(asked, sums, reach.missing_until, by),
        bands=asked.bands,
        kept_from=reach.missing_until,
        as_of=reach.as_of,
        events_waiting=waiting,
    )


async def _bands(conn: AsyncConnection) -> list[str]:
    document = (await live_projection.live(conn)).document
    scorecard = compile_document(document or "").program.scorecard
    return [band.name for band in scorecard.bands]


async def _sums(conn: AsyncConnection, asked: _SeriesRequest, by: By | None) -> SeriesSums:
    """The sums of all customers, some at a time; counted in a thread, since that takes seconds."""
    number = {name: place for place, name in enumerate(asked.groups)}
    bands, after, until_us = len(asked.bands), 0, to_us(asked.instants[-1])
    low = np.arange(bands) > (bands - 1) // 2
    total = nothing(len(asked.instants), len(asked.groups), bands)
    while rows := await ledger_reads.customers(conn, by, after, CUSTOMERS_AT_ONCE):
        keys = np.array([row.customer_key for row in rows], np.int64)
        last = int(keys[-1])
        entries = await ledger_reads.entries(conn, after, last, until_us)
        decisions = await health_reads.decided(conn, after, last, asked.instants)
        accounts = Accounts(
            np.array([number[row.name] for row in rows], np.int64),
            np.array([row.first_us for row in rows], np.int64),
            np.array([asked.marks.get(row.segment, NO_MARK) for row in rows], np.int64),
        )
        some = SeriesInput(
            accounts=accounts,
            entries=entries_of(entries, keys),
            health=_health(decisions, keys, asked),
            at_us=asked.at_us,
            low=low,
        )
        total = total.plus(await asyncio.to_thread(series, some, len(asked.groups)))
        after = last
    return total


def _health(decisions: Sequence[Any], keys: Int64s, asked: _SeriesRequest) -> DecidedHealth:
    """What had been decided by each instant: the last decision of an earlier step goes on."""
    shape = (len(keys), len(asked.instants))
    number = {name: place for place, name in enumerate(asked.bands)}
    newest = np.zeros(shape, np.int64)  # number of the decision, from 1
    band = np.array([NO_BAND, *(number.get(row.band, NO_BAND) for row in decisions)], np.int64)
    score = np.array(
        [np.nan, *(np.nan if row.score is None else row.score for row in decisions)], np.float64
    )
    if decisions:
        customer = np.searchsorted(keys, np.array([row.customer_key for row in decisions]))
        newest[customer, [row.step for row in decisions]] = np.arange(1, len(decisions) + 1)
    at = np.where(newest > 0, np.arange(shape[1]), 0)
    latest = np.take_along_axis(newest, np.maximum.accumulate(at, axis=1), axis=1)
    return DecidedHealth(band[latest], score[latest])


def _steps(
    asked: _SeriesRequest, sums: SeriesSums, since: datetime | None, by: By | None
) -> list[SeriesStep]:
    spans = enumerate(pairwise(asked.instants))
    groups = [
        place for place, name in enumerate(asked.groups) if by and _is_anybody(sums, place, name)
    ]
    steps: list[SeriesStep] = []
    for step, (start, end) in spans:
        known = _Known(
            at_end=since is None or end >= since, throughout=since is None or start >= since
        )
        total, *points = (_point(asked, sums, step, group, known) for group in (None, *groups))
        steps.append(SeriesStep(start=start, end=end, total=total, groups=points))
    return steps


def _is_anybody(sums: SeriesSums, group: int, name: str | None) -> bool:
    """Whether a group is listed: those without a group only where there is somebody."""
    return name is not None or bool(
        (sums.customers[:, group] > 0).any() or (sums.lost[:, group] > 0).any()
    )


def _point(
    asked: _SeriesRequest, sums: SeriesSums, step: int, group: int | None, known: _Known
) -> SeriesPoint:
    """What one group, or all (None), comes to at the end of a step and over it."""
    some = slice(None) if group is None else slice(group, group + 1)

    def at_end(of: Floats) -> float | None:
        return float(of[step + 1, some].sum()) if known.at_end else None

    def over(of: Floats) -> float | None:
        return float(of[step, some].sum()) if known.throughout else None

    scored = float(sums.scored[step + 1, some].sum())
    scores = at_end(sums.scores)
    in_band = sums.in_band[step + 1, some].sum(axis=0)
    customers = at_end(sums.customers)
    bands = dict(zip(asked.bands, map(int, in_band), strict=True))
    is_decided = known.at_end and bool(in_band.any())
    return SeriesPoint(
        group=None if group is None else asked.groups[group],
        customers=_whole(customers),
        mrr=at_end(sums.mrr),
        mrr_at_risk=at_end(sums.mrr_at_risk) if is_decided else None,
        score=None if scores is None or not scored else scores / scored,
        bands=bands if is_decided else None,
        without_band=int(customers - in_band.sum()) if customers is not None else None,
        gained=_whole(over(sums.gained)),
        lost=_whole(over(sums.lost)),
        mrr_lost=over(sums.mrr_lost),
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
