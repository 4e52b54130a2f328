"""Items as the database has them: a word and the known numbers of each, float64.

The word of an item is 48 bits of its id's hash, 4 bits of its kind's number, and a bit for each
number that follows. A word of kind 0 is the limit of a kind, see `Items`.
"""

from array import array
from functools import cache
from struct import Struct
from typing import Final

from healthsvc.core.folding.items.customer_items import CustomerItems, Limit
from healthsvc.core.folding.items.invoice import PAID_AT, SETTLED
from healthsvc.core.folding.items.kind import ItemRules
from healthsvc.core.folding.items.registry import BY_NUMBER, KINDS

_HASH_BITS: Final = 48
_KIND_BITS: Final = 4
_HASH: Final = (1 << _HASH_BITS) - 1
_KIND: Final = (1 << _KIND_BITS) - 1
_LIMIT: Final = 0
_LIMIT_MASK: Final = 0b11
FORMER_FIELDS: Final = 6
"""Numbers of an item in the former format: key, opened, answered, closed, rating, rated_at."""


def pack(items: CustomerItems) -> bytes:
    """The items in the order of their kinds and hashes."""
    parts = []
    for rules in KINDS:
        limit = items.limits.get(rules.number)
        if limit is not None:
            parts.append(_record(limit.hash, _LIMIT, _LIMIT_MASK, [limit.us, rules.number]))
        of_kind = items.of_kind.get(rules.number, {})
        for key in sorted(of_kind):
            record = items.packed.get((rules.number, key))
            if record is None:
                record = _packed_item(key, rules, of_kind[key])
                items.packed[rules.number, key] = record
            parts.append(record)
    return b"".join(parts)


def unpack(content: bytes) -> CustomerItems:
    """What `pack` gave."""
    items = CustomerItems()
    numbers = array("d", content).tolist()
    words = array("Q", content).tolist()
    at = 0
    while at < len(words):
        word = words[at]
        places = _places(word >> (_HASH_BITS + _KIND_BITS))
        begin, at = at, at + 1 + len(places)
        known = numbers[begin + 1 : at]
        kind = word >> _HASH_BITS & _KIND
        if kind == _LIMIT:
            items.limits[int(known[1])] = Limit(known[0], word & _HASH)
            continue
        rules = BY_NUMBER[kind]
        item = [0.0] * rules.fields
        for place, number in zip(places, known, strict=True):
            item[place] = number
        items.of_kind.setdefault(kind, {})[word & _HASH] = rules.restore(item)
        items.packed[kind, word & _HASH] = content[8 * begin : 8 * at]
    return items


def from_former(content: bytes) -> bytes:
    """Items of the former format, packed."""
    numbers = array("d", content).tolist()
    items = CustomerItems()
    for at in range(0, len(numbers), FORMER_FIELDS):
        key = int(numbers[at])
        rules = BY_NUMBER[key >> _HASH_BITS]
        item = _from_former(rules.kind, numbers[at + 1 : at + FORMER_FIELDS])
        items.of_kind.setdefault(rules.number, {})[key & _HASH] = rules.restore(item)
    return pack(items)


def _from_former(kind: str, numbers: list[float]) -> list[float]:
    opened, answered, closed, rating, rated_at = numbers
    if kind == "ticket":
        return [opened, answered, closed]
    if kind == "complaint":
        return [opened, closed, rating, rated_at]
    invoice = [opened, *[0.0] * 6]
    invoice[PAID_AT] = closed
    invoice[SETTLED] = float("inf") if closed else 0.0
    return invoice


def _packed_item(key: int, rules: ItemRules, item: list[float]) -> bytes:
    item = rules.compact(item)
    mask = sum(1 << place for place, number in enumerate(item) if number)
    return _record(key, rules.number, mask, [number for number in item if number])


def _record(key: int, kind: int, mask: int, numbers: list[float]) -> bytes:
    word = (mask << _KIND_BITS | kind) << _HASH_BITS | key
    return _struct(len(numbers)).pack(word, *numbers)


@cache
def _struct(numbers: int) -> Struct:
    return Struct(f"<Q{numbers}d")


@cache
def _places(mask: int) -> tuple[int, ...]:
    """The places of the bits that are set."""
    return tuple(place for place in range(mask.bit_length()) if mask >> place & 1)
