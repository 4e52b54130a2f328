"""The days on which a customer was present, and the gap that is usual between them.

Present is who fed the measure of the scorecard's `rhythm`. Days are kept in cells of two, 52 cells
a block, as bits of a fact: the newest five blocks up to the newest event, so 14 to 17 months. That
set depends on no order. What it comes to stands in one more fact, written anew when a cell is
added: once in two days a customer at most.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats, Int64s, Rows
from healthsvc.core.folding import facts as fact
from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard.rhythm import Rhythm

CELL_DAYS: Final = 2
CELL_US: Final = CELL_DAYS * DAY_US
BLOCK: Final = 52
"""Cells of a block: as many bits as a float64 holds exactly."""
BLOCKS: Final = fact.PRESENCE_BLOCKS
CELLS: Final = BLOCK * BLOCKS
PAUSE_CELLS: Final = 7
"""A gap of at least so many is a pause; its end is remembered."""
_GAP_STEPS: Final = 8.0
"""Steps of a day in which the usual gap is kept."""
_GAP_RANGE: Final = 8192
_RETURN_RANGE: Final = 1 << 15
"""Cells since 1970 of a return: up to the year 2149."""
_COMPARABLE: Final = 3
"""A gap of at least this part of the usual one is one of its kind."""
_AT_ONCE: Final = 1024
"""Rows; what they come to is then small enough for the processor's cache."""
_WINDOW: Final = 64
"""Bits of the integers that are taken apart, `BLOCK` of which count."""

assert CELLS * CELL_DAYS * _GAP_STEPS < _GAP_RANGE


def fold(facts: Floats, rhythm: Rhythm, rows: Rows, occurred_us: Int64s, newest_us: Floats) -> None:
    """Add the presence of events: a row and an instant each; newest_us: each row's newest event of
    the measure before them, 0 where there was none."""
    cells = occurred_us // CELL_US
    block = cells // BLOCK
    newest_block = newest_us.astype(np.int64) // (CELL_US * BLOCK)
    is_kept = block > newest_block - BLOCKS
    bits = np.ldexp(1.0, cells % BLOCK)
    words = facts[rows, fact.PRESENCE_0 + block % BLOCKS]
    is_known = (block <= newest_block) & (np.floor(words / bits) % 2.0 == 1.0)
    fresh = np.flatnonzero(is_kept & ~is_known)
    if not len(fresh):
        return
    _add(facts, rows[fresh], cells[fresh], newest_block[fresh])
    _summarise(facts, rhythm, rows[fresh], cells[fresh], newest_us[fresh])


def usual_gap_days(summary: Floats) -> Floats:
    """(n,) days of the usual gap, from the fact `presence`; 0 where none is known."""
    gap: Floats = np.mod(summary, _GAP_RANGE) / _GAP_STEPS
    return gap


def returned_us(summary: Floats) -> Floats:
    """(n,) when each customer came back from its newest pause, to two days; 0 where it made
    none."""
    at: Floats = np.mod(np.floor(summary / _GAP_RANGE), _RETURN_RANGE) * CELL_US
    return at


def mean_gap_days(summary: Floats) -> Floats:
    """(n,) days of the mean of the gaps of a third of the usual one or longer; 0 where none is
    known, or not yet."""
    mean: Floats = np.floor(summary / (_GAP_RANGE * _RETURN_RANGE)) / _GAP_STEPS
    return mean


def _add(facts: Floats, rows: Rows, cells: Int64s, newest_block: Int64s) -> None:
    """Set the cells; blocks that are too old by then are emptied for the newer ones."""
    each, place = np.unique(rows, return_inverse=True)
    before = np.zeros(len(each), np.int64)
    before[place] = newest_block
    after = before.copy()
    np.maximum.at(after, place, cells // BLOCK)
    for ahead in range(1, BLOCKS + 1):
        moved = np.flatnonzero(after - before >= ahead)
        facts[each[moved], fact.PRESENCE_0 + (before[moved] + ahead) % BLOCKS] = 0.0
    is_kept = cells // BLOCK > after[place] - BLOCKS
    pairs = np.unique(rows[is_kept] * (1 << 24) + cells[is_kept])
    of_row, cell = pairs >> 24, pairs & ((1 << 24) - 1)
    column = fact.PRESENCE_0 + cell // BLOCK % BLOCKS
    bit = np.ldexp(1.0, cell % BLOCK)
    is_new = np.floor(facts[of_row, column] / bit) % 2.0 == 0.0
    flat = facts.reshape(-1)
    np.add.at(flat, of_row[is_new] * fact.WIDTH + column[is_new], bit[is_new])


def _summarise(facts: Floats, rhythm: Rhythm, rows: Rows, cells: Int64s, newest_us: Floats) -> None:
    """Write what the cells of these rows come to."""
    each, place, many = np.unique(rows, return_inverse=True, return_counts=True)
    newest = np.zeros(len(each), np.int64)
    newest[place] = newest_us.astype(np.int64) // CELL_US
    is_first = (newest == 0) & (many == 1)  # a customer's only cell: there is no gap
    np.maximum.at(newest, place, cells)
    each, newest = each[~is_first], newest[~is_first]
    for first in range(0, len(each), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        _summarise_some(facts, rhythm, each[some], newest[some] // BLOCK - (BLOCKS - 1))


def _summarise_some(facts: Floats, rhythm: Rhythm, each: Rows, oldest_block: Int64s) -> None:
    present = _present(facts, each, oldest_block)
    row, at = np.divmod(np.flatnonzero(present), CELLS)
    gap = np.diff(at, prepend=0)
    is_gap = np.append(False, row[1:] == row[:-1])
    row, at, gap = row[is_gap], at[is_gap], gap[is_gap]
    days, mean_days = _usual_gap(rhythm, len(each), row, gap)
    pause = gap >= PAUSE_CELLS
    back = np.zeros(len(each), np.int64)
    np.maximum.at(back, row[pause], oldest_block[row[pause]] * BLOCK + at[pause])
    steps = np.floor(days * _GAP_STEPS + 0.5)
    mean_steps = np.floor(mean_days * _GAP_STEPS + 0.5)
    facts[each, fact.PRESENCE] = (mean_steps * _RETURN_RANGE + back) * _GAP_RANGE + steps


def _present(facts: Floats, rows: Rows, oldest_block: Int64s) -> NDArray[np.bool_]:
    """(n, CELLS) whether a customer was present, the oldest cell first."""
    columns = fact.PRESENCE_0 + (oldest_block[:, None] + np.arange(BLOCKS)) % BLOCKS
    words = facts[rows[:, None], columns].astype("<i8")
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little").view(np.bool_)
    return bits.reshape(len(rows), BLOCKS, _WINDOW)[:, :, :BLOCK].reshape(len(rows), CELLS)


def _usual_gap(rhythm: Rhythm, n: int, row: Int64s, gap: Int64s) -> tuple[Floats, Floats]:
    """(n,) days of the usual gap, and of the mean of those of its kind; 0 where too few gaps are
    known. row, gap: every gap, in cells.

    The mean of the gaps of that length or a cell less evens out how days fall into cells.
    """
    counts = np.bincount(row * (CELLS + 1) + gap, minlength=n * (CELLS + 1))
    each = np.flatnonzero(counts > 0)[::-1]  # the longest gaps of a row first
    some, row, length = counts[each], each // (CELLS + 1), each % (CELLS + 1)
    as_long, gaps = _running_sums(some, row, n)
    filled, total = _running_sums(some * length, row, n)
    needed = np.maximum(rhythm.share * total, rhythm.min_filled_us / CELL_US)
    is_usual = (filled >= needed[row]) & (as_long >= rhythm.repeats)
    is_usual &= (gaps >= rhythm.min_gaps)[row]
    usual = np.flatnonzero(is_usual)
    usual = usual[np.append(True, row[usual[1:]] != row[usual[:-1]])[: len(usual)]]
    after = np.minimum(usual + 1, len(each) - 1)
    is_a_cell_less = (row[after] == row[usual]) & (length[after] == length[usual] - 1)
    shorter = np.where(is_a_cell_less, some[after], 0)
    mean = (some[usual] * length[usual] + shorter * (length[usual] - 1)) / (some[usual] + shorter)
    days = np.zeros(n)
    days[row[usual]] = CELL_DAYS * mean
    return days, CELL_DAYS * _mean_of_kind(some, row, length, usual, n)


def _mean_of_kind(some: Int64s, row: Int64s, length: Int64s, usual: Rows, n: int) -> Floats:
    """(n,) cells, 0 without a usual gap; some: how many gaps of a row have a length; usual: which
    of these is each row's usual one."""
    least = np.full(n, CELLS + 1)
    least[row[usual]] = -(-length[usual] // _COMPARABLE)
    counted = np.where(length >= least[row], some, 0)
    gaps = np.bincount(row, counted, minlength=n)
    return np.bincount(row, counted * length, minlength=n) / np.maximum(gaps, 1)


def _running_sums(values: Int64s, row: Int64s, n: int) -> tuple[Int64s, Int64s]:
    """The sums within each row so far, and each row's total, (n,); a row's values stand together,
    the highest row first."""
    total = np.zeros(n, np.int64)
    np.add.at(total, row, values)
    of_higher_rows = total[::-1].cumsum()[::-1] - total
    return np.cumsum(values) - of_higher_rows[row], total
