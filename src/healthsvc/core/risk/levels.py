"""The levels that a risk model needs: forward-decayed sums of counts and of values, per source and
half-life.

A *source* is a kind of event (`act`, `neutral`, `trouble`), all of them (`any`), or one type
(`type:purchase`). Sums are added one by one in log order (see core.levels), so that batches may be
split anyhow with the same bits, and a table with more levels holds the same bits in those that it
shares with a smaller one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from healthsvc.core import levels
from healthsvc.core.arrays import Floats, Instants, Int64s
from healthsvc.core.levels import LANDMARK_US
from healthsvc.core.risk.mapping import Kind

REACH: Final = 700
"""Half-lives from its landmark at which a weight is still far from the ends of what a double holds.
The lab's tables move their landmarks there; live ones never do (a scorecard's half-lives are long
enough for decades)."""

Of = Literal["count", "value", "valued"]
"""What is summed: 1 an event, its value, or 1 an event that has a value."""

LARGEST_VALUE: Final = 1e12
"""Values beyond are held to it: a sum must stay finite."""
MOST_TYPES: Final = 10_000
"""Event types whose code is remembered by name."""


@dataclass(frozen=True, slots=True)
class Level:
    """One decayed sum kept per customer."""

    source: str
    half_life_us: int
    of: Of = "count"


def sources_of(event_type: str, kind: Kind) -> tuple[str, ...]:
    """The sources that an event of this type and kind belongs to; the outcome itself belongs to
    none."""
    return () if kind == "outcome" else (kind, "any", f"type:{event_type}")


class CompiledRisk:
    """Which levels are kept, and which of them each type feeds. Types are learnt as they come."""

    def __init__(
        self,
        levels_kept: Sequence[Level],
        kind_of: Callable[[str], Kind],
        landmark_us: int = LANDMARK_US,
    ) -> None:
        self.levels = tuple(dict.fromkeys(levels_kept))
        self.landmark_us = landmark_us
        self.column = {level: i for i, level in enumerate(self.levels)}
        self.half_lives_us = tuple(dict.fromkeys(level.half_life_us for level in self.levels))
        self._landmarks: dict[int, int] = {}
        self._kind_of = kind_of
        self._codes: dict[str, int] = {}
        self._code_of: dict[tuple[int, ...], int] = {}
        """By the levels that a type feeds: types that feed the same share a code."""
        self._start, self._length = np.zeros(1, np.int64), np.zeros(0, np.int64)
        self._column, self._half_life = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._of = np.zeros(0, np.int64)

    @property
    def width(self) -> int:
        return len(self.levels)

    def knows(self, event_type: str) -> bool:
        """Whether an event of this type was met already."""
        return event_type in self._codes

    def extend(self, more: Sequence[Level]) -> None:
        """Keep more levels, of sources that no event has fed yet: their sums are 0, as if kept from
        the start."""
        self.levels = tuple(dict.fromkeys((*self.levels, *more)))
        self.column = {level: i for i, level in enumerate(self.levels)}
        self.half_lives_us = tuple(dict.fromkeys(level.half_life_us for level in self.levels))

    def landmark(self, half_life_us: int) -> int:
        """The instant at which an event weighs 1 in levels of this half-life."""
        return self._landmarks.get(half_life_us, self.landmark_us)

    def bring_near(self, sums: Floats, us: int) -> int:
        """Move landmarks that are too far from an instant to it, by whole half-lives, and the sums
        (customers, width) with them, so that these mean the same, to the bit. Answers up to when
        events may be folded then."""
        for h in self.half_lives_us:
            whole = (us - self.landmark(h)) // h
            if abs(whole) > REACH:
                self._landmarks[h] = self.landmark(h) + whole * h
                mine = [i for i, level in enumerate(self.levels) if level.half_life_us == h]
                sums[:, mine] = np.ldexp(sums[:, mine], -max(min(whole, 4000), -4000))
        return min((self.landmark(h) + (REACH + 1) * h for h in self.half_lives_us), default=us)

    def code(self, event_type: str) -> int:
        """A small number for the type, the same as long as this program lives; types that feed the
        same share it."""
        if len(self._codes) > MOST_TYPES:
            self._codes.clear()  # senders may make up types; the codes stay known by what they feed
        code = self._codes.get(event_type)
        return self._learn(event_type) if code is None else code

    def codes(self, types: Sequence[str]) -> Int64s:
        """Code of each type."""
        known = self._codes
        for unknown in dict.fromkeys(types):
            if unknown not in known:
                self._learn(unknown)
        return np.fromiter([known[t] for t in types], np.int64, len(types))

    def fold(self, sums: Floats, rows: Int64s, codes: Int64s, us: Instants, values: Floats) -> None:
        """Add events in log order. sums: (customers, width), changed in place; one entry an event
        in the others; a value that isn't finite is none."""
        count = self._length[codes]
        event = np.repeat(np.arange(len(codes)), count)
        if not len(event):
            return
        at = np.arange(len(event)) + np.repeat(
            self._start[codes] - (np.cumsum(count) - count), count
        )
        weights = np.stack([levels.weights(us, h, self.landmark(h)) for h in self.half_lives_us])
        amount = weights[self._half_life[at], event]
        if self.needs_values:
            amount = amount * self._worth(values)[self._of[at], event]
        np.add.at(sums.reshape(-1), rows[event] * self.width + self._column[at], amount)

    @property
    def needs_values(self) -> bool:
        """Whether any level sums values."""
        return any(level.of != "count" for level in self.levels)

    @staticmethod
    def _worth(values: Floats) -> Floats:
        """(3, n) what an event adds to each kind of sum, before its weight."""
        has_value = np.isfinite(values)
        worth = np.clip(np.where(has_value, values, 0.0), -LARGEST_VALUE, LARGEST_VALUE)
        return np.stack([np.ones(len(values)), worth, has_value.astype(np.float64)])

    def _learn(self, event_type: str) -> int:
        sources = sources_of(event_type, self._kind_of(event_type))
        fed_levels = [(i, level) for i, level in enumerate(self.levels) if level.source in sources]
        columns = tuple(i for i, _ in fed_levels)
        if columns in self._code_of:
            code = self._codes[event_type] = self._code_of[columns]
            return code
        places = {h: i for i, h in enumerate(self.half_lives_us)}
        self._column = np.append(self._column, np.array([i for i, _ in fed_levels], np.int64))
        self._half_life = np.append(
            self._half_life, np.array([places[lv.half_life_us] for _, lv in fed_levels], np.int64)
        )
        self._of = np.append(self._of, np.array([_OF[lv.of] for _, lv in fed_levels], np.int64))
        self._length = np.append(self._length, len(fed_levels))
        self._start = np.append(self._start, len(self._column))
        code = self._codes[event_type] = self._code_of[columns] = len(self._length) - 1
        return code


_OF: Final[dict[Of, int]] = {"count": 0, "value": 1, "valued": 2}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Customers as of an instant each: sums (n, width), first and last (n,) in microseconds, now_us
    (n,).

    first is inf and last 0 for a customer without events."""

    program: CompiledRisk
    sums: Floats
    first: Floats
    last: Floats
    now_us: Instants

    def level(self, level: Level) -> Floats:
        """(n,) decayed sum as of now."""
        sums = np.ascontiguousarray(self.sums[:, self.program.column[level]])
        return levels.decayed(
            sums, self.now_us, level.half_life_us, self.program.landmark(level.half_life_us)
        )
