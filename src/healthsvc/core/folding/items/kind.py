"""What a kind of item is: the numbers it keeps, how an event changes them, and what all items of
the kind come to."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, ClassVar, Final

from healthsvc.core.arrays import Floats
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.scorecard.surveys import SurveyRules

MOST: Final = 64
"""Items of a kind that are kept; beyond that the oldest count as settled."""

Item = list[float]
"""The numbers of one item, as many as its kind has fields; 0 where unknown."""
Counted = tuple[Item, float]
"""An item, and the instant from which on its own instants count: up to it they are settled."""


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
    def add(self, item: Item, moment: Moment, event: Any, us: float) -> None:
        """Write an event, which is this moment of the item, into the item."""

    @abstractmethod
    def newest(self, item: Item) -> float:
        """The newest instant of the item: the oldest items are settled first."""

    @abstractmethod
    def compact(self, item: Item) -> Item:
        """The item without the numbers that can't matter any more, whatever event follows."""

    def restore(self, item: Item) -> Item:
        """The item with what `compact` left out because other numbers say it."""
        return item

    @abstractmethod
    def summary(
        self, items: Sequence[Counted], facts: Floats, surveys: SurveyRules
    ) -> Sequence[float]:
        """What all items of the kind come to, in the order of `columns`; facts: the customer's,
        surveys: the scorecard's rules of them."""


def open_since(opened: float, closed: float, counts_from: float) -> float:
    """Since when an item is open, 0 where it isn't."""
    return opened if opened > max(closed, counts_from) else 0.0


def count_and_oldest(since: Sequence[float]) -> tuple[float, float]:
    """How many items are open, and since when the oldest is; since: 0 for those that aren't."""
    open_items = [instant for instant in since if instant]
    return float(len(open_items)), min(open_items, default=0.0)
