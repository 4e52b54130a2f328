"""Says why a customer is in its stage of the lifecycle."""

from typing import assert_never

import numpy as np

from healthsvc.core.instants import DAY_US
from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import days, has, noun, phrase, readable
from healthsvc.core.phrases.grammar import capitalized, percent, plain
from healthsvc.core.scorecard.cohort import StageRule
from healthsvc.core.scoring.lifecycle import CauseBeyondRules, Stages, stage_cause
from healthsvc.core.scoring.view import View


def stage_reason(view: View, stages: Stages, row: int, language: Language = "en") -> str:
    """Say why a row is in its stage, in a sentence."""
    is_sale_known = not np.isnan(view.fact("sold_at")[row])
    return because(language, stage_cause(view, stages, row), is_sale_known=is_sale_known)


def because(language: Language, cause: StageRule | CauseBeyondRules, *, is_sale_known: bool) -> str:
    """Word the reason in one sentence. cause: the rule that decided, or what did in its place."""
    if isinstance(cause, str):
        return phrase(language, f"stage.{cause}")
    return capitalized(_by_rule(language, cause, is_sale_known=is_sale_known))


def _by_rule(language: Language, rule: StageRule, *, is_sale_known: bool) -> str:
    span = days(language, rule.span_us / DAY_US)
    match rule.kind:
        case "young":
            return phrase(
                language, "stage.sold" if is_sale_known else "stage.first_seen", days=span
            )
        case "ahead":
            return phrase(language, "stage.ahead", days=span, fact=_fact(language, rule.fact))
        case "fed":
            key = f"stage.fed.{rule.measure}"
            measure = noun(language, rule.measure).text
            return phrase(language, key if has(key) else "stage.fed", days=span, measure=measure)
        case "reached":
            return _reached(language, rule, span)
        case "ratio":
            return _ratio(language, rule)
        case "adopted":
            return phrase(language, "stage.adopted", share=percent(language, rule.at))
        case "otherwise":
            return phrase(language, "stage.otherwise")
        case _:
            assert_never(rule.kind)


def _reached(language: Language, rule: StageRule, span: str) -> str:
    """Any rise of the monthly revenue is a larger plan; other lines are named."""
    is_any_rise = rule.fact == "mrr_change" and 0 < rule.at < 1
    key = "stage.reached.mrr_change" if is_any_rise else "stage.reached"
    return phrase(
        language, key, days=span, fact=_fact(language, rule.fact), at=plain(language, rule.at)
    )


def _ratio(language: Language, rule: StageRule) -> str:
    is_seats = (rule.fact, rule.to) == ("seats_active", "seats")
    return phrase(
        language,
        "stage.ratio.seats_active" if is_seats else "stage.ratio",
        share=percent(language, rule.at),
        fact=_fact(language, rule.fact),
        to=_fact(language, rule.to),
    )


def _fact(language: Language, name: str) -> str:
    key = f"fact.{name}"
    return phrase(language, key) if has(key) else phrase(language, "fact.own", name=readable(name))
