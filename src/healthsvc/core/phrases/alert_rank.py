"""Says why an alert is ranked where it is, in one sentence that a CSM can read out."""

from typing import Final

from healthsvc.core.insights.rank import Rank, RankPart
from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import duration, phrase
from healthsvc.core.phrases.grammar import as_sentence, number, percent

RANKING: Final = "ranking"
"""A risk that is good for sorting and is no probability: it is worded as a level, never as a
percentage."""
LEVELS: Final = ((2 / 3, "high"), (1 / 3, "medium"), (0.0, "low"))
"""From which risk on a ranking is called what."""
MINUTE_SECONDS: Final = 60.0


def why(language: Language, rank: Rank, risk_is: str) -> str:
    """Word the parts of a rank. risk_is: ranking, churn_probability or probability_of_silence."""
    parts = [_part(language, part, risk_is) for part in rank.parts]
    return as_sentence("; ".join(part for part in parts if part))


def _part(language: Language, part: RankPart, risk_is: str) -> str:
    match part.part:
        case "severity":
            return phrase(language, f"rank.{part.value}")
        case "risk":
            return _risk(language, part.value, risk_is)
        case "money":
            return _money(language, part.value)
        case "freshness":
            return _age(language, part.value)
        case "spoken" | "cap":
            return phrase(language, f"rank.{part.part}")


def _risk(language: Language, risk: str | float | None, risk_is: str) -> str:
    if not isinstance(risk, float):
        return phrase(language, "rank.risk.unknown")
    if risk_is == RANKING:
        level = next(name for least, name in LEVELS if risk >= least or least == 0.0)
        return phrase(language, f"rank.risk.{level}")
    return phrase(language, f"rank.risk.{risk_is}", share=percent(language, risk))


def _money(language: Language, mrr: str | float | None) -> str:
    if not isinstance(mrr, float):
        return phrase(language, "rank.money.unknown")
    return phrase(language, "rank.money", money=number(language, mrr))


def _age(language: Language, seconds: str | float | None) -> str:
    age = float(seconds or 0.0)
    if age < MINUTE_SECONDS:
        return phrase(language, "rank.just_began")
    return phrase(language, "rank.began", span=duration(language, age))
