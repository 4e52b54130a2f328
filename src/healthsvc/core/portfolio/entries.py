"""What the figures are made of: accounts, and entries of the ledger by kind."""

from dataclasses import dataclass

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask

PROFILE, RENEWED, CANCELLED, NPS, CSAT, CES, OPENED, ANSWERED, RESOLVED = range(9)
CHANGED, WITHDRAWN = 9, 10
"""Kinds of entries. Changes of a subscription that a former version took in are RENEWED."""
NO_MARK, TRIAL, TEST = range(3)
"""Marks of accounts."""


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
