"""Says which touch tier a customer's spend, use and conversations suggest, and why."""

from collections.abc import Sequence

from healthsvc.core.insights.touch import Reason, Tier
from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import phrase
from healthsvc.core.phrases.grammar import number, plain


def reason(language: Language, line: Reason) -> str:
    """Word one line that the customer reaches: a clause without a full stop."""
    decimals = 0 if line.reason == "spend" else 1
    value = number(language, line.value, decimals)
    return phrase(language, f"touch.{line.reason}", value=value, line=plain(language, line.line))


def disagreement(language: Language, tier: Tier, suggested: Tier, reasons: Sequence[str]) -> str:
    """Say that the customer's own systems name another tier. reasons: worded."""
    return phrase(
        language,
        "touch.disagrees",
        tier=phrase(language, f"touch.{tier}"),
        suggested=phrase(language, f"touch.{suggested}"),
        reasons="; ".join(reasons) or phrase(language, "touch.nothing"),
    )
