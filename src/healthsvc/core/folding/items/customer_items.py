"""The items of customers in memory; those of a customer stay packed until an event needs them."""

from hashlib import blake2b
from typing import NamedTuple

from healthsvc.core.folding.items.kind import MOST, Counted, Item, ItemRules


class Limit(NamedTuple):
    """The newest item of a kind that is no longer kept: what isn't newer counts as settled."""

    us: float
    hash: int


class CustomerItems:
    """The items of one customer."""

    __slots__ = ("limits", "of_kind", "packed")

    def __init__(self) -> None:
        self.of_kind: dict[int, dict[int, Item]] = {}
        """Number of the kind → hash of the id → item."""
        self.limits: dict[int, Limit] = {}
        """Of kinds of which the customer has had more than are kept."""
        self.packed: dict[tuple[int, int], bytes] = {}
        """Number of the kind and hash of the id → the item as the database has it, of those that
        didn't change since: most don't between two flushes."""

    def item(self, rules: ItemRules, key: int) -> Item:
        """An item to write into, new if there was none."""
        of_kind = self.of_kind.setdefault(rules.number, {})
        self.packed.pop((rules.number, key), None)
        item = of_kind.get(key)
        if item is None:
            item = of_kind[key] = [0.0] * rules.fields
        return item

    def settle_oldest(self, rules: ItemRules) -> None:
        """Let go of the oldest item of a kind that has more than are kept.

        Which ones stay depends only on the newest instant of each, so not on the order of events.
        """
        of_kind = self.of_kind[rules.number]
        if len(of_kind) <= MOST:
            return
        oldest = min(Limit(rules.newest(item), key) for key, item in of_kind.items())
        del of_kind[oldest.hash]
        self.packed.pop((rules.number, oldest.hash), None)
        self.limits[rules.number] = max(self.limits.get(rules.number, oldest), oldest)

    def counted(self, rules: ItemRules) -> list[Counted]:
        """The items of a kind, and from when on each counts."""
        limit = self.limits.get(rules.number)
        of_kind = self.of_kind.get(rules.number, {})
        if limit is None:
            return [(item, 0.0) for item in of_kind.values()]
        return [(item, limit.us - (key > limit.hash)) for key, item in of_kind.items()]


def item_hash(item_id: str) -> int:
    """48 bits of the hash of an item's id."""
    return int.from_bytes(blake2b(item_id.encode(), digest_size=6).digest(), "big")
