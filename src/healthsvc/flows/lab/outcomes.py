"""Outcome rows made from the log itself: who left by an explicit act, or fell silent, within the
horizon of each date.

A customer is at risk at a date if it acted within the horizon before. Dates whose horizon isn't
over by the log's end give no rows: what isn't known isn't 0.
"""

from collections.abc import Iterable
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Instants
from healthsvc.core.instants import DAY_US, from_us
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.wire.files.columns import EventColumns
from healthsvc.wire.files.labels import Labels

OutcomeKind = Literal["cancelled", "silence"]
STEP_DAYS: Final = 7


def from_log(
    groups: Iterable[EventColumns], mapping: TypeMapping, outcome: OutcomeKind, horizon_us: int
) -> Labels:
    """Outcome rows on dates a week apart, midnight UTC; events in any order."""
    row_of: dict[str, int] = {}
    rows, times, kinds = _acts(groups, mapping, row_of)
    acts, notices = kinds == 1, kinds == 2
    act_rows, act_us = _by_customer(rows[acts], times[acts])
    gone_rows, gone_us = _by_customer(rows[notices], times[notices])
    names = np.array(list(row_of), dtype=object)
    everyone = np.arange(len(names))
    parts: list[tuple[NDArray[np.int64], int, NDArray[np.float64], Instants]] = []
    if len(times):
        last = int(times.max())
        first = (int(times.min()) + horizon_us) // DAY_US * DAY_US + DAY_US
        for date in range(first, last - horizon_us + 1, STEP_DAYS * DAY_US):
            latest_act = _latest(act_rows, act_us, everyone, date)
            left_before = _latest(gone_rows, gone_us, everyone, date)
            at_risk = np.flatnonzero((latest_act > date - horizon_us) & (left_before < latest_act))
            if outcome == "silence":
                quiet = _latest(act_rows, act_us, at_risk, date + horizon_us) <= date
                churn = np.where(quiet, date + 1, -1)
            else:
                next_notice = _latest(gone_rows, gone_us, at_risk, date + horizon_us)
                quiet, churn = next_notice > date, np.where(next_notice > date, next_notice, -1)
            parts.append((at_risk, date, quiet.astype(np.float64), churn))
    return _labels(parts, names, horizon_us, with_instants=outcome == "cancelled")


def _acts(
    groups: Iterable[EventColumns], mapping: TypeMapping, row_of: dict[str, int]
) -> tuple[NDArray[np.int64], Instants, NDArray[np.int8]]:
    """Customer, instant and kind (1 act, 2 outcome) of the events that matter."""
    kinds: dict[str, int] = {}
    parts: list[tuple[NDArray[np.int64], Instants, NDArray[np.int8]]] = []
    for group in groups:
        for event_type in set(group.types) - kinds.keys():
            kinds[event_type] = {"act": 1, "outcome": 2}.get(mapping.judge(event_type).kind, 0)
        kind = np.fromiter([kinds[t] for t in group.types], np.int8, len(group))
        for account in dict.fromkeys(group.accounts):
            row_of.setdefault(account, len(row_of))
        rows = np.fromiter([row_of[a] for a in group.accounts], np.int64, len(group))
        matters = kind > 0
        parts.append((rows[matters], group.us[matters], kind[matters]))
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int8)
    rows, times, kind = (np.concatenate(p) for p in zip(*parts, strict=True))
    return rows.astype(np.int64), times.astype(np.int64), kind.astype(np.int8)


def _by_customer(rows: NDArray[np.int64], times: Instants) -> tuple[NDArray[np.int64], Instants]:
    order = np.lexsort((times, rows))
    return rows[order], times[order]


def _latest(
    rows: NDArray[np.int64], times: Instants, whose: NDArray[np.int64], upto: int
) -> Instants:
    """(len(whose),) the latest of each customer's instants up to one, -1 where there is none."""
    if not len(rows):
        return np.full(len(whose), -1, np.int64)
    base = int(times.min())
    span = int(times.max()) - base + 2
    keys = rows * span + (times - base)
    at = np.searchsorted(keys, whose * span + min(max(upto - base, -1), span - 1), side="right") - 1
    mine = (at >= 0) & (rows[np.maximum(at, 0)] == whose) & (upto >= base)
    latest: Instants = np.where(mine, times[np.maximum(at, 0)], -1)
    return latest


def _labels(
    parts: list[tuple[NDArray[np.int64], int, NDArray[np.float64], Instants]],
    names: NDArray[np.object_],
    horizon_us: int,
    *,
    with_instants: bool,
) -> Labels:
    accounts = [str(a) for who, _, _, _ in parts for a in names[who].tolist()]
    dates = np.repeat(np.array([d for _, d, _, _ in parts], np.int64), [len(p[0]) for p in parts])
    churned = np.concatenate([p[2] for p in parts]) if parts else np.zeros(0)
    churn = np.concatenate([p[3] for p in parts]) if parts else np.zeros(0, np.int64)
    text = {d: from_us(d).strftime("%Y-%m-%dT%H:%M:%SZ") for _, d, _, _ in parts}
    return Labels(
        accounts=accounts,
        obs=[text[d] for d in dates.tolist()],
        obs_us=dates,
        horizon_us=np.full(len(dates), horizon_us, np.int64),
        churned=churned,
        churn_us=churn if with_instants else np.full(len(dates), -1, np.int64),
    )
