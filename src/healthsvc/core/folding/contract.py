"""When a subscription ends, from what was told about it: one rule for a subscription with an id,
for the one without, and for the customer."""

from dataclasses import dataclass

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.folding.facts import COLUMN


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What was told about n subscriptions, as arrays (n,) of instants; 0 where nothing was."""

    cancelled_at: Floats
    """The newest cancellation."""
    effective_at: Floats
    """The end that it named."""
    renewed_at: Floats
    """The newest renewal."""
    changed_at: Floats
    """The newest change to recurring revenue above 0."""
    withdrawn_at: Floats
    """The newest withdrawal of a cancellation."""

    @property
    def ends_at(self) -> Floats:
        """(n,) when each ends or ended; inf where it goes on.

        A renewal or a withdrawal after the cancellation undoes it. Recurring revenue undoes it only
        if it is told after the end: until then nothing of the contract need change.
        """
        end = np.maximum(self.cancelled_at, self.effective_at)
        is_undone = np.maximum(self.renewed_at, self.withdrawn_at) > self.cancelled_at
        goes_on = (self.cancelled_at <= 0) | is_undone | (self.changed_at > end)
        ends: Floats = np.where(goes_on, np.inf, end)
        return ends


@dataclass(frozen=True, slots=True)
class CustomerEnd:
    """When n customers leave or left by their contracts, as arrays (n,)."""

    ends_at: Floats
    """The end of the last subscription; inf where one goes on."""
    told_at: Floats
    """When that was told; meaningful where there is an end."""


def customer_end(facts: Floats) -> CustomerEnd:
    """facts: (n, WIDTH).

    A cancellation without an id is that of the subscription without one; where all that was told
    of subscriptions had ids, it ends them all.
    """
    unnamed = _unnamed(facts)
    own = unnamed.ends_at
    has_named = facts[:, COLUMN["subscriptions"]] > 0
    if not has_named.any():
        return CustomerEnd(own, unnamed.cancelled_at)
    is_open = facts[:, COLUMN["subscriptions_open"]] > 0
    named = np.where(is_open, np.inf, facts[:, COLUMN["subscriptions_end"]])
    told_since = facts[:, COLUMN["subscriptions_told_at"]] > own
    both = np.where(_has_own(unnamed), np.maximum(own, named), np.minimum(own, named))
    ends = np.where((unnamed.cancelled_at <= 0) & ~_has_own(unnamed) | told_since, named, both)
    told = np.maximum(unnamed.cancelled_at, facts[:, COLUMN["subscriptions_cancelled_at"]])
    return CustomerEnd(
        np.where(has_named, ends, own), np.where(has_named, told, unnamed.cancelled_at)
    )


def recurring_revenue(facts: Floats) -> Floats:
    """(n,) MRR: the sum of the subscriptions with ids where they tell it, and of the one without
    unless that was told of the customer as a whole; NaN where nobody told it. facts: (n, WIDTH)."""
    whole, named = facts[:, COLUMN["mrr"]], facts[:, COLUMN["subscriptions_mrr"]]
    if np.isnan(named).all():
        return whole
    unnamed = _unnamed(facts)
    contract_at = np.maximum(unnamed.renewed_at, unnamed.changed_at)
    goes_on = np.isinf(unnamed.ends_at) | (facts[:, COLUMN["subscriptions_open"]] <= 0)
    is_own = (contract_at > 0) & (facts[:, COLUMN["mrr_at"]] <= contract_at) & goes_on
    own = np.where(is_own, np.nan_to_num(whole), 0.0)
    return np.where(np.isnan(named), whole, named + own)


def _has_own(unnamed: Contract) -> Mask:
    """Whether there is a subscription without an id."""
    has: Mask = np.maximum(unnamed.renewed_at, unnamed.changed_at) > 0
    return has


def _unnamed(facts: Floats) -> Contract:
    return Contract(
        cancelled_at=facts[:, COLUMN["cancelled_at"]],
        effective_at=np.nan_to_num(facts[:, COLUMN["cancel_effective"]], nan=0.0),
        renewed_at=facts[:, COLUMN["renewed_at"]],
        changed_at=facts[:, COLUMN["changed_at"]],
        withdrawn_at=facts[:, COLUMN["withdrawn_at"]],
    )
