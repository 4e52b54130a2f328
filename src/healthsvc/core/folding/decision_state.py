"""What was decided last about customers: a row of float64 for each, beside its state.

Unlike the state it isn't a function of the log alone, but of the log and the instants of the
decisions. This module is the only one that knows the columns: others use the fields of
`DecisionStates`.
"""

from math import inf, nan
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask, Rows

_COLUMNS: Final[dict[str, float]] = {
    "band": -1.0,
    "band_since": 0.0,
    "pending_since": 0.0,
    "flags": 0.0,
    "score": nan,
    "day": 0.0,
    "score_at_churn": nan,
    "due": inf,
    "sequence": 0.0,
    "decided_us": 0.0,
    "listed_score": nan,
    "risk": nan,
    "place": -1.0,
    "loyalty": nan,
    "alerted_0": 0.0,
    "alerted_1": 0.0,
    "alerted_2": 0.0,
    "postponed": 0.0,
    "announced_score": nan,
}
"""In the order in which they are stored, with what stands there before the first decision; only
ever appended to."""
WIDTH: Final = len(_COLUMNS)
ROW_BYTES: Final = WIDTH * 8
_DEFAULTS: Final = np.array(list(_COLUMNS.values()))
UNDECIDED_ROW: Final = _DEFAULTS.tobytes()
_BAND, _FLAGS, _SEQUENCE = map(list(_COLUMNS).index, ("band", "flags", "sequence"))
_ALERTED: Final = slice(list(_COLUMNS).index("alerted_0"), list(_COLUMNS).index("alerted_2") + 1)
_HALF: Final = 1 << 26
"""A column holds two alerts of 26 bits: an hour since 1970, and six bits of the flag."""
_FLAG_RANGE: Final = 64
UNLISTED: Final = -inf
"""In place of the listed score: lists don't show the customer yet, or not what its profile says by
now."""


class _Column:
    """A column of the array: a view, so that what is written into it is kept."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._column = list(_COLUMNS).index(name)

    def __get__(self, states: "DecisionStates", owner: type | None = None) -> Floats:
        column: Floats = states.array[:, self._column]
        return column

    def __set__(self, states: "DecisionStates", values: Floats | Int64s | float) -> None:
        states.array[:, self._column] = values


class DecisionStates:
    """The decision states of n customers, each field as (n,); instants in microseconds."""

    __slots__ = ("array",)

    band = _Column()
    """Index into the scorecard's bands; -1: not enough evidence."""
    band_since = _Column()
    pending_since = _Column()
    """Since when a better band has held; 0: none has."""
    flags = _Column()
    """A bit a rule, in declared order."""
    score = _Column()
    """Of the last history row."""
    day = _Column()
    """Of the last history row, days since 1970."""
    score_at_churn = _Column()
    """Score at the moment of churn, NaN before."""
    due = _Column()
    """The timer in the database, inf: none."""
    sequence = _Column()
    """Number of the last message about the customer before changes were numbered by the database;
    nothing writes it any longer."""
    decided_us = _Column()
    """Instant of the last decision, 0 before the first."""
    listed_score = _Column()
    """Score in the customer summary, NaN: none; or `UNLISTED`."""
    risk = _Column()
    """Of the last history row."""
    place = _Column()
    """Lifecycle stage + 1, and 16 times the number of the variant that judged; -1 before the first
    decision."""
    loyalty = _Column()
    """In the customer summary."""

    postponed = _Column()
    """A bit a flag whose alert came too soon after the last one: it is raised later if the flag
    stands by then."""
    announced_score = _Column()
    """The score at the last change of the score that was announced; NaN: it was never known."""

    def __init__(self, array: Floats) -> None:
        self.array = array
        """(n, WIDTH), as it is stored."""

    @classmethod
    def undecided(cls, customers: int) -> "DecisionStates":
        """Customers about whom nothing has been decided."""
        return cls(np.tile(_DEFAULTS, (customers, 1)))

    @classmethod
    def reserved(cls, capacity: int) -> "DecisionStates":
        """Room for so many customers; `reset` makes rows of it undecided."""
        return cls(np.zeros((capacity, WIDTH)))

    @classmethod
    def unpack(cls, stored_rows: bytes, customers: int) -> "DecisionStates":
        """Rows one after another, of `ROW_BYTES` each."""
        return cls(np.frombuffer(stored_rows, np.float64).reshape(customers, WIDTH))

    @classmethod
    def of_any_version(cls, rows: list[bytes]) -> "DecisionStates":
        """A row each, whichever version wrote it; an empty one is undecided."""
        states = cls.undecided(len(rows))
        for row, content in enumerate(rows):
            columns = np.frombuffer(content, np.float64)[:WIDTH]
            states.array[row, : len(columns)] = columns
        return states

    def __len__(self) -> int:
        return len(self.array)

    def copy(self) -> "DecisionStates":
        return DecisionStates(self.array.copy())

    def take(self, rows: Rows | Mask) -> "DecisionStates":
        """A copy of some rows."""
        return DecisionStates(self.array[rows])

    def put(self, rows: Rows | Mask, states: "DecisionStates") -> None:
        """Replace some rows."""
        self.array[rows] = states.array

    def reset(self, rows: Rows | slice) -> None:
        """Make some rows undecided."""
        self.array[rows] = _DEFAULTS

    def packed_row(self, row: int) -> bytes:
        content: bytes = self.array[row].tobytes()
        return content

    def band_index(self, row: int) -> int:
        """The band of one customer; -1: not enough evidence."""
        return int(self.array.item(row, _BAND))

    def last_alerts(self, row: int) -> dict[int, int]:
        """The newest alerts of one customer: flag → hours since 1970."""
        alerts: dict[int, int] = {}
        for column in self.array[row, _ALERTED].tolist():
            for alert in divmod(int(column), _HALF):
                hour, flag = divmod(alert, _FLAG_RANGE)
                if hour:
                    alerts[flag] = hour
        return alerts

    def note_alert(self, row: int, flag: int, hour: int) -> None:
        """Remember an alert of one customer; the oldest is forgotten where there is no room."""
        alerts = {**self.last_alerts(row), flag: hour}
        newest = sorted(alerts.items(), key=lambda alert: (-alert[1], alert[0]))
        columns = self.array[row, _ALERTED]
        numbers = [hour * _FLAG_RANGE + flag for flag, hour in newest[: 2 * len(columns)]]
        numbers += [0] * (2 * len(columns) - len(numbers))
        columns[:] = [a * _HALF + b for a, b in zip(numbers[::2], numbers[1::2], strict=True)]

    def flag_bits(self, row: int) -> float:
        """The flags of one customer."""
        return self.array.item(row, _FLAGS)


def select(condition: Mask, states: DecisionStates, otherwise: DecisionStates) -> DecisionStates:
    """Row by row one of two; condition: (n,)."""
    return DecisionStates(np.where(condition[:, None], states.array, otherwise.array))


def complete_row(stored_row: bytes) -> bytes:
    """A stored row of any earlier version, with what stands in its later columns before the first
    decision."""
    return stored_row + UNDECIDED_ROW[len(stored_row) :]


def last_sequence(stored_row: bytes | None) -> int:
    """Number of the last message about a customer before the database numbered changes, from its
    stored row; 0 where there is none."""
    return 0 if stored_row is None else int(np.frombuffer(stored_row, np.float64)[_SEQUENCE])
