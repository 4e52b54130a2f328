"""The section `rhythm` of a scorecard: by whose events a customer's rhythm is learnt, and the
numbers of it."""

from collections.abc import Sequence

from healthsvc.core.folding.facts import SLOW_LEVELS
from healthsvc.core.instants import DAY_US
from healthsvc.core.levels import MIN_HALF_LIFE_US
from healthsvc.core.scorecard.model import FlagRule, Measure
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose
from healthsvc.core.scorecard.rhythm import Rhythm


def rhythm(data: object, measures: Sequence[Measure], flags: Sequence[FlagRule]) -> Rhythm | None:
    """None where the document has no such section. Raises ScorecardError with the place of the
    first fault."""
    if data is None:
        return None
    r = MappingReader(data, "/rhythm")
    names = [measure.name for measure in measures if measure.of is None]
    default = Rhythm(measure="")
    result = Rhythm(
        measure=choose(r.need("measure"), names, "/rhythm/measure"),
        share=r.number("share", default.share, low=0.01, high=1),
        repeats=int(r.number("repeats", default.repeats, low=1, high=20)),
        min_gaps=int(r.number("min_gaps", default.min_gaps, low=1, high=100)),
        min_filled_us=r.days("min_filled_days", default.min_filled_us / DAY_US),
        times=r.number("times", default.times, low=1, high=10),
        mean_times=r.number("mean_times", default.mean_times, low=1, high=100),
        least_us=r.days("least_days", default.least_us / DAY_US),
        most_us=r.days("most_days", default.most_us / DAY_US),
        quick_us=r.days("quick_days", default.quick_us / DAY_US),
        slow_us=r.days("slow_days", default.slow_us / DAY_US),
        settle_us=r.days("settle_days", default.settle_us / DAY_US),
        slow_half_life_us=r.days("slow_half_life_days", default.slow_half_life_us / DAY_US),
        slow_measures=_slow_measures(measures, flags),
    )
    r.done()
    _check(result)
    return result


def _check(rhythm: Rhythm) -> None:
    if rhythm.most_us < rhythm.least_us:
        raise ScorecardError("/rhythm/most_days", "must be at least `least_days`")
    if rhythm.slow_us < rhythm.quick_us:
        raise ScorecardError("/rhythm/slow_days", "must be at least `quick_days`")
    if rhythm.slow_half_life_us < MIN_HALF_LIFE_US:
        least = MIN_HALF_LIFE_US // DAY_US
        raise ScorecardError("/rhythm/slow_half_life_days", f"must be at least {least}")
    if len(rhythm.slow_measures) > SLOW_LEVELS:
        raise ScorecardError(
            "/rhythm",
            f"at most {SLOW_LEVELS} measures may be judged by habit, not"
            f" {', '.join(rhythm.slow_measures)}",
        )


def _slow_measures(measures: Sequence[Measure], flags: Sequence[FlagRule]) -> tuple[str, ...]:
    """In declared order."""
    by_habit = {m.of or m.name for m in measures if m.judge is not None and m.judge.by_habit}
    by_habit |= {flag.measure for flag in flags if flag.by_habit}
    return tuple(m.name for m in measures if m.name in by_habit)
