"""Who is there at an instant, what is known of them by then, and who was lost."""

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.folding.contract import Contract
from healthsvc.core.portfolio.entries import (
    CANCELLED,
    CHANGED,
    PROFILE,
    RENEWED,
    WITHDRAWN,
    Accounts,
    Entries,
)


def summed(places: Int64s, numbers: Floats | Mask, length: int) -> Floats:
    """(length,) the numbers added up by place."""
    return np.bincount(places, numbers, length).astype(np.float64)


class _Subscriptions:
    """The subscriptions that were told by an instant, m of them, and when each ends."""

    def __init__(self, entries: Entries, known: Mask) -> None:
        told = np.isin(entries.kind, (RENEWED, CHANGED, CANCELLED, WITHDRAWN)) & known
        self._some = entries.take(told)
        owner, item = self._some.customer, self._some.item
        order = np.lexsort((item, owner))
        is_first = np.ones(len(order), bool)
        is_first[1:] = (np.diff(owner[order]) != 0) | (np.diff(item[order]) != 0)
        self._place: Int64s = np.empty(len(order), np.int64)
        self._place[order] = np.cumsum(is_first) - 1
        first = order[is_first]
        self.customer: Int64s = owner[first]
        self.is_named: Mask = item[first] != 0
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


class Presence:
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

    @property
    def revenue(self) -> Floats:
        """(n,) what those that are there pay; 0 for the others, and where it isn't known."""
        return np.where(self.there, np.nan_to_num(self.mrr), 0.0)

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
        named = summed(subscriptions.customer[paying], each[paying], self._n)
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


def was_there(
    accounts: Accounts, within: Entries, start: Presence, start_us: int, end_us: int
) -> Mask:
    """Who was there at some time of the period: at its start, come in it, or won back in it."""
    came: Mask = (accounts.first_us >= start_us) & (accounts.first_us < end_us)
    back = np.zeros(len(came), bool)
    is_back = np.isin(within.kind, (RENEWED, CHANGED)) & ~(within.value <= 0)
    back[within.customer[is_back]] = True
    return start.there | came | back
