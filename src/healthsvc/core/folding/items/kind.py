"""What a kind of item is: the numbers it keeps, how events change them, and what all items of the
kind come to."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.scorecard.surveys import SurveyRules

MOST: Final = 64
"""Items of a kind that are kept; beyond that the oldest count as settled."""

Counted = tuple[list[float], float]
"""The numbers of one item, and the instant from which on its own instants count: up to it they are
settled."""
Known = Callable[[str], Floats]
"""A fact by its name, (customers,)."""


@dataclass(frozen=True, slots=True)
class ItemGroups:
    """Items of one kind, those of a customer together; each customer has at least one."""

    numbers: Floats
    """(items, fields); 0 where unknown."""
    counts_from: Floats
    """(items,) the instant from which on the item's own instants count: up to it they are
    settled."""
    first: Int64s
    """(customers,) place of each customer's first item."""

    @classmethod
    def of_one(cls, items: Sequence[Counted]) -> "ItemGroups":
        """The items of one customer."""
        numbers, counts_from = zip(*items, strict=True)
        return cls(np.array(numbers), np.array(counts_from), np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self.first)

    @property
    def sizes(self) -> Int64s:
        """(customers,) how many items each has."""
        return np.diff(self.first, append=len(self.numbers))

    def of_each(self, values: Floats) -> Floats:
        """(items,) the value of each item's customer; values: (customers,)."""
        return np.repeat(values, self.sizes)

    def count(self, is_counted: Mask) -> Floats:
        """(customers,) how many of its items are counted."""
        return np.add.reduceat(is_counted.astype(np.float64), self.first)

    def latest(self, us: Floats) -> Floats:
        """(customers,) the latest instant, 0 where there is none; us: (items,)."""
        latest: Floats = np.maximum.reduceat(us, self.first)
        return latest

    def count_and_oldest(self, since: Floats) -> tuple[Floats, Floats]:
        """(customers,) how many items are open, and since when the oldest is; since: (items,), 0
        for those that aren't."""
        oldest = np.minimum.reduceat(np.where(since > 0, since, np.inf), self.first)
        return self.count(since > 0), np.where(np.isfinite(oldest), oldest, 0.0)

    def one_by_one(self, customers: Int64s) -> Iterator[list[Counted]]:
        """The items of each of these customers, for what is rare."""
        end = np.append(self.first[1:], len(self.numbers))
        for first, last in zip(
            self.first[customers].tolist(), end[customers].tolist(), strict=True
        ):
            numbers: list[list[float]] = self.numbers[first:last].tolist()
            starts: list[float] = self.counts_from[first:last].tolist()
            yield list(zip(numbers, starts, strict=True))


class ItemRules(ABC):
    """The rules of one kind of item. Every method is independent of the order of events."""

    kind: ClassVar[ItemKind]
    number: ClassVar[int]
    """1 to 15, as stored."""
    fields: ClassVar[int]
    """At most 12 numbers an item; stored states know them by their place, so only append."""
    columns: ClassVar[tuple[str, ...]]
    """The facts that `summary` gives, in its order."""

    @property
    def id_of(self) -> Callable[[Any], str | None]:
        """The id of the item that an event is about; None: of none."""
        return attrgetter(f"data.{self.kind}_id")

    @abstractmethod
    def add(self, numbers: Floats, moment: Moment, events: Sequence[Any], us: Floats) -> None:
        """Write events, which are this moment of an item each, into the items: (n, fields), each
        another item; us: (n,)."""

    @abstractmethod
    def newest(self, numbers: Floats) -> Floats:
        """(n,) the newest instant of each item: the oldest items are settled first."""

    def compact(self, numbers: Floats) -> Floats:
        """The items without the numbers that can't matter any more, whatever event follows."""
        return numbers

    def restore(self, numbers: Floats) -> Floats:
        """The items with what `compact` left out because other numbers say it."""
        return numbers

    @abstractmethod
    def summary(self, items: ItemGroups, known: Known, surveys: SurveyRules) -> Sequence[Floats]:
        """What all items of each customer come to: the columns, (customers,) each; known: its
        facts, surveys: the scorecard's rules of them."""


def open_since(opened: Floats, closed: Floats, counts_from: Floats) -> Floats:
    """(items,) since when each is open, 0 where it isn't."""
    is_open = opened > np.maximum(closed, counts_from)
    return np.where(is_open, opened, 0.0)


def keep_latest(numbers: Floats, at: int, value: int, us: Floats, values: Floats) -> None:
    """Write values and their instants where they are the latest; of one instant the larger
    value."""
    kept_us, kept = numbers[:, at], numbers[:, value]
    is_later = (us > kept_us) | ((us == kept_us) & (values > kept))
    numbers[:, at] = np.where(is_later, us, kept_us)
    numbers[:, value] = np.where(is_later, values, kept)


def keep_newest(numbers: Floats, at: int, us: Floats) -> None:
    """Write instants where they are newer."""
    numbers[:, at] = np.maximum(numbers[:, at], us)
