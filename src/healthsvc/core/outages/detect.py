"""The fleet guard: when a source, a segment or the whole fleet falls silent at once, the tracker is
broken, not the customers.

Pure: (habits, what came lately, the guards that hold, an instant) to what begins and what ends. A
fall is believed when chance can hardly have made it: for a window in which m events usually come
and x came, r = x / m, Chernoff's bound on a Poisson count is exp(-m * (1 - r + r * ln r)); swarms
of events are allowed for by dividing m by the habit's dispersion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final, Literal, NamedTuple

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.instants import DAY_US
from healthsvc.core.outages.traffic import MINUTE_US, Habit, dispersion, expected

FLEET: Final = "fleet"
SOURCE, SEGMENT = "source:", "segment:"
WINDOWS: Final = (2, 5, 15, 60, 360, 1440)
"""Minutes that are looked back over: much traffic shows a fall within two, little within a day."""
LOOKED_BACK: Final = WINDOWS[-1]
CERTAIN: Final = 16.0
"""A fall that chance makes once in exp(16), nine million, looks."""
JUDGED: Final = 8.0
"""Events, dispersion allowed for, from which a window says whether a scope stands."""
FALLEN: Final = 0.25
"""A quarter of the usual, or less, is a fall at once …"""
BACK: Final = 0.5
"""… and half of it is back again, if it lasts for `BACK_MINUTES`."""
BACK_MINUTES: Final = 15
WAIT_MINUTES: Final = 15
"""A fleet that falls while a source stands is given so long to show which source it is."""
LONGEST_US: Final = 7 * DAY_US
"""What hasn't come back for a week is the new habit."""
GRACE_US: Final = DAY_US
"""After a guard its customers have as long as it lasted, a day at most, to be heard before alerts
are told."""

Why = Literal["back", "new_habit", "wider"]


class WindowTraffic(NamedTuple):
    """What one scope did in a window: events that came, that usually come, and minutes."""

    events: float
    usual: float
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A scope that has fallen. A dismissed one holds nothing; it keeps the same fall from being
    told again."""

    scope: str
    since_us: int
    dismissed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    scope: str
    since_us: int
    """When the last event came, or the window began in which it fell."""
    traffic: WindowTraffic


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    scope: str
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What one detect_falls decided."""

    falls: tuple[Fall, ...] = ()
    ends: tuple[End, ...] = ()


@dataclass(frozen=True, slots=True)
class _Verdict:
    fell: WindowTraffic | None
    stands: bool


def detect_falls(
    habits: Mapping[str, Habit], came: Mapping[str, Floats], guards: Sequence[Guard], now_us: int
) -> Detection:
    """What begins and ends at `now_us`, a whole minute.

    came: by scope, (LOOKED_BACK,) events of each minute before now, the oldest first; none of a
    scope that isn't there.
    """
    none = np.zeros(LOOKED_BACK)
    verdicts = {
        scope: _judge(habit, came.get(scope, none), now_us) for scope, habit in habits.items()
    }
    ends = [end for guard in guards if (end := _end(guard, habits, came, now_us)) is not None]
    over = {end.scope for end in ends}
    down = {guard.scope for guard in guards} - over
    falls: list[Fall] = []
    if FLEET not in down:
        fallen = _fallen({scope: v for scope, v in verdicts.items() if scope not in over}, down)
        for scope in fallen:
            if scope not in down and (traffic := verdicts[scope].fell) is not None:
                falls.append(
                    Fall(
                        scope=scope,
                        since_us=_since(came.get(scope, none), traffic, now_us),
                        traffic=traffic,
                    )
                )
        if FLEET in fallen:
            ends += [End(scope=scope, why="wider") for scope in sorted(down)]
    return Detection(falls=tuple(falls), ends=tuple(ends))


def holds_until(since_us: int, ended_us: int) -> int:
    """Until when the alerts that a guard held wait after its end."""
    return ended_us + min(max(ended_us - since_us, 0), GRACE_US)


def _fallen(verdicts: Mapping[str, _Verdict], down: set[str]) -> list[str]:
    """The widest scope that explains what fell: one alert for one broken tracker."""
    fell = {scope: v.fell for scope, v in verdicts.items() if v.fell is not None}
    sources = sorted(scope for scope in {*fell, *down} if scope.startswith(SOURCE))
    stands = any(v.stands for scope, v in verdicts.items() if scope.startswith(SOURCE))
    whole = fell.get(FLEET)
    if whole is not None:
        if not stands or len(sources) > 1:
            return [FLEET]
        if sources or whole.minutes < WAIT_MINUTES:
            return sources
        return [FLEET]
    if sources:
        return sources
    return sorted(scope for scope in fell if scope.startswith(SEGMENT))


def _judge(habit: Habit, came: Floats, now_us: int) -> _Verdict:
    swarm = dispersion(habit)
    fell: WindowTraffic | None = None
    stands: bool | None = None
    for minutes in WINDOWS:
        traffic = _traffic(habit, came, minutes, now_us)
        if traffic is None:
            break
        weight = traffic.usual / swarm
        if stands is None and weight >= JUDGED:
            stands = traffic.events >= BACK * traffic.usual
        if (
            traffic.events <= FALLEN * traffic.usual
            and weight * _improbable(traffic.events / traffic.usual) >= CERTAIN
        ):
            fell = traffic
            break
    return _Verdict(None if stands else fell, bool(stands))


def _traffic(habit: Habit, came: Floats, minutes: int, now_us: int) -> WindowTraffic | None:
    """None where nothing is known, or nothing usually comes."""
    usual = expected(habit, now_us - minutes * MINUTE_US, now_us)
    if usual is None:
        return None
    return WindowTraffic(float(came[LOOKED_BACK - minutes :].sum()), max(usual, 1e-9), minutes)


def _improbable(share: float) -> float:
    return 1.0 - share + (share * log(share) if share > 0 else 0.0)


def _end(
    guard: Guard, habits: Mapping[str, Habit], came: Mapping[str, Floats], now_us: int
) -> End | None:
    if now_us - guard.since_us >= LONGEST_US or guard.scope not in habits:
        return End(scope=guard.scope, why="new_habit")
    habit, some = habits[guard.scope], came.get(guard.scope, np.zeros(LOOKED_BACK))
    for minutes in WINDOWS:
        traffic = _traffic(habit, some, minutes, now_us)
        if traffic is None:
            return None
        if minutes >= BACK_MINUTES and traffic.usual / dispersion(habit) >= JUDGED:
            return (
                End(scope=guard.scope, why="back")
                if traffic.events >= BACK * traffic.usual
                else None
            )
    return None


def _since(came: Floats, traffic: WindowTraffic, now_us: int) -> int:
    """The end of the last minute with events where none come any more; else when the window
    began."""
    minutes = np.flatnonzero(came)
    if traffic.events > 0 or not len(minutes):
        return now_us - (traffic.minutes if traffic.events > 0 else LOOKED_BACK) * MINUTE_US
    return now_us - (LOOKED_BACK - 1 - int(minutes[-1])) * MINUTE_US
