"""Items of many customers as columns, and as the database has them.

The items of a customer are packed as the word of each, then their known numbers, 8 bytes each. A
word is 48 bits of the hash of the item's id, 4 bits of its kind's number, and a bit for each number
that is known. A word of kind 0 is the limit of a kind: the instant and hash of the newest item that
is no longer kept, and the kind. How many words there are follows from the total: each says how many
numbers it has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask, Rows
from healthsvc.core.folding.items.invoice import OVERDUE_AT, PAID_AT, SETTLED
from healthsvc.core.folding.items.registry import KINDS

FIELDS: Final = 12
"""Numbers that an item may have."""
LIMIT: Final = 0
"""In place of the number of a kind."""
KIND_BITS: Final = 4
_HASH_BITS: Final = 48
_HASH: Final = (1 << _HASH_BITS) - 1
_KIND: Final = (1 << KIND_BITS) - 1
_BITS: Final = 1 << np.arange(FIELDS)
_KNOWN: Final = (np.arange(1 << FIELDS)[:, None] & _BITS > 0).sum(axis=1)
"""By the bits of a word, how many numbers are known."""
_NUMBER: Final[Mapping[str, int]] = {rules.kind: rules.number for rules in KINDS}
FORMER_FIELDS: Final = 6
"""Numbers of an item in the former format: key, opened, answered, closed, rating, rated_at."""


@dataclass(frozen=True, slots=True)
class Items:
    """Items of customers as columns, (n,) each, in the order of `group` and `hash`."""

    group: Int64s
    """The customer's place among those asked for, times 16, and the number of the kind."""
    hash: Int64s
    """48 bits of the hash of the item's id."""
    numbers: Floats
    """(n, FIELDS), 0 where unknown."""

    def __len__(self) -> int:
        return len(self.group)

    @property
    def kind(self) -> Int64s:
        """The number of each item's kind."""
        return self.group & _KIND

    def take(self, chosen: Mask | Rows) -> "Items":
        """Some of the items."""
        return Items(self.group[chosen], self.hash[chosen], self.numbers[chosen])


def item_hash(item_id: str) -> int:
    """48 bits of the hash of an item's id."""
    return int.from_bytes(blake2b(item_id.encode(), digest_size=6).digest(), "big")


def pack(items: Items, customers: int) -> list[bytes]:
    """The items of each customer, a whole number of 8 bytes; empty where there are none."""
    numbers = items.numbers.copy()
    for rules in KINDS:
        own = np.flatnonzero(items.kind == rules.number)
        if len(own):
            numbers[own, : rules.fields] = rules.compact(numbers[own, : rules.fields])
    is_known = numbers != 0
    bits = is_known @ _BITS
    word = (bits << KIND_BITS | items.kind) << _HASH_BITS | items.hash
    owner = items.group >> KIND_BITS
    words = np.bincount(owner, minlength=customers)
    width = words + np.bincount(owner, _KNOWN[bits], customers).astype(np.int64)
    end = np.cumsum(width)
    content = np.empty(int(end[-1]) if customers else 0, np.int64)
    is_word = np.zeros(len(content), bool)
    is_word[spans(end - width, words)] = True
    content[is_word] = word
    content[~is_word] = numbers[is_known].view(np.int64)
    packed = content.tobytes()
    return [packed[a:b] for a, b in pairwise([0, *(end * 8).tolist()])]


def unpack(packed: Sequence[bytes]) -> Items:
    """What `pack` gave, a customer each."""
    content = np.frombuffer(b"".join(packed), np.int64)
    width = np.fromiter(map(len, packed), np.int64, len(packed)) // 8
    words = _words(content, width)
    end = np.cumsum(width)
    at = spans(end - width, words)
    word, is_number = content[at], np.ones(len(content), bool)
    is_number[at] = False
    bits = _bits_of(word)
    numbers = np.zeros((len(word), FIELDS))
    numbers[bits[:, None] & _BITS > 0] = content[is_number].view(np.float64)
    owner = np.repeat(np.arange(len(packed)), words)
    group = owner << KIND_BITS | (word >> _HASH_BITS & _KIND)
    items = Items(group, word & _HASH, numbers)
    for rules in KINDS:
        own = np.flatnonzero(items.kind == rules.number)
        if len(own):
            numbers[own, : rules.fields] = rules.restore(numbers[own, : rules.fields])
    return items


def from_former(packed: Sequence[bytes]) -> list[bytes]:
    """Items of the former format, packed anew; a customer each."""
    width = np.fromiter(map(len, packed), np.int64, len(packed)) // (8 * FORMER_FIELDS)
    table = np.frombuffer(b"".join(packed)).reshape(-1, FORMER_FIELDS)
    key, opened, answered, closed, rating, rated_at = table.T
    kind = key.astype(np.int64) >> _HASH_BITS
    group = np.repeat(np.arange(len(packed)), width) << KIND_BITS | kind
    numbers = np.zeros((len(table), FIELDS))
    is_invoice = kind == _NUMBER["invoice"]
    of_kind = {
        "ticket": (opened, answered, closed),
        "complaint": (opened, closed, rating, rated_at),
    }
    for name, columns in of_kind.items():
        own = kind == _NUMBER[name]
        numbers[own, : len(columns)] = np.stack(columns, axis=1)[own]
    numbers[is_invoice, OVERDUE_AT] = opened[is_invoice]
    numbers[is_invoice, PAID_AT] = closed[is_invoice]
    numbers[is_invoice, SETTLED] = np.where(closed[is_invoice] > 0, np.inf, 0.0)
    items = Items(group, key.astype(np.int64) & _HASH, numbers)
    return pack(items.take(np.lexsort((items.hash, items.group))), len(packed))


def spans(start: Int64s, count: Int64s) -> Int64s:
    """The numbers start[i] .. start[i] + count[i] - 1 of every i, one after another."""
    ends = np.cumsum(count)
    numbers: Int64s = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(
        start - (ends - count), count
    )
    return numbers


def _bits_of(word: Int64s) -> Int64s:
    bits: Int64s = word >> (_HASH_BITS + KIND_BITS) & ((1 << FIELDS) - 1)
    return bits


def _words(content: Int64s, width: Int64s) -> Int64s:
    """How many words stand before the numbers of each customer: as many as account for all of its
    width. What the numbers would account for as words doesn't matter: it comes later."""
    if not len(content):
        return np.zeros(len(width), np.int64)
    accounted = np.cumsum(1 + _KNOWN[_bits_of(content)])
    end = np.cumsum(width)
    start = end - width
    before = np.where(start > 0, accounted[start - 1], 0)
    words: Int64s = np.searchsorted(accounted, before + width) + 1 - start
    return np.where(width > 0, words, 0)
