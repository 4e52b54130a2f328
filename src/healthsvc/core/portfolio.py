"""Portfolio measures: what became of the customers of a period, from what they told of money,
answers and tickets.

Retention rate = customers at the end that were there at the start / customers at the start. Churn
rate = customers lost in the period / customers at the start. GRR and NRR: recurring revenue at the
end of the customers there at the start / theirs at the start, for GRR each at most what it was. NPS
= % promoters - % detractors. CSAT = share of 4-5. CES = mean. Adoption = active functions /
functions owned. What has nothing to be divided by is None, never zero.

Everything is a sum by group, so the sums of some customers and of others add up to those of all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.folding.contract import Contract
from healthsvc.core.instants import DAY_US

PROFILE, RENEWED, CANCELLED, NPS, CSAT, CES, OPENED, ANSWERED, RESOLVED = range(9)
CHANGED, WITHDRAWN = 9, 10
"""Kinds of entries. Changes of a subscription that a former version took in are RENEWED."""
NO_MARK, TRIAL, TEST = range(3)
"""Marks of accounts."""
ACTIVE_US: Final = 28 * DAY_US
"""A function is active if it was used within so long before the end of the period."""
PROMOTER, DETRACTOR, SATISFIED = 9.0, 6.0, 4.0
_HOUR_US: Final = 3_600_000_000.0

MEASURES: Final = (
    *("retention_rate", "churn_rate", "grr", "nrr", "nps", "csat", "ces"),
    *("hours_to_first_answer", "hours_to_resolution", "adoption"),
)
COUNTS: Final = (
    *("customers_at_start", "customers_at_end", "retained", "lost", "mrr_at_start", "mrr_at_end"),
    *(
        "nps_answers",
        "csat_answers",
        "ces_answers",
        "tickets_answered",
        "tickets_resolved",
        "functions_owned",
    ),
)
_SUMS: Final = (
    *(*COUNTS, "mrr_kept", "mrr_now", "promoters", "detractors", "satisfied", "ease"),
    *("answer_hours", "resolution_hours", "functions_active"),
)

Sums = dict[str, Floats]
"""By name of a sum, (groups,)."""
Figures = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Accounts:
    """n customers."""

    group: Int64s
    """(n,) number of its group."""
    first_us: Int64s
    """(n,) its first event: from then on it is there."""
    mark: Int64s | None = None
    """(n,) whether it is a trial or a test account; None: none is."""

    def counted(self, pays: Mask) -> Mask:
        """(n,) who counts: no test accounts, and of the trials those that pay."""
        if self.mark is None:
            return np.ones(len(self.group), bool)
        counts: Mask = (self.mark == NO_MARK) | ((self.mark == TRIAL) & pays)
        return counts


@dataclass(frozen=True, slots=True)
class Entries:
    """What was told, in the order of the customers, of a customer in the order in which it
    happened."""

    customer: Int64s
    """Place among the accounts, rising."""
    us: Int64s
    kind: Int64s
    value: Floats
    """Recurring revenue, or the answer; NaN where it isn't said."""
    before: Floats
    """Recurring revenue before a change, where the change says it."""
    owned: Floats
    """Functions owned, where a profile says it."""
    effective_us: Int64s
    """When a cancellation takes effect."""
    item: Int64s
    """Which ticket or subscription; 0: the subscription without an id."""

    def take(self, some: Mask) -> "Entries":
        return Entries(
            *(
                self.customer[some],
                self.us[some],
                self.kind[some],
                self.value[some],
                self.before[some],
            ),
            *(self.owned[some], self.effective_us[some], self.item[some]),
        )


def sums(
    accounts: Accounts, entries: Entries, active: Floats, groups: int, start_us: int, end_us: int
) -> Sums:
    """The sums of a period, its end not included. active: (n,) functions used within `ACTIVE_US`
    before the end."""
    start, end = _Standing(accounts, entries, start_us), _Standing(accounts, entries, end_us)
    within = entries.take((entries.us >= start_us) & (entries.us < end_us))
    retained = start.there & end.there
    known = start.there & (start.mrr > 0)
    mrr_end = np.where(end.there, np.nan_to_num(end.mrr), 0.0)
    features_owned = end.owned(entries)
    owning = end.there & (features_owned > 0)
    result = {
        "customers_at_start": start.there,
        "customers_at_end": end.there,
        "retained": retained,
        "lost": _was_there(accounts, within, start, start_us, end_us) & ~end.there,
        "mrr_at_start": np.where(known, start.mrr, 0.0),
        "mrr_at_end": mrr_end,
        "mrr_now": np.where(known, mrr_end, 0.0),
        "mrr_kept": np.where(known, np.minimum(mrr_end, start.mrr), 0.0),
        "functions_owned": np.where(owning, features_owned, 0.0),
        "functions_active": np.where(owning, np.minimum(active, features_owned), 0.0),
        **_answers(within, len(accounts.group)),
        **_tickets(entries.take(entries.us < end_us), start_us, len(accounts.group)),
    }
    counts = accounts.counted((np.nan_to_num(start.mrr) > 0) | (np.nan_to_num(end.mrr) > 0))
    return {name: _summed(accounts.group, result[name] * counts, groups) for name in _SUMS}


def _summed(places: Int64s, numbers: Floats, length: int) -> Floats:
    """(length,) the numbers added up by place."""
    return np.bincount(places, numbers, length).astype(np.float64)


def added(some: Sums, others: Sums) -> Sums:
    """The sums of both."""
    return {name: some[name] + others[name] for name in _SUMS}


def figures(totals: Sums, group: int | None = None) -> Figures:
    """The counts and measures of one group, or of all."""
    s = {
        name: float(totals[name].sum() if group is None else totals[name][group]) for name in _SUMS
    }
    return {name: s[name] for name in COUNTS} | {
        "retention_rate": _over(s["retained"], s["customers_at_start"]),
        "churn_rate": _over(s["lost"], s["customers_at_start"]),
        "grr": _over(s["mrr_kept"], s["mrr_at_start"]),
        "nrr": _over(s["mrr_now"], s["mrr_at_start"]),
        "nps": _over(100.0 * (s["promoters"] - s["detractors"]), s["nps_answers"]),
        "csat": _over(s["satisfied"], s["csat_answers"]),
        "ces": _over(s["ease"], s["ces_answers"]),
        "hours_to_first_answer": _over(s["answer_hours"], s["tickets_answered"]),
        "hours_to_resolution": _over(s["resolution_hours"], s["tickets_resolved"]),
        "adoption": _over(s["functions_active"], s["functions_owned"]),
    }


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


class _Subscriptions:
    """The subscriptions that were told by an instant, m of them, and when each ends."""

    def __init__(self, entries: Entries, known: Mask) -> None:
        told = np.isin(entries.kind, (RENEWED, CHANGED, CANCELLED, WITHDRAWN)) & known
        self._some = entries.take(told)
        keys = np.stack([self._some.customer, self._some.item], axis=1)
        unique, place = np.unique(keys, axis=0, return_inverse=True)
        self._place: Int64s = place.reshape(-1).astype(np.int64)
        self.customer: Int64s = unique[:, 0]
        self.is_named: Mask = unique[:, 1] != 0
        pays = ~(self._some.value <= 0)  # also where nothing is said
        self.renewed_at = self._newest(RENEWED, pays)
        self.changed_at = self._newest(CHANGED, self._some.value > 0)
        withdrawn_at = self._newest(WITHDRAWN, pays)
        self.told_at = np.maximum(np.maximum(self.renewed_at, self.changed_at), withdrawn_at)
        cancelled_at = self._newest(CANCELLED, np.ones(len(self._some.us), bool))
        effective_at = np.zeros(len(self.customer))
        cancellation = self._some.kind == CANCELLED
        effective_at[self._place[cancellation]] = self._some.effective_us[cancellation]
        self.ends_at = Contract(
            cancelled_at=cancelled_at,
            effective_at=effective_at,
            renewed_at=self.renewed_at,
            changed_at=self.changed_at,
            withdrawn_at=withdrawn_at,
        ).ends_at

    def mrr(self) -> Floats:
        """(m,) as last told of each; NaN where it wasn't."""
        mrr = np.full(len(self.customer), np.nan)
        told = ~np.isnan(self._some.value) & (self._some.kind != CANCELLED)
        mrr[self._place[told]] = self._some.value[told]  # in order of time: the last one stays
        return mrr

    def _newest(self, kind: int, which: Mask) -> Floats:
        """(m,) the newest instant of a kind, 0 where there is none."""
        newest = np.zeros(len(self.customer))
        some = (self._some.kind == kind) & which
        np.maximum.at(newest, self._place[some], self._some.us[some].astype(np.float64))
        return newest


class _Standing:
    """Who is there at an instant, and what is known by then."""

    def __init__(self, accounts: Accounts, entries: Entries, at_us: int) -> None:
        self._n, self._known = len(accounts.group), entries.us < at_us
        subscriptions = _Subscriptions(entries, self._known)
        churned = self._ends(subscriptions) <= at_us
        self.there: Mask = (accounts.first_us < at_us) & ~churned
        self.mrr: Floats = self._mrr(entries, subscriptions, at_us)

    def _ends(self, subscriptions: _Subscriptions) -> Floats:
        """(n,) when the last subscription of each ends; inf where one goes on or none was told. A
        cancellation without an id ends all where all others have ids."""
        customer, named = subscriptions.customer, subscriptions.is_named
        has_named = np.zeros(self._n, bool)
        has_named[customer[named]] = True
        is_own = named | (subscriptions.told_at > 0) | ~has_named[customer]
        last = np.full(self._n, -np.inf)
        np.maximum.at(last, customer[is_own], subscriptions.ends_at[is_own])
        told = np.zeros(self._n)
        np.maximum.at(told, customer[named], subscriptions.told_at[named])
        of_all = customer[~is_own]
        ends = subscriptions.ends_at[~is_own]
        last[of_all] = np.where(told[of_all] > ends, last[of_all], np.minimum(last[of_all], ends))
        return np.where(np.isneginf(last), np.inf, last)

    def owned(self, entries: Entries) -> Floats:
        """(n,) functions owned as last told; NaN where nobody did."""
        features_owned = np.full(self._n, np.nan)
        at = self._last(entries, ~np.isnan(entries.owned))
        features_owned[entries.customer[at]] = entries.owned[at]
        return features_owned

    def _mrr(self, entries: Entries, subscriptions: _Subscriptions, at_us: int) -> Floats:
        """(n,) the sum of the subscriptions with ids where they tell it, and of the one without;
        else as last told of the customer."""
        mrr, is_own = self._unnamed_mrr(entries)
        each = subscriptions.mrr()
        told = subscriptions.is_named & ~np.isnan(each)
        has_named = np.zeros(self._n, bool)
        has_named[subscriptions.customer[told]] = True
        paying = told & (subscriptions.ends_at > at_us)
        named = _summed(subscriptions.customer[paying], each[paying], self._n)
        own = np.where(is_own, np.nan_to_num(mrr), 0.0)
        return np.where(has_named, named + own, mrr)

    def _unnamed_mrr(self, entries: Entries) -> tuple[Floats, Mask]:
        """(n,) as last told without an id of a subscription, else what the first change afterwards
        says was paid before it; and whether a subscription told it, rather than the profile."""
        of_contract = np.isin(entries.kind, (RENEWED, CHANGED)) & (entries.item == 0)
        money = of_contract | (entries.kind == PROFILE)
        mrr, is_own = np.full(self._n, np.nan), np.zeros(self._n, bool)
        later = np.flatnonzero(
            money & ~self._known & ~(np.isnan(entries.before) & np.isnan(entries.value))
        )[::-1]
        mrr[entries.customer[later]] = entries.before[later]  # the earliest of them is written last
        at = self._last(entries, money & ~np.isnan(entries.value))
        mrr[entries.customer[at]] = entries.value[at]
        is_own[entries.customer[at]] = of_contract[at]
        return mrr, is_own

    def _last(self, entries: Entries, which: Mask) -> Int64s:
        """Places of the last entries of each customer by then."""
        at = np.flatnonzero(which & self._known)
        owner = entries.customer[at]
        last: Int64s = at[np.append(owner[1:] != owner[:-1], True)[: len(at)]]
        return last


def _was_there(
    accounts: Accounts, within: Entries, start: _Standing, start_us: int, end_us: int
) -> Mask:
    """Who was there at some time of the period: at its start, come in it, or won back in it."""
    came: Mask = (accounts.first_us >= start_us) & (accounts.first_us < end_us)
    back = np.zeros(len(came), bool)
    is_back = np.isin(within.kind, (RENEWED, CHANGED)) & ~(within.value <= 0)
    back[within.customer[is_back]] = True
    return start.there | came | back


def _answers(within: Entries, n: int) -> Sums:
    def count(which: Mask, weights: Floats | None = None) -> Floats:
        return _summed(
            within.customer[which],
            np.ones(int(which.sum())) if weights is None else weights[which],
            n,
        )

    nps, csat, ces = (within.kind == kind for kind in (NPS, CSAT, CES))
    return {
        "nps_answers": count(nps),
        "promoters": count(nps & (within.value >= PROMOTER)),
        "detractors": count(nps & (within.value <= DETRACTOR)),
        "csat_answers": count(csat),
        "satisfied": count(csat & (within.value >= SATISFIED)),
        "ces_answers": count(ces),
        "ease": count(ces, within.value),
    }


def _tickets(known: Entries, start_us: int, n: int) -> Sums:
    """Tickets answered for the first time, and resolved for the last, within the period; by then
    they were opened."""
    some = known.take(np.isin(known.kind, (OPENED, ANSWERED, RESOLVED)))
    order = np.lexsort((some.us, some.item, some.customer))
    owner, item, us, kind = some.customer[order], some.item[order], some.us[order], some.kind[order]
    new = np.ones(len(owner), bool)
    new[1:] = (owner[1:] != owner[:-1]) | (item[1:] != item[:-1])
    ticket = np.cumsum(new) - 1
    opened, answered, resolved = (np.zeros(int(new.sum()), np.int64) for _ in range(3))
    for place, which in ((opened, kind == OPENED), (resolved, kind == RESOLVED)):
        place[ticket[which]] = us[which]  # the last one stays
    first = np.flatnonzero((kind == ANSWERED) & (us >= opened[ticket]))[::-1]
    answered[ticket[first]] = us[first]
    owners = owner[new]

    def spent(until: Int64s) -> tuple[Floats, Floats]:
        done = (opened > 0) & (until >= opened) & (until >= start_us)
        hours = (until[done] - opened[done]) / _HOUR_US
        return _summed(owners[done], np.ones(len(hours)), n), _summed(owners[done], hours, n)

    (answers, answer_hours), (resolutions, resolution_hours) = spent(answered), spent(resolved)
    return {
        "tickets_answered": answers,
        "answer_hours": answer_hours,
        "tickets_resolved": resolutions,
        "resolution_hours": resolution_hours,
    }
