"""States as the database has them: only the cells and facts that were ever touched.

A head says which ones: the format, the fields of a cell, the measures, the sums of the risk and the
8-byte words of the head itself, a byte each, then a bit for each measure and for each fact, padded
to whole words. As float64 follow the cells, the facts, the sums of the risk and, up to the end, the
items (see `items.packed`). New facts only lengthen the head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats, Int64s, Mask, Rows
from healthsvc.core.errors import InternalFault
from healthsvc.core.folding import facts as fact
from healthsvc.core.folding.items import packed
from healthsvc.core.folding.items.packed import spans

_FORMAT: Final = 4
_NUMBERS: Final = 5
"""Bytes before the bits."""
_UNKNOWN: Final = np.isnan(fact.DEFAULTS)
_FORMER: Final = 2
"""A format that is read, too. Its head has 8 bytes (format, fields, and how many cells, facts,
items and sums of the risk follow), and the number of each cell and fact, a byte each, padded to
whole words; the items, which have another form, come before the risk."""
_FORMER_HEAD: Final = 8
IS_FORMER: Final = bytes((_FORMER,))
"""How a state of the former format begins."""
Bytes = NDArray[np.uint8]


class OtherFormat(InternalFault, ValueError):
    """Another version packed it, or another projection's program."""


@dataclass(frozen=True, slots=True)
class StateColumns:
    """The numbers of customers, by row."""

    cells: Floats
    """(rows, measures, fields)"""
    facts: Floats
    """(rows, WIDTH)"""
    risk: Floats
    """(rows, sums)"""

    def take(self, rows: Rows) -> "StateColumns":
        """A copy of some rows."""
        return StateColumns(self.cells[rows], self.facts[rows], self.risk[rows])


@dataclass(frozen=True, slots=True)
class _Block:
    """Packed states, one after another: where each begins, and how many bytes it has."""

    raw: bytes
    start: Int64s
    width: Int64s

    @property
    def content(self) -> Bytes:
        return np.frombuffer(self.raw, np.uint8)

    def byte(self, place: int) -> Int64s:
        """A byte of each head."""
        number: Int64s = self.content[self.start + place].astype(np.int64)
        return number

    def take(self, chosen: Mask) -> "_Block":
        """Some of the states."""
        return _Block(self.raw, self.start[chosen], self.width[chosen])


def pack(states: StateColumns, items: Sequence[bytes]) -> list[memoryview | bytes]:
    """Each row's state; items: packed, of each row.

    Everything that rows may have stands side by side, and a mask of what they do have picks row
    after row.
    """
    n, measures, fields = states.cells.shape
    facts, risks = states.facts, states.risk.shape[1]
    has_level = states.cells[:, :, fields - 4] > 0
    is_known = _is_known(facts, fact.DEFAULTS, _UNKNOWN)
    for column, twin, given in fact.TWINS:
        is_known[:, column] &= ~(is_known[:, given] & (facts[:, column] == facts[:, twin]))
    words = _words(measures)
    head = np.zeros((n, words * 8), np.uint8)
    head[:, :_NUMBERS] = _FORMAT, fields, measures, risks, words
    bits = np.packbits(np.concatenate([has_level, is_known], axis=1), axis=1)
    head[:, _NUMBERS : _NUMBERS + bits.shape[1]] = bits
    parts = (head.view(np.float64), states.cells.reshape(n, -1), facts, states.risk)
    mask = np.ones((n, words + measures * fields + fact.WIDTH + risks), bool)
    after_cells = words + measures * fields
    mask[:, words:after_cells] = np.repeat(has_level, fields, axis=1)
    mask[:, after_cells : after_cells + fact.WIDTH] = is_known
    content = np.concatenate(parts, axis=1)[mask].data.cast("B")
    limits = [0, *(np.cumsum(np.count_nonzero(mask, axis=1)) * 8).tolist()]
    return [
        b"".join((content[a:b], own)) if own else content[a:b]
        for (a, b), own in zip(pairwise(limits), items, strict=True)
    ]


def unpack(
    states: StateColumns, rows: Rows, content: bytes, widths: Int64s
) -> tuple[list[int], list[bytes]]:
    """Write packed states into rows that are empty; answers the rows that have items, and those.
    Raises OtherFormat."""
    block = _Block(content, np.cumsum(widths) - widths, widths)
    number = block.byte(0)
    is_former = number == _FORMER
    if not (is_former | (number == _FORMAT)).all():
        raise OtherFormat("a packed state is of another format")
    with_items, items = [], []
    for of_format, read in ((~is_former, _unpack), (is_former, _unpack_former)):
        if of_format.any():
            some, content_of_some = read(states, rows[of_format], block.take(of_format))
            with_items += some
            items += content_of_some
    _restore_twins(states.facts, rows)
    return with_items, items


def _is_known(values: Floats, default: Floats | float, is_unknown: Mask | bool) -> Mask:
    """Which facts aren't as they are before the first event; is_unknown: the default is NaN."""
    known: Mask = (values != default) & ~(np.isnan(values) & is_unknown)
    return known


def _restore_twins(facts: Floats, rows: Rows) -> None:
    for column, twin, given in fact.TWINS:
        values, is_given = (
            _is_known(facts[rows, place], fact.DEFAULTS[place], _UNKNOWN[place])
            for place in (column, given)
        )
        at = rows[is_given & ~values]
        facts[at, column] = facts[at, twin]


def _words(measures: int) -> int:
    """8-byte words of a head."""
    return -(-(_NUMBERS * 8 + measures + fact.WIDTH) // 64)


def _unpack(states: StateColumns, rows: Rows, block: _Block) -> tuple[list[int], list[bytes]]:
    _, measures, fields = states.cells.shape
    risks, words = states.risk.shape[1], block.byte(4)
    for place, number in ((1, fields), (2, measures), (3, risks)):
        _check(block.byte(place) == number)
    _check(words <= _words(measures))
    doubles, start = block.content.view(np.float64), block.start // 8
    places = np.arange(_words(measures))
    is_within = places < words[:, None]
    wide = block.content.view(np.int64)[np.where(is_within, start[:, None] + places, 0)]
    head = np.where(is_within, wide, 0)
    bits = np.unpackbits(head.view(np.uint8)[:, _NUMBERS:], axis=1).view(np.bool_)
    cells, measure = _set_bits(bits[:, :measures])
    known, column = _set_bits(bits[:, measures : measures + fact.WIDTH])
    at = start + words
    values = doubles[spans(at, cells * fields)].reshape(-1, fields)
    states.cells[np.repeat(rows, cells), measure] = values
    at = at + cells * fields
    states.facts[np.repeat(rows, known), column] = doubles[spans(at, known)]
    at = at + known
    states.risk[rows] = doubles[at[:, None] + np.arange(risks)]
    return _slices(block, rows, (at + risks) * 8, block.start + block.width)


def _unpack_former(
    states: StateColumns, rows: Rows, block: _Block
) -> tuple[list[int], list[bytes]]:
    fields, risks = states.cells.shape[2], states.risk.shape[1]
    for place, number in ((1, fields), (5, risks)):
        _check(block.byte(place) == number)
    cells, known, items = (block.byte(place) for place in (2, 3, 4))
    start, doubles = block.start, block.content.view(np.float64)
    at = (start + _FORMER_HEAD + cells + known + (-(cells + known) % 8)) // 8
    measure = block.content[spans(start + _FORMER_HEAD, cells)]
    column = block.content[spans(start + _FORMER_HEAD + cells, known)]
    values = doubles[spans(at, cells * fields)].reshape(-1, fields)
    states.cells[np.repeat(rows, cells), measure] = values
    at = at + cells * fields
    states.facts[np.repeat(rows, known), column] = doubles[spans(at, known)]
    first, end = (at + known) * 8, (at + known + items * packed.FORMER_FIELDS) * 8
    states.risk[rows] = doubles[end[:, None] // 8 + np.arange(risks)]
    with_items, former = _slices(block, rows, first, end)
    return with_items, packed.from_former(former)


def _set_bits(bits: NDArray[np.bool_]) -> tuple[Int64s, Int64s]:
    """How many bits of each row are set, and their places, row after row."""
    flat = np.ascontiguousarray(bits)
    count = np.count_nonzero(flat, axis=1)
    first = np.arange(len(bits)) * bits.shape[1]
    return count, np.flatnonzero(flat) - np.repeat(first, count)


def _check(is_same: Mask) -> None:
    if not is_same.all():
        raise OtherFormat("a packed state is of another projection")


def _slices(block: _Block, rows: Rows, first: Int64s, end: Int64s) -> tuple[list[int], list[bytes]]:
    """The rows whose span of bytes isn't empty, and those bytes."""
    some = np.flatnonzero(end > first)
    limits = zip(first[some].tolist(), end[some].tolist(), strict=True)
    return rows[some].tolist(), [block.raw[a:b] for a, b in limits]
