"""A health score over dates of the past: how customers lie over its bands, who moves, who flips,
what red foretold.

Everything is a sum over customers, so blocks of them can be counted one after the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from healthsvc.core.arrays import Codes, Floats, Instants, Int64s, Mask
from healthsvc.core.fit.figures import CUSTOMERS_PER_CSM, ObservedRows, lead
from healthsvc.core.instants import DAY_US, from_us

ABSENT, LEFT, UNSCORED = -3, -2, -1
"""In place of a band: nothing was known of the customer yet; it had left; not enough evidence."""
NAMES: Final = ("not_yet_known", "left", "not_enough_evidence")
FLIP_DAYS: Final = 28
QUARTER_DAYS: Final = 365.25 / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """n customers at d dates, by one scorecard."""

    band: Codes
    """(n, d) place of the band, or `ABSENT`, `LEFT`, `UNSCORED`."""
    score: Floats
    """(n, d) NaN where there is none."""
    leaving: Mask
    """(n, d) the customer had given notice by then, effective or not."""
    alerts: Int64s
    """(n, d) alerts raised since the date before; 0 at the first date."""
    flips: Int64s
    """(n,)"""

    def of(self, rows: Mask) -> "Course":
        """Some of the customers."""
        return Course(
            band=self.band[rows],
            score=self.score[rows],
            leaving=self.leaving[rows],
            alerts=self.alerts[rows],
            flips=self.flips[rows],
        )


class Flips:
    """Changes of band that take the customer's change before back within `FLIP_DAYS`; counted from
    an instant on."""

    def __init__(self, customers: int, since_us: int) -> None:
        self._since_us = since_us
        self._left = np.full(customers, UNSCORED)
        self._left_us = np.zeros(customers, np.int64)
        self.count: Int64s = np.zeros(customers, np.int64)

    def record(self, rows: Int64s, before: Int64s, after: Int64s, now_us: int) -> None:
        """Customers (each once) go from one band to another, at an instant not before the last
        one."""
        back = (self._left[rows] == after) & (now_us - self._left_us[rows] <= FLIP_DAYS * DAY_US)
        if now_us > self._since_us:
            self.count[rows[back]] += 1
        self._left[rows], self._left_us[rows] = before, now_us


class BandTally:
    """What is told of a group of customers by one scorecard."""

    def __init__(self, bands: Sequence[str], dates_us: Instants) -> None:
        self._names, self._dates = [*NAMES, *bands], dates_us
        d, codes = len(dates_us), len(self._names)
        self._lie = np.zeros((d, codes), np.int64)
        self._moves = np.zeros((codes, codes), np.int64)
        self._alerts = np.zeros(d, np.int64)
        self._score, self._score_counts = np.zeros(d), np.zeros(d, np.int64)
        self._flips, self._days = 0, 0.0
        self.customers = 0

    def add(self, course: Course) -> None:
        """Count customers in."""
        code = course.band.astype(np.int64) - ABSENT
        codes, here = len(self._names), (course.band > LEFT).any(axis=1)
        dates = np.broadcast_to(np.arange(len(self._dates)), code.shape)
        self._lie += np.bincount((dates * codes + code).ravel(), minlength=self._lie.size).reshape(
            self._lie.shape
        )
        moves = np.bincount((code[:, :-1] * codes + code[:, 1:]).ravel(), minlength=codes * codes)
        self._moves += moves.reshape(codes, codes)
        self._alerts += course.alerts.sum(axis=0)
        has_score = (course.band > LEFT) & ~np.isnan(course.score)
        self._score += np.where(has_score, course.score, 0.0).sum(axis=0)
        self._score_counts += has_score.sum(axis=0)
        self._flips += int(course.flips.sum())
        stays = (course.band[:, :-1] > LEFT).sum(axis=0)
        self._days += float(stays @ np.diff(self._dates)) / DAY_US
        self.customers += int(here.sum())

    @property
    def has_scores(self) -> bool:
        """Whether anybody had a score at any date."""
        return bool(self._score_counts.any())

    def summary(self, *, by_date: bool = True) -> dict[str, Any]:
        """Ready for JSON. Shares are of the customers that were known and hadn't left."""
        present = self._lie[:, LEFT - ABSENT + 1 :]
        weeks = float(self._dates[-1] - self._dates[0]) / (7 * DAY_US)
        alerts = float(self._alerts.sum()) / weeks if weeks else None
        summary: dict[str, Any] = {
            "customers": self.customers,
            "shares": self._shares(present.sum(axis=0)),
            "shares_on_the_last_date": self._shares(present[-1]),
            "mean_score": float(self._score.sum() / self._score_counts.sum())
            if self._score_counts.sum()
            else None,
            "moves": self._move_counts(),
            "flips_per_100_customers_and_quarter": 100 * self._flips / (self._days / QUARTER_DAYS)
            if self._days
            else None,
            "alerts_per_week": alerts,
        }
        return summary | (
            {"by_date": [self._date(i) for i in range(len(self._dates))]} if by_date else {}
        )

    def csms(self) -> float:
        """How many there would be, with the usual number of customers each."""
        return max(
            1.0, float(self._lie[:, LEFT - ABSENT + 1 :].sum(axis=1).mean()) / CUSTOMERS_PER_CSM
        )

    def _shares(self, counts: Int64s) -> dict[str, float | None]:
        total = int(counts.sum())
        by_name = zip(self._names[LEFT - ABSENT + 1 :], counts.tolist(), strict=True)
        return {name: n / total if total else None for name, n in by_name}

    def _move_counts(self) -> list[dict[str, Any]]:
        """How often a customer was in one on a date and in another on the next."""
        return [
            {"from": a, "to": b, "customers": int(self._moves[i, j])}
            for i, a in enumerate(self._names)
            for j, b in enumerate(self._names)
            if i != j and self._moves[i, j]
        ]

    def _date(self, i: int) -> dict[str, Any]:
        counts = self._lie[i]
        return {
            "date": from_us(int(self._dates[i])).isoformat(),
            "customers": int(counts[LEFT - ABSENT + 1 :].sum()),
            "left": int(counts[LEFT - ABSENT]),
            "shares": self._shares(counts[LEFT - ABSENT + 1 :]),
            "mean_score": float(self._score[i] / self._score_counts[i])
            if self._score_counts[i]
            else None,
            "alerts": int(self._alerts[i]) if i else None,
        }


class RedOutcomes:
    """What being in a band said of who gives notice within the horizon; dates whose horizon isn't
    over don't count."""

    def __init__(
        self, dates_us: Instants, horizon_us: int, until_us: int, reds: Mapping[str, int]
    ) -> None:
        """reds: what counts as red → the best band of it."""
        self._dates, self._horizon_us, self._reds = dates_us, horizon_us, reds
        self._matured = dates_us + horizon_us <= until_us
        self._rows = self._churned = self._customers = 0
        self._red = dict.fromkeys(reds, 0)
        self._hit = dict.fromkeys(reds, 0)
        self._churners: list[tuple[Int64s, Instants, Instants, Codes]] = []

    def add(self, course: Course, churn_us: Instants) -> None:
        """churn_us: (n, d) when the customer next gives notice after the date, -1 where it
        doesn't."""
        there = (course.band > LEFT) & ~course.leaving
        soon = (churn_us >= 0) & (churn_us - self._dates <= self._horizon_us)
        counts = there & self._matured
        self._rows += int(counts.sum())
        self._churned += int((counts & soon).sum())
        for name, best in self._reds.items():
            red = counts & (course.band >= best)
            self._red[name] += int(red.sum())
            self._hit[name] += int((red & soon).sum())
        row, date = np.nonzero(there & (churn_us >= 0))
        self._churners.append(
            (row + self._customers, self._dates[date], churn_us[row, date], course.band[row, date])
        )
        self._customers += len(course.band)

    def summary(self) -> dict[str, Any] | None:
        """Ready for JSON; None where nobody is known to have left."""
        row, obs, churn, band = (np.concatenate(part) for part in zip(*self._churners, strict=True))
        if not len(row):
            return None
        _, churner = np.unique(np.stack([row, churn]), axis=1, return_inverse=True)
        rows = ObservedRows(np.ones(len(row)), obs, churner.reshape(-1).astype(np.int64), churn)
        base = self._churned / self._rows if self._rows else None
        return {
            "horizon_days": self._horizon_us / DAY_US,
            "rows": self._rows,
            "base_rate": base,
            "red": [self._of(name, rows, band, base) for name in self._reds],
        }

    def _of(self, name: str, rows: ObservedRows, band: Codes, base: float | None) -> dict[str, Any]:
        red, hit = self._red[name], self._hit[name]
        precision = hit / red if red else None
        ahead = lead(rows, band >= self._reds[name])
        ahead.pop("lead_days", None)
        return {
            "red": name,
            "rows": red,
            "precision": precision,
            "lift": precision / base if precision is not None and base else None,
            "recall": hit / self._churned if self._churned else None,
            **ahead,
        }


class BandDisagreement:
    """How far two scorecards disagree on the bands of the same customers and dates."""

    def __init__(self, one: Sequence[str], other: Sequence[str]) -> None:
        self._one, self._other = [*NAMES, *one], [*NAMES, *other]
        self._pairs = np.zeros((len(self._one), len(self._other)), np.int64)
        self._last = np.zeros_like(self._pairs)

    def add(self, one: Course, other: Course) -> None:
        """Count the same customers in."""
        self._pairs += self._pair_counts(one.band, other.band)
        self._last += self._pair_counts(one.band[:, -1], other.band[:, -1])

    def summary(self) -> dict[str, Any]:
        """Ready for JSON."""
        rows = int(self._pairs.sum())
        return {
            "rows": rows,
            "disagree": self._differ(self._pairs) / rows if rows else None,
            "changed_on_the_last_date": self._differ(self._last),
            "on_the_last_date": [
                {"live": a, "scorecard": b, "customers": int(self._last[i, j])}
                for i, a in enumerate(self._one)
                for j, b in enumerate(self._other)
                if self._last[i, j]
            ],
        }

    def _differ(self, pairs: Int64s) -> int:
        same = sum(
            int(pairs[i, self._other.index(a)]) for i, a in enumerate(self._one) if a in self._other
        )
        return int(pairs.sum()) - same

    def _pair_counts(self, one: Codes, other: Codes) -> Int64s:
        """Customers known to both that hadn't left; to both alike, since neither scorecard decides
        that."""
        there = (one > LEFT) & (other > LEFT)
        pair = (
            (one[there].astype(np.int64) - ABSENT) * len(self._other)
            + other[there].astype(np.int64)
            - ABSENT
        )
        return np.bincount(pair, minlength=self._pairs.size).reshape(self._pairs.shape)
