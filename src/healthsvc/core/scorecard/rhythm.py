"""A customer's own rhythm as settings: how it is learnt from the days on which a measure was fed,
and which spans follow it."""

from dataclasses import dataclass

from healthsvc.core.instants import DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """The section `rhythm` of a scorecard; without one every customer is judged by the same
    spans."""

    measure: str
    """Whose events are the customer's presence."""
    share: float = 0.3
    """The usual gap: the longest of which gaps as long or longer fill this share of the time."""
    repeats: int = 2
    """So many gaps must be as long as the usual one: a single pause is no rhythm."""
    min_gaps: int = 3
    """With fewer gaps there is no usual one."""
    min_filled_us: int = 50 * DAY_US
    """Gaps as long must fill this time at least: who has just slowed down has no slow rhythm
    yet."""
    times: float = 1.6
    """Usual gaps after which quiet is silence."""
    mean_times: float = 100.0
    """Or after so many mean gaps, if that is sooner: who comes at random has a long usual one. By
    default never sooner."""
    least_us: int = 14 * DAY_US
    most_us: int = 180 * DAY_US
    """Quiet is silence after no less and no more than these."""
    quick_us: int = 8 * DAY_US
    """Up to this gap the habit is judged by the scorecard's own half-lives."""
    slow_us: int = 28 * DAY_US
    """Up to this gap it is judged by the longest of them against `slow_half_life_us`; beyond it by
    quiet alone."""
    settle_us: int = 21 * DAY_US
    """After a pause the habit isn't judged for so long."""
    slow_half_life_us: int = 224 * DAY_US
    slow_measures: tuple[str, ...] = ()
    """The measures that are judged by habit, and so keep a level of that half-life."""
