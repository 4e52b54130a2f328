"""The states of the customers in memory: columns over rows, folded in log order, packed sparsely
for the database.

A cell is what one measure keeps of one customer: a forward-decayed sum per half-life, the count,
and the newest three instants (its evidence). A row is its cells, facts, items and profile; its
decision state stands beside it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core import levels
from healthsvc.core.arrays import Floats, Int64s, Rows
from healthsvc.core.folding import facts as fact
from healthsvc.core.folding import packing, presence
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.decision_state import ROW_BYTES, DecisionStates
from healthsvc.core.folding.extract import NO_SLOT, Extract
from healthsvc.core.folding.items import table as item_table
from healthsvc.core.folding.items.registry import STEPS
from healthsvc.core.folding.stored import Stored, StoredMany
from healthsvc.core.scorecard.surveys import SurveyRules

_AT_ONCE: Final = 1024
"""Rows; what they may have is then small enough for the processor's cache."""


class States:
    """A bounded table of customers. Rows are numbers from 0 to `capacity` - 1; a row is free, or
    one customer's."""

    def __init__(self, program: CompiledScorecard, capacity: int) -> None:
        self.program = program
        self.capacity = capacity
        self.fields = len(program.half_lives_us) + 4
        self.count_field = len(program.half_lives_us)
        self.cells: Floats = np.zeros((capacity, program.width, self.fields))
        self.facts: Floats = np.zeros((capacity, fact.WIDTH))
        self.decisions = DecisionStates.reserved(capacity)
        self.risk: Floats = np.zeros((capacity, 0 if program.risk is None else program.risk.width))
        self._columns = packing.StateColumns(self.cells, self.facts, self.risk)
        self.key = np.zeros(capacity, np.int64)
        self.partition = np.full(capacity, -1, np.int32)
        self.in_database = np.zeros(capacity, bool)
        self.tid = np.zeros(capacity, np.int64)
        """Where the database has the row's state, until it is written again; 0: unknown."""
        self.touched_at = np.zeros(capacity, np.int64)
        self.ids: list[str] = [""] * capacity
        self.row_of: dict[str, int] = {}
        self.items = item_table.ItemTable()
        self._profiles: dict[int, fact.Profile | str] = {}
        self.profile_changed: set[int] = set()
        """Rows whose profile has to be stored."""
        self.summary_changed: set[int] = set()
        """Rows whose profile or subscription isn't what lists say of them."""
        self._free: list[int] = []
        self._used = 0

    @staticmethod
    def row_bytes(program: CompiledScorecard) -> int:
        """Bytes that a resident customer takes, its id and index entry included (rounded up)."""
        risk = 0 if program.risk is None else program.risk.width * 8
        return (
            program.width * (len(program.half_lives_us) + 4) * 8
            + fact.WIDTH * 8
            + ROW_BYTES
            + risk
            + 300
        )

    @property
    def surveys(self) -> SurveyRules:
        """The scorecard's rules of surveys."""
        return self.program.scorecard.surveys

    def preallocate(self, customers: int) -> None:
        """Have the memory for so many customers before the first one comes: the system gives it at
        the first touch, page by page, which would take longer than loading them."""
        assert not self.row_of, "only while nobody is in memory"
        for table in (self.cells, self.facts, self.decisions.array, self.risk):
            table[: min(customers, self.capacity)] = 0.0

    def __len__(self) -> int:
        return len(self.row_of)

    def rows(self, customer_ids: Sequence[str]) -> Rows:
        """Row of each customer, -1 where it isn't in memory."""
        return np.fromiter(
            map(self.row_of.get, customer_ids, repeat(-1)), np.int64, len(customer_ids)
        )

    def room(self) -> int:
        """How many more customers fit without eviction."""
        return self.capacity - len(self.row_of)

    def admit(self, customers: Sequence[tuple[str, int, int]]) -> Rows:
        """Take in customers that have no state yet: (customer_id, key, partition). Raises
        MemoryError when they don't fit."""
        ids, keys, partitions = zip(*customers, strict=True) if customers else ((), (), ())
        rows = self._take(len(ids))
        self._begin(rows, ids, np.array(keys, np.int64), np.array(partitions, np.int32))
        return rows

    def load(self, stored: Sequence[Stored]) -> Rows:
        """Take in customers as the database has them. Raises MemoryError when they don't fit,
        packing.OtherFormat."""
        return self.load_many(StoredMany.of(stored))

    def load_many(self, customers: StoredMany) -> Rows:
        """The same, of many."""
        rows = self._take(len(customers))
        self._begin(rows, customers.customer_ids, customers.keys, customers.partitions)
        known = customers.widths > 0
        there = rows[known]
        if len(there):
            self.in_database[there] = True
            self.tid[there] = customers.tids[known]
            self.items.put(
                *packing.unpack(self._columns, there, customers.states, customers.widths[known])
            )
            if len(customers.decisions) != len(there) * ROW_BYTES:
                raise packing.OtherFormat(
                    f"a decision state of {len(customers.decisions) // len(there)} bytes"
                )
            self.decisions.put(there, DecisionStates.unpack(customers.decisions, len(there)))
        self._profiles.update(
            (row, profile)
            for row, profile in zip(rows.tolist(), customers.profiles, strict=True)
            if profile
        )
        return rows

    def _begin(
        self, rows: Rows, ids: Sequence[str], keys: Int64s, partitions: NDArray[np.int32]
    ) -> None:
        """Give rows that `_take` gave to customers."""
        self.key[rows] = keys
        self.partition[rows] = partitions
        numbers: list[int] = rows.tolist()
        self.row_of.update(zip(ids, numbers, strict=True))
        for row, customer_id in zip(numbers, ids, strict=True):
            self.ids[row] = customer_id

    def drop(self, rows: Iterable[int]) -> None:
        """Forget rows; what wasn't flushed of them is gone."""
        for row in rows:
            del self.row_of[self.ids[row]]
            self.ids[row] = ""
            self.partition[row] = -1
            self.items.drop(row)
            self._profiles.pop(row, None)
            self.profile_changed.discard(row)
            self.summary_changed.discard(row)
            self._free.append(row)

    def coldest(self, count: int, keep: Rows) -> Rows:
        """Rows of the `count` customers that were touched longest ago, none of them among
        `keep`."""
        candidates = self.partition[: self._used] >= 0
        candidates[keep[keep < self._used]] = False
        rows = np.flatnonzero(candidates)
        if len(rows) > count:
            rows = rows[np.argpartition(self.touched_at[rows], count)[:count]]
        return rows

    def profile(self, row: int) -> fact.Profile:
        """The row's profile, to be read and written; asking for it marks it as changed."""
        self.profile_changed.add(row)
        self.summary_changed.add(row)
        return self._profile(row)

    def summarised(self, rows: Rows) -> None:
        """The profiles of these rows are stored, and lists say what they should."""
        numbers = rows.tolist()
        self.profile_changed.difference_update(numbers)
        self.summary_changed.difference_update(numbers)

    def has_profile(self, row: int) -> bool:
        return row in self._profiles

    def profile_values(self, row: int) -> dict[str, Any]:
        """Field → value of the profile, for reading."""
        return {name: entry[0] for name, entry in self._profile(row).items()}

    def profile_field(self, row: int, name: str) -> Any:
        """One field of the profile, None where it isn't told; a glance that keeps nothing
        unpacked."""
        profile = self._profiles.get(row)
        if isinstance(profile, str):
            profile = _parse_profile(profile) if f'"{name}"' in profile else None
        return profile[name][0] if profile and name in profile else None

    def profile_fields(self, row: int) -> dict[str, Any]:
        """The same as `profile_values`, keeping nothing unpacked."""
        profile = self._profiles.get(row)
        if profile is None:
            return {}
        known = _parse_profile(profile) if isinstance(profile, str) else profile
        return {name: entry[0] for name, entry in known.items()}

    def profile_json(self, row: int) -> str:
        """The profile for the database: [[us, source, event id, {field: value}], ...], in the order
        of the stamps."""
        groups: dict[tuple[Any, ...], dict[str, Any]] = {}
        for name, (value, *stamp) in sorted(self._profile(row).items()):
            groups.setdefault(tuple(stamp), {})[name] = value
        entries = [[*stamp, groups[stamp]] for stamp in sorted(groups)]
        return json.dumps(entries, ensure_ascii=False, separators=(",", ":"))

    def columns(self, rows: Rows) -> tuple[Floats, Floats]:
        """Cells (n, measures, fields) and facts (n, WIDTH) of some rows, each column together in
        memory: evaluation goes column by column."""
        cells = _columns(self.cells.reshape(self.capacity, -1), rows)
        return cells.reshape(-1, self.program.width, self.fields, copy=False), _columns(
            self.facts, rows
        )

    def fold(self, rows: Rows, extract: Extract, occurred_us: Int64s, ties: Floats) -> None:
        """Add events in log order; each array has one entry an event. Counts every event given:
        duplicates are removed before."""
        if not len(rows):
            return
        flat, at, occurred = (
            self.facts.reshape(-1),
            rows * fact.WIDTH,
            occurred_us.astype(np.float64),
        )
        np.add.at(flat, at + fact.EVENTS, 1.0)
        np.minimum.at(flat, at + fact.FIRST_SEEN, occurred)
        np.maximum.at(flat, at + fact.LAST_SEEN, occurred)
        slots = extract.slots
        used = np.flatnonzero(slots != NO_SLOT)
        np.maximum.at(flat, at[used] + fact.SLOT_0 + slots[used], occurred[used])
        signatures = extract.signatures
        self._fold_levels(rows, signatures, occurred_us)
        self._fold_risk(rows, signatures, occurred_us, extract.values)
        self._fold_facts(rows, extract, occurred_us, ties)

    def _fold_facts(self, rows: Rows, extract: Extract, occurred_us: Int64s, ties: Floats) -> None:
        """Facts type by type; the steps of items in log order."""
        groups: dict[str, tuple[list[int], list[Any]]] = {}
        steps: list[tuple[int, str, Any]] = []
        for fact_event in extract.fact_events:
            if fact_event[1] in STEPS:
                steps.append(fact_event)
            if fact_event[1] in fact.OF_SUBSCRIPTIONS:
                self.summary_changed.add(rows.item(fact_event[0]))
            if fact_event[1] in fact.HANDLERS:
                places, events = groups.setdefault(fact_event[1], ([], []))
                places.append(fact_event[0])
                events.append(fact_event[2])
        for name, (places, events) in groups.items():
            at = np.array(places)
            fact.HANDLERS[name](self, fact.Group(rows[at], events, occurred_us[at], ties[at]))
        if steps:
            steps_at = [place for place, _, _ in steps]
            item_table.fold(
                self,
                rows[steps_at],
                [step[1:] for step in steps],
                occurred_us[steps_at].astype(np.float64),
            )

    def _fold_levels(self, rows: Rows, signatures: Int64s, occurred_us: Int64s) -> None:
        event, measure, weight = self.program.contributions(signatures)
        if not len(event):
            return
        cell = rows[event] * self.program.width + measure
        base = cell * self.fields
        flat = self.cells.reshape(-1)
        self._fold_rhythm(rows[event], measure, occurred_us[event], weight)
        for field, half_life_us in enumerate(self.program.half_lives_us):
            per_event = levels.weights(occurred_us, half_life_us, self.program.landmark_us)
            np.add.at(flat, base + field, per_event[event] * weight)
        np.add.at(flat, base + self.count_field, 1.0)
        cells, newest = levels.top_three(cell, occurred_us[event])
        at = (cells * self.fields + self.count_field + 1)[:, None] + np.arange(3)
        flat[at] = levels.merge_three(flat[at], newest.astype(np.float64))

    def _fold_rhythm(
        self, rows: Rows, measure: Int64s, occurred_us: Int64s, weight: Floats
    ) -> None:
        """Presence and slow levels, before the newest instants of the cells are written; an entry
        for each event and measure that it feeds."""
        program, rhythm = self.program, self.program.rhythm
        if rhythm is None or program.presence is None:
            return
        for i, column in enumerate(program.slow):
            at = np.flatnonzero(measure == column)
            added = levels.weights(occurred_us[at], rhythm.slow_half_life_us, program.landmark_us)
            places = rows[at] * fact.WIDTH + fact.SLOW_0 + i
            np.add.at(self.facts.reshape(-1), places, added * weight[at])
        at = np.flatnonzero(measure == program.presence)
        newest = self.cells[rows[at], program.presence, self.count_field + 1]
        presence.fold(self.facts, rhythm, rows[at], occurred_us[at], newest)

    def _fold_risk(
        self, rows: Rows, signatures: Int64s, occurred_us: Int64s, values: Floats
    ) -> None:
        program = self.program.risk
        if program is not None and program.width:
            worth = values if len(values) else np.full(len(rows), np.nan)
            program.fold(self.risk, rows, self.program.risk_codes[signatures], occurred_us, worth)

    def pack(self, rows: Rows) -> list[memoryview | bytes]:
        """The rows' states for the database."""
        states: list[memoryview | bytes] = []
        for first in range(0, len(rows), _AT_ONCE):
            some = rows[first : first + _AT_ONCE]
            states += packing.pack(self._columns.take(some), self.items.packed(some.tolist()))
        return states

    def _profile(self, row: int) -> fact.Profile:
        profile = self._profiles.get(row)
        if profile is None:
            profile = {}
        elif isinstance(profile, str):
            profile = _parse_profile(profile)
        self._profiles[row] = profile
        return profile

    def _take(self, count: int) -> Rows:
        """Rows for which nothing was folded."""
        if count > self.capacity - len(self.row_of):
            raise MemoryError(f"{count} more customers don't fit into {self.capacity} rows")
        again = np.array([self._free.pop() for _ in range(min(count, len(self._free)))], np.int64)
        for zeros in (
            self.cells,
            self.risk,
            self.in_database,
            self.tid,
        ):  # of a row that nobody had they are
            zeros[again] = 0
        self.facts[again] = fact.DEFAULTS
        self.decisions.reset(again)
        first, self._used = self._used, self._used + count - len(again)
        self.facts[first : self._used] = fact.DEFAULTS
        self.decisions.reset(slice(first, self._used))
        return np.concatenate([again, np.arange(first, self._used)])


def _parse_profile(profile: str) -> fact.Profile:
    return {
        name: [value, *stamp]
        for *stamp, fields in json.loads(profile)
        for name, value in fields.items()
    }


def _columns(table: Floats, rows: Rows) -> Floats:
    """Some rows of a table, (n, width), column after column in memory; turned in pieces that the
    processor's cache holds."""
    columns = np.empty((table.shape[1], len(rows)))
    for first in range(0, len(rows), _AT_ONCE):
        columns[:, first : first + _AT_ONCE] = table[rows[first : first + _AT_ONCE]].T
    return columns.T


def field_names(program: CompiledScorecard) -> Mapping[str, int]:
    """Name of each field of a cell → its place, for those who look into one."""
    sums = len(program.half_lives_us)
    return {
        **{f"sum_{i}": i for i in range(sums)},
        "count": sums,
        "newest": sums + 1,
        "second": sums + 2,
        "third": sums + 3,
    }
