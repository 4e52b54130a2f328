"""The home partitions of customers, remembered."""

from collections import OrderedDict
from collections.abc import Mapping

REMEMBERED_HOMES = 200_000


class Homes:
    """Homes of customers, remembered up to a bound, the least recently used forgotten first: a home
    never changes."""

    def __init__(self, limit: int = REMEMBERED_HOMES) -> None:
        self._limit = limit
        self._known: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, customer_id: str) -> int | None:
        home = self._known.get(customer_id)
        if home is not None:
            self._known.move_to_end(customer_id)
        return home

    def learn(self, homes: Mapping[str, int]) -> None:
        """Only what is committed: a claim that was rolled back may go elsewhere the next time."""
        self._known |= homes
        while len(self._known) > self._limit:
            self._known.popitem(last=False)
