"""Words alerts anew in the language of whoever reads them.

Alerts are kept in the language of webhooks, with the facts behind them. Any other language is
worded from those facts; what was kept without them, or by a scorecard that is no longer live, stays
as it was kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from healthsvc.core.alerts import Alert
from healthsvc.core.decisions.decide import BAND_ALERT
from healthsvc.core.insights.rule_reasons import RuleReason
from healthsvc.core.languages import DEFAULT, Language
from healthsvc.core.outages import detect
from healthsvc.core.phrases import alerts as phrases
from healthsvc.core.phrases import insights, rule_reasons
from healthsvc.core.scorecard.model import FlagRule, Scorecard
from healthsvc.flows.alerts import measure_coverage, outage_detection
from healthsvc.flows.customers.evaluated_customer import compiled
from healthsvc.flows.operations_alerts import MODEL_DRIFT
from healthsvc.store.customers import names as customer_names
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.projections import live_projection

_SCOPES: Final = (detect.FLEET, detect.SOURCE, detect.SEGMENT)


async def worded(engine: AsyncEngine, alerts: Sequence[Alert], language: Language) -> list[Alert]:
    """Return the alerts in this language, in the same order."""
    if language == DEFAULT or not alerts:
        return list(alerts)
    async with engine.connect() as conn:
        live = await live_projection.live(conn)
        names = await customer_names.names(
            conn, [a.customer_id for a in alerts if a.customer_id is not None]
        )
    card = compiled(live.document).scorecard
    return [_worded(alert, card, names, language) for alert in alerts]


def _worded(alert: Alert, card: Scorecard, names: Mapping[str, str], language: Language) -> Alert:
    if alert.customer_id is None:
        return replace(alert, summary=_about_the_service(alert, language) or alert.summary)
    name = names.get(alert.customer_id, alert.customer_id)
    detail = _detail(alert.detail, card, language)
    if alert.kind == BAND_ALERT:
        return replace(alert, summary=_band_drop(alert, name, language), detail=detail)
    rule = _rule(alert, card)
    if rule is None:
        return replace(alert, detail=detail)
    title, play = rule.title.within(language), rule.play.within(language)
    if "play" in detail:
        detail["play"] = play
    if isinstance(detail.get("reason"), Mapping):
        detail["reason"] = _anew(detail["reason"], {}, language)
        title = phrases.title_with_reason(language, title, detail["reason"]["says"])
    return replace(alert, summary=phrases.summary(language, name, title, play), detail=detail)


def _band_drop(alert: Alert, name: str, language: Language) -> str:
    before, after = alert.detail.get("previous_band"), alert.detail.get("band")
    if not isinstance(before, str) or not isinstance(after, str):
        return alert.summary
    return phrases.band_drop(language, name, before, after)


def _about_the_service(alert: Alert, language: Language) -> str | None:
    """Word an operations alert; None where its facts weren't kept."""
    detail, scope = alert.detail, alert.scope or ""
    try:
        if alert.kind == outage_detection.KIND and scope.startswith(_SCOPES):
            return phrases.fleet_guard(
                language,
                scope,
                float(detail["came"]),
                float(detail["usual"]),
                int(detail["window_minutes"]),
            )
        if alert.kind == measure_coverage.KIND:
            return phrases.measures_unfed(language, list(detail), measure_coverage.SPAN.days)
        if alert.kind == MODEL_DRIFT:
            rows, expected, left = (
                int(detail["rows"]),
                float(detail["told"]),
                float(detail["happened"]),
            )
            return phrases.model_drift(language, rows, expected, left)
    except (KeyError, TypeError, ValueError):
        return None
    return None


def _rule(alert: Alert, card: Scorecard) -> FlagRule | None:
    """The flag behind an alert, by the variant whose play was kept with it; None: the scorecard has
    no such flag."""
    cards = (card, *(variant.card for variant in card.variants))
    rules = [rule for one in cards for rule in one.flags if rule.name == alert.kind]
    kept_play = alert.detail.get("play")
    same_play = [rule for rule in rules if rule.play.within(DEFAULT) == kept_play]
    return next(iter([*same_play, *rules]), None)


def _detail(stored: Mapping[str, Any], card: Scorecard, language: Language) -> dict[str, Any]:
    """The same facts, with the briefing's words in this language."""
    briefing = stored.get("briefing")
    if not isinstance(briefing, Mapping):
        return dict(stored)
    titles = {rule.name: rule.title.within(language) for rule in card.flags}
    return {**stored, "briefing": _anew(briefing, titles, language)}


def _anew(value: Any, titles: Mapping[str, str], language: Language) -> Any:
    """Word every sign, and every flag that happened, within a briefing."""
    if isinstance(value, list):
        return [_anew(each, titles, language) for each in value]
    if not isinstance(value, Mapping):
        return value
    again = {key: _anew(each, titles, language) for key, each in value.items()}
    if "says" in again and "sign" in again:
        again["says"] = insights.sign(language, again["sign"], float(again["value"]))
    if "says" in again and "rule" in again:
        again["says"] = rule_reasons.rule_reason(language, _rule_reason(again))
    if "title" in again and "flag" in again:
        again["title"] = titles.get(again["flag"], again["title"])
    return again


def _rule_reason(kept: Mapping[str, Any]) -> RuleReason:
    return RuleReason(
        rule=kept["rule"],
        usual_days=kept["usual_days"] or 0.0,
        quiet_days=kept["quiet_days"] or 0.0,
        share=kept["share"] or 0.0,
    )
