"""Customers as the database has them: one, or many at once as columns, so that loading them costs
no look at each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Int64s, Mask
from healthsvc.core.folding.decision_state import complete_row


class Stored(NamedTuple):
    """A customer as the database has it; `state` and `decision` are None while nothing was folded
    for it."""

    customer_id: str
    key: int
    partition: int
    state: bytes | None
    decision: bytes | None
    profile: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMany:
    """Customers as the database has them, one entry each in the same order."""

    customer_ids: Sequence[str]
    keys: Int64s
    partitions: NDArray[np.int32]
    widths: Int64s
    """Bytes of each state; 0 while nothing was folded for the customer."""
    states: bytes
    """The states, one after another; those of width 0 take no room here."""
    decisions: bytes
    """The memories of their decisions, of those that have a state."""
    profiles: Sequence[str]
    """As JSON; empty where there is none."""
    tids: Int64s
    """Where the database has each state, as it says; 0 where that isn't known."""

    @classmethod
    def of(cls, stored: Sequence[Stored]) -> "StoredMany":
        """The same as columns."""
        return cls(
            customer_ids=[s.customer_id for s in stored],
            keys=np.array([s.key for s in stored], np.int64),
            partitions=np.array([s.partition for s in stored], np.int32),
            widths=np.array([len(s.state or b"") for s in stored], np.int64),
            states=b"".join([s.state or b"" for s in stored]),
            decisions=b"".join([complete_row(s.decision) for s in stored if s.decision]),
            profiles=[s.profile or "" for s in stored],
            tids=np.zeros(len(stored), np.int64),
        )

    def __len__(self) -> int:
        return len(self.customer_ids)

    def only(self, is_chosen: Mask) -> "StoredMany":
        """Those that are wanted; all of them at no cost."""
        if is_chosen.all():
            return self
        has_state = self.widths > 0
        each = len(self.decisions) // max(1, int(has_state.sum()))
        decisions = np.frombuffer(self.decisions, np.uint8).reshape(-1, max(1, each))
        return StoredMany(
            customer_ids=list(compress(self.customer_ids, is_chosen.tolist())),
            keys=self.keys[is_chosen],
            partitions=self.partitions[is_chosen],
            widths=self.widths[is_chosen],
            states=np.frombuffer(self.states, np.uint8)[
                np.repeat(is_chosen, self.widths)
            ].tobytes(),
            decisions=decisions[is_chosen[has_state]].tobytes(),
            profiles=list(compress(self.profiles, is_chosen.tolist())),
            tids=self.tids[is_chosen],
        )
