"""Says by which rule a flag holds, as a clause after its title."""

from healthsvc.core.insights.rule_reasons import RuleReason
from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import days, phrase
from healthsvc.core.phrases.grammar import percent


def rule_reason(language: Language, reason: RuleReason) -> str:
    """Word the rule and its figures, without a full stop."""
    return phrase(
        language,
        f"reason.{reason.rule}",
        usual=days(language, round(reason.usual_days)),
        quiet=days(language, int(reason.quiet_days)),
        share=percent(language, reason.share),
    )
