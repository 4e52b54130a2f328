"""Items of kind `subscription`: those with an id. The one without is in the facts."""

from collections.abc import Sequence
from math import fsum, isfinite, nan
from typing import Any, ClassVar, Final

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.contract import Contract
from healthsvc.core.folding.items.kind import (
    ItemGroups,
    ItemRules,
    Known,
    keep_latest,
    keep_newest,
)
from healthsvc.core.instants import to_us
from healthsvc.core.scorecard.surveys import SurveyRules

MRR, MRR_AT, CHANGED_AT, RENEWED_AT, CANCELLED_AT, EFFECTIVE_AT, WITHDRAWN_AT = range(7)
_FIELD_OF: Final[dict[Moment, int]] = {
    "changed": CHANGED_AT,
    "renewed": RENEWED_AT,
    "cancelled": CANCELLED_AT,
    "withdrawn": WITHDRAWN_AT,
}
_EVENTS: Final = [MRR_AT, CHANGED_AT, RENEWED_AT, CANCELLED_AT, WITHDRAWN_AT]


class Subscription(ItemRules):
    kind: ClassVar[ItemKind] = "subscription"
    number: ClassVar[int] = 4
    fields: ClassVar[int] = 7
    columns: ClassVar[tuple[str, ...]] = (
        *("subscriptions", "subscriptions_open", "subscriptions_end", "subscriptions_told_at"),
        *("subscriptions_renewed_at", "subscriptions_cancelled_at", "subscriptions_mrr"),
        *("subscription_lost_share", "subscription_lost_at"),
    )

    def add(self, numbers: Floats, moment: Moment, events: Sequence[Any], us: Floats) -> None:
        data = [event.data for event in events]
        mrr = np.array([_mrr(each) for each in data], np.float64)
        tells = np.flatnonzero(~np.isnan(mrr))
        telling = numbers[tells]
        keep_latest(telling, MRR_AT, MRR, us[tells], mrr[tells])
        numbers[tells] = telling
        if moment == "cancelled":
            ends = [
                at if each.effective_at is None else to_us(each.effective_at)
                for each, at in zip(data, us.tolist(), strict=True)
            ]
            keep_latest(numbers, CANCELLED_AT, EFFECTIVE_AT, us, np.array(ends, np.float64))
        else:
            counts = moment != "changed" or np.nan_to_num(mrr) != 0
            keep_newest(numbers, _FIELD_OF[moment], np.where(counts, us, 0.0))

    def newest(self, numbers: Floats) -> Floats:
        newest: Floats = numbers[:, _EVENTS].max(axis=1)
        return newest

    def summary(self, items: ItemGroups, known: Known, surveys: SurveyRules) -> Sequence[Floats]:
        """One customer after another: few have subscriptions with ids, and they seldom change."""
        end = [*items.first[1:].tolist(), len(items.numbers)]
        each = zip(items.first.tolist(), end, strict=True)
        return list(np.array([_summary(items.numbers[a:b]) for a, b in each]).T)


def _mrr(data: Any) -> float:
    """NaN where it isn't told."""
    mrr = getattr(data, "mrr", None)
    return nan if mrr is None else float(mrr)


def _summary(table: Floats) -> Sequence[float]:
    """What the subscriptions of one customer come to; table: (items, fields)."""
    ends = _contract(table).ends_at
    is_open, mrr = ~np.isfinite(ends), table[:, MRR]
    last_end = float(ends.max(initial=0.0))
    paying = is_open if is_open.any() else ends == last_end  # of a customer that leaves: now
    told_at = table[:, [CHANGED_AT, RENEWED_AT, WITHDRAWN_AT]].max(initial=0.0)
    cancelled_at = table[~is_open, CANCELLED_AT].max(initial=0.0)
    lost_share, lost_at = _lost(table, is_open)
    return (
        float(len(table)),
        float(is_open.sum()),
        last_end if isfinite(last_end) else 0.0,
        float(told_at),
        float(table[:, [RENEWED_AT, WITHDRAWN_AT]].max(initial=0.0)),
        float(cancelled_at),
        fsum(mrr[paying].tolist()) if table[:, MRR_AT].any() else nan,
        lost_share,
        lost_at,
    )


def _contract(table: Floats) -> Contract:
    return Contract(
        cancelled_at=table[:, CANCELLED_AT],
        effective_at=table[:, EFFECTIVE_AT],
        renewed_at=table[:, RENEWED_AT],
        changed_at=table[:, CHANGED_AT],
        withdrawn_at=table[:, WITHDRAWN_AT],
    )


def _lost(table: Floats, is_open: Mask) -> tuple[float, float]:
    """The share of the recurring revenue that the newest cancellation took of a customer that
    keeps other subscriptions, and when; 0 where there is none."""
    if is_open.all() or not is_open.any():
        return 0.0, 0.0
    cancelled_at = np.where(is_open, 0.0, table[:, CANCELLED_AT])
    lost_at = float(cancelled_at.max())
    lost = fsum(table[cancelled_at == lost_at, MRR].tolist())
    total = lost + fsum(table[is_open, MRR].tolist())
    return (lost / total, lost_at) if lost else (0.0, 0.0)
