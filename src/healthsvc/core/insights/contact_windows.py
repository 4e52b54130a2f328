"""When to speak with a customer, and how often: not at its busiest hours, in its own time, and not
too often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from healthsvc.core.insights import signals
from healthsvc.core.instants import DAY_US
from healthsvc.core.scoring.view import View

LOOKED_BACK_US: Final = 56 * DAY_US
ENOUGH: Final = 20
"""Own acts from which the hours of a customer are known."""
OFFICE: Final = range(8, 18)
"""Hours at which one may call at all, in the customer's own time."""
AROUND: Final = 0.1
"""From this share of the busiest hour on, somebody is there …"""
PEAK: Final = 0.75
"""… and from this one on, they are busy."""
USUAL: Final = ((10, 12), (14, 16))
"""Where the hours aren't known."""
WEEKEND: Final = (5, 6)
MOST_COUNTED: Final = 3
"""The state remembers the last three contacts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRules:
    """How often a customer may be contacted by our own initiative, and whose clock holds where the
    profile has none."""

    cap: int = 2
    """At most so many contacts in `cap_days`; 1 to 3."""
    cap_days: int = 7
    timezone: str = "UTC"
    calls_a_day: int = 5
    """What somebody can take on in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When to call, and when not, by the hours of the customer's own day."""

    windows: tuple[tuple[int, int], ...]
    """From hour, to hour; the best first."""
    peak: tuple[int, ...]
    known: bool
    """False: too few acts to know its hours, so the usual ones."""


def hours(acts: Sequence[datetime]) -> Hours:
    """The hours of a customer from when it acted, in its own time; weekends don't count."""
    counts = [0] * 24
    for act in acts:
        if act.weekday() not in WEEKEND:
            counts[act.hour] += 1
    if sum(counts) < ENOUGH:
        return Hours(windows=USUAL, peak=(), known=False)
    peak = tuple(hour for hour in range(24) if counts[hour] >= PEAK * max(counts))
    ranked = _ranked_windows(counts, peak)
    if not ranked:
        return Hours(windows=USUAL, peak=peak, known=False)
    apart = [window for window in ranked if abs(window[0] - ranked[0][0]) >= 2]
    return Hours(windows=(ranked[0], *apart[:1]), peak=peak, known=True)


def _ranked_windows(counts: Sequence[int], peak: Sequence[int]) -> list[tuple[int, int]]:
    """Windows of two office hours at which somebody is there, the quietest first; peak hours only
    if no others are."""
    present = [hour for hour in range(24) if counts[hour] >= AROUND * max(counts)]
    at_work = [hour for hour in OFFICE if present[0] <= hour <= present[-1]]
    windows = [(hour, hour + 2) for hour in at_work if hour + 1 in at_work]
    quiet = [window for window in windows if window[0] not in peak and window[0] + 1 not in peak]
    return sorted(
        quiet or windows, key=lambda window: (counts[window[0]] + counts[window[0] + 1], window)
    )


def next_window(windows: Sequence[tuple[int, int]], local: datetime) -> datetime:
    """When the next window begins, in the customer's own time; now, if one is open."""
    for ahead in range(8):
        day = local + timedelta(days=ahead)
        for begin, end in sorted(windows):
            if day.weekday() in WEEKEND or (ahead == 0 and local.hour >= end):
                continue
            opens = day.replace(hour=begin, minute=0, second=0, microsecond=0)
            return max(opens, local) if ahead == 0 else opens
    raise AssertionError("a week has working days")


def contacts_within(view: View, row: int, days: int) -> int | None:
    """How often we contacted them in so many days, at most `MOST_COUNTED`; None: the scorecard
    doesn't count.

    By the measure `outreach`, what we started ourselves; in a scorecard without it by `contacts`.
    """
    measure = signals.column(view, "outreach")
    if measure is None:
        measure = signals.column(view, "contacts")
    if measure is None:
        return None
    first = len(view.program.half_lives_us) + 1
    newest: list[float] = view.cells[row, measure, first : first + MOST_COUNTED].tolist()
    return sum(at > 0 and float(view.now_us[row]) - at < days * DAY_US for at in newest)
