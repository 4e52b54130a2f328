"""RFC 3339 texts to microseconds since 1970 UTC, many at once: usual forms by digit arithmetic, the
rest singly."""

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

SECOND: Final = 1_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
FEW: Final = 32  # below this numpy's calls cost more than parsing one by one

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt"
    r" ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

# Calendar of the years the fast path knows, by (year - 1900) * 100 + month: the month's day 0, and
# its length in days.
_FIRST_YEAR, _YEARS = 1900, 200
_MONTH_US = np.zeros(_YEARS * 100, np.int64)
_MONTH_DAYS = np.zeros(_YEARS * 100, np.uint8)
for _year in range(_FIRST_YEAR, _FIRST_YEAR + _YEARS):
    for _month in range(1, 13):
        _place = (_year - _FIRST_YEAR) * 100 + _month
        _MONTH_US[_place] = ((date(_year, _month, 1) - EPOCH.date()).days - 1) * 86_400 * SECOND
        _MONTH_DAYS[_place] = monthrange(_year, _month)[1]


class _Layout:
    """One canonical form of a fixed length: which character may stand where, and how its pairs of
    digits are read."""

    def __init__(self, pattern: str) -> None:
        self.low = np.array([ord("0") if c == "9" else ord(c) for c in pattern], np.uint8)[:, None]
        spans = {"9": 9, "+": 2}
        self.span = np.array([spans.get(c, 0) for c in pattern], np.uint8)[:, None]
        self.sign = pattern.find("+")
        digits = len(pattern.partition(".")[2].split("+")[0].rstrip("Z"))
        fraction = range(20, 20 + digits, 2)
        offset = [self.sign + 1, self.sign + 4] if self.sign >= 0 else []
        starts = [0, 2, 5, 8, 11, 14, 17, *fraction, *offset]
        nothing = len(
            pattern
        )  # a row of zeros behind the last letter: the missing half of an odd fraction
        self.tens = np.array(starts)
        self.ones = np.array(
            [start + 1 if pattern[start + 1] == "9" else nothing for start in starts]
        )
        weights = [0, 0, 0, 86_400 * SECOND, 3_600 * SECOND, 60 * SECOND, SECOND]
        weights += [10_000, 100, 1][: len(fraction)] + [0] * len(offset)
        self.weights = np.array(weights, np.int64)
        limits = [99, 99, 12, 31, 23, 59, 59] + [99] * len(fraction) + [23, 59][: len(offset)]
        self.limits = np.array(limits, np.uint8)[:, None]


_LAYOUTS: Final = {
    len(pattern): _Layout(pattern)
    for pattern in (
        "9999-99-99T99:99:99Z",
        "9999-99-99T99:99:99.999Z",
        "9999-99-99T99:99:99.999999Z",
        "9999-99-99T99:99:99+99:99",
        "9999-99-99T99:99:99.999+99:99",
        "9999-99-99T99:99:99.999999+99:99",
    )
}


def parse_instant(text: str) -> int | None:
    """One RFC 3339 text with offset (or Z), as microseconds since 1970 UTC; None when it isn't one.

    Digits past the microsecond are cut off. Read as well, though RFC 3339 doesn't have them: a time
    without seconds, and an offset without a colon.
    """
    match = _RFC3339.fullmatch(text)
    if match is None or match[5] is None:
        return None
    day, minute, second, fraction, offset = match.groups()
    try:
        at = datetime.fromisoformat(
            f"{day}T{minute}{second or ':00'}{(fraction or '')[:7]}{_colon(offset)}"
        )
    except ValueError:
        return None
    return (at - EPOCH) // MICROSECOND


def _colon(offset: str) -> str:
    """The offset in the form that the standard library reads at any length of the time."""
    return offset.upper() if len(offset) in (1, 6) else f"{offset[:3]}:{offset[3:]}"


def parse_date(text: str) -> int | None:
    """A plain date as its midnight UTC, in microseconds since 1970."""
    if _DATE.fullmatch(text) is None:
        return None
    try:
        return (date.fromisoformat(text) - EPOCH.date()).days * 86_400 * SECOND
    except ValueError:
        return None


def is_naive(text: str) -> bool:
    """Whether the text would be an instant if it only said its offset."""
    match = _RFC3339.fullmatch(text)
    return match is not None and match[5] is None


def parse_instants(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """`parse_instant` of each text: (microseconds, ok); where not ok the number is 0."""
    us = np.zeros(len(texts), np.int64)
    ok = np.zeros(len(texts), np.bool_)
    lengths = list(map(len, texts))
    for length in set(lengths) & _LAYOUTS.keys() if len(texts) >= FEW else ():
        if lengths.count(length) == len(texts):
            us, ok = _parse_group(_LAYOUTS[length], texts)
            continue
        where = [i for i, size in enumerate(lengths) if size == length]
        if len(where) >= FEW:
            us[where], ok[where] = _parse_group(_LAYOUTS[length], [texts[i] for i in where])
    for i in () if ok.all() else np.flatnonzero(~ok).tolist():
        value = parse_instant(texts[i])
        if value is not None:
            us[i], ok[i] = value, True
    return us, ok


def _parse_group(
    layout: _Layout, texts: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Texts that are all as long as the layout; those that don't fit it are left to the slow
    path."""
    # "replace" keeps one byte a character, so rows stay aligned; '?' is never allowed by a layout.
    letters = np.frombuffer("".join(texts).encode("ascii", "replace"), np.uint8).reshape(
        len(texts), -1
    )
    digits = np.zeros((letters.shape[1] + 1, len(texts)), np.uint8)
    np.subtract(letters.T, layout.low, out=digits[:-1])
    ok: NDArray[np.bool_] = np.logical_and.reduce(digits[:-1] <= layout.span, axis=0)
    pairs = digits[layout.tens] * np.uint8(10) + digits[layout.ones]
    ok &= np.logical_and.reduce(pairs <= layout.limits, axis=0)
    fields = pairs.astype(np.int64)
    month = (fields[0] * 100 + fields[1] - _FIRST_YEAR) * 100 + fields[2]
    ok &= (month >= 0) & (month < len(_MONTH_US))
    month[~ok] = 0
    ok &= (pairs[3] > 0) & (pairs[3] <= _MONTH_DAYS[month])
    us: NDArray[np.int64] = _MONTH_US[month] + layout.weights @ fields
    if layout.sign >= 0:
        sign = 1 - digits[layout.sign].astype(
            np.int64
        )  # '+' is 0, '-' is 2; the ',' between them is no sign
        ok &= sign != 0
        us -= sign * (fields[-2] * 60 + fields[-1]) * (60 * SECOND)
    us[~ok] = 0
    return us, ok
