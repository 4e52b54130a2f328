"""Items of kind `subscription`: those with an id. The one without is in the facts."""

from collections.abc import Sequence
from math import fsum, isfinite, nan
from typing import Any, ClassVar, Final

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.contract import Contract
from healthsvc.core.folding.items.kind import Counted, Item, ItemRules
from healthsvc.core.instants import to_us
from healthsvc.core.scorecard.surveys import SurveyRules

MRR, MRR_AT, CHANGED_AT, RENEWED_AT, CANCELLED_AT, EFFECTIVE_AT, WITHDRAWN_AT = range(7)
_FIELD_OF: Final[dict[Moment, int]] = {
    "changed": CHANGED_AT,
    "renewed": RENEWED_AT,
    "cancelled": CANCELLED_AT,
    "withdrawn": WITHDRAWN_AT,
}


class Subscription(ItemRules):
    kind: ClassVar[ItemKind] = "subscription"
    number: ClassVar[int] = 4
    fields: ClassVar[int] = 7
    columns: ClassVar[tuple[str, ...]] = (
        *("subscriptions", "subscriptions_open", "subscriptions_end", "subscriptions_told_at"),
        *("subscriptions_renewed_at", "subscriptions_cancelled_at", "subscriptions_mrr"),
        *("subscription_lost_share", "subscription_lost_at"),
    )

    def add(self, item: Item, moment: Moment, event: Any, us: float) -> None:
        data = event.data
        mrr = getattr(data, "mrr", None)
        if mrr is not None:
            item[MRR_AT], item[MRR] = max((item[MRR_AT], item[MRR]), (us, float(mrr)))
        if moment == "cancelled":
            effective = us if data.effective_at is None else float(to_us(data.effective_at))
            item[CANCELLED_AT], item[EFFECTIVE_AT] = max(
                (item[CANCELLED_AT], item[EFFECTIVE_AT]), (us, effective)
            )
        elif moment != "changed" or mrr:
            field = _FIELD_OF[moment]
            item[field] = max(item[field], us)

    def newest(self, item: Item) -> float:
        return max(item[MRR_AT], *item[CHANGED_AT : CANCELLED_AT + 1], item[WITHDRAWN_AT])

    def compact(self, item: Item) -> Item:
        return item

    def summary(
        self, items: Sequence[Counted], facts: Floats, surveys: SurveyRules
    ) -> Sequence[float]:
        table = np.array([item for item, _ in items]).reshape(-1, self.fields)
        ends = _contract(table).ends_at
        is_open, mrr = ~np.isfinite(ends), table[:, MRR]
        last_end = float(ends.max(initial=0.0))
        paying = is_open if is_open.any() else ends == last_end  # of a customer that leaves: now
        told_at = table[:, [CHANGED_AT, RENEWED_AT, WITHDRAWN_AT]].max(initial=0.0)
        cancelled_at = table[~is_open, CANCELLED_AT].max(initial=0.0)
        lost_share, lost_at = _lost(table, is_open)
        return (
            float(len(items)),
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
