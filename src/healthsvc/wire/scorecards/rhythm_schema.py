"""The JSON Schema of a scorecard's section `rhythm`."""

from typing import Any, Final

from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard.rhythm import Rhythm

Schema = dict[str, Any]
_DEFAULT: Final = Rhythm(measure="")


def rhythm_schema() -> Schema:
    """Whose events are presence, and what follows from the gaps between them."""
    return {
        "type": ["object", "null"],
        "required": ["measure"],
        "additionalProperties": False,
        "description": (
            "The customer's own rhythm, by which silence, habit, extent and targets are judged."
            " Left out: everybody is judged by the same spans."
        ),
        "properties": {
            "measure": {
                "type": "string",
                "description": "The measure whose events are the customer's presence.",
            },
            "share": _number(
                "The usual gap is the longest of which gaps as long or longer fill this share of"
                " the time.",
                _DEFAULT.share,
                low=0.01,
                high=1,
            ),
            "repeats": _number(
                "So many gaps must be as long: a single pause is no rhythm.",
                _DEFAULT.repeats,
                low=1,
                high=20,
            ),
            "min_gaps": _number(
                "With fewer gaps no rhythm is known.", _DEFAULT.min_gaps, low=1, high=100
            ),
            "min_filled_days": _days(
                "Gaps as long fill so much time at least: who has just slowed down has no slow"
                " rhythm.",
                _DEFAULT.min_filled_us,
            ),
            "times": _number(
                "Silence begins after so many usual gaps.", _DEFAULT.times, low=1, high=10
            ),
            "mean_times": _number(
                "Or after so many mean gaps, of those of a third of the usual one or more, if that"
                " is sooner.",
                _DEFAULT.mean_times,
                low=1,
                high=100,
            ),
            "least_days": _days(
                "Silence that lowers marks begins no sooner; flags have `days` of their own.",
                _DEFAULT.least_us,
            ),
            "most_days": _days("Silence begins no later.", _DEFAULT.most_us),
            "quick_days": _days(
                "Up to this gap a habit is judged by half_lives_days; targets are for it.",
                _DEFAULT.quick_us,
            ),
            "slow_days": _days(
                "Up to this gap it is judged by the longest of them against slow_half_life_days;"
                " beyond it by quiet.",
                _DEFAULT.slow_us,
            ),
            "settle_days": _days(
                "After a pause of two weeks `drop` and `fading` don't hold for so long.",
                _DEFAULT.settle_us,
            ),
            "slow_half_life_days": _days(
                "Of the levels behind `fading` and of slower customers.",
                _DEFAULT.slow_half_life_us,
                low=3,
            ),
        },
    }


def _number(meaning: str, default: float, *, low: float, high: float) -> Schema:
    return {
        "type": "number",
        "minimum": low,
        "maximum": high,
        "default": default,
        "description": meaning,
    }


def _days(meaning: str, default_us: int, *, low: float = 0.001) -> Schema:
    return _number(meaning, default_us / DAY_US, low=low, high=36_500)
