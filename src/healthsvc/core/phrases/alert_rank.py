"""Says why a customer is ranked where it is, in one sentence that a CSM can read out."""

from typing import Final

from healthsvc.core.insights.rank import Rank, Worth
from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import duration, phrase
from healthsvc.core.phrases.grammar import as_sentence, number

MINUTE_SECONDS: Final = 60.0
LOW_BAND: Final = 0.5
"""From which depth on a band is named as low."""
CHANCES: Final = ((2 / 3, "good"), (1 / 3, "fair"), (0.0, "slim"))
"""From which chance to save on it is called what: a ranking is never a percentage."""


def why(language: Language, rank: Rank) -> str:
    """Word the factors of a rank."""
    parts = [
        *_urgency(language, rank.worth),
        _money(language, rank.worth.mrr),
        *_chance(language, rank),
    ]
    return as_sentence("; ".join(parts))


def _urgency(language: Language, worth: Worth) -> list[str]:
    low = [phrase(language, "rank.low_band")] if worth.band_depth >= LOW_BAND else []
    if worth.severity is None:
        return low
    return [phrase(language, f"rank.{worth.severity}"), _age(language, worth.age_us / 1e6), *low]


def _money(language: Language, mrr: float | None) -> str:
    if mrr is None:
        return phrase(language, "rank.money.unknown")
    return phrase(language, "rank.money", money=number(language, mrr))


def _age(language: Language, seconds: float) -> str:
    if seconds < MINUTE_SECONDS:
        return phrase(language, "rank.just_began")
    return phrase(language, "rank.began", span=duration(language, seconds))


def _chance(language: Language, rank: Rank) -> list[str]:
    worth = rank.worth
    chance = next(part.factor for part in rank.parts if part.part == "chance")
    level = next(name for least, name in CHANCES if chance >= least)
    told = [phrase(language, f"rank.chance.{level}")]
    holding = {"spoken": worth.spoken_since, "cap": worth.over_cap, "notice": worth.notice_given}
    return told + [phrase(language, f"rank.{name}") for name, holds in holding.items() if holds]
