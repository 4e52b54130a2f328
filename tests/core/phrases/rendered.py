"""Renders every phrase with sample figures in both languages, as a table to be read.

`python -m tests.core.phrases.rendered` writes the table anew.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter
from typing import Final, NamedTuple, get_args

from healthsvc.core.insights.disagreements import Disagreement
from healthsvc.core.insights.expansion_gate import ClosedGate
from healthsvc.core.insights.interpretations import Interpretation, ReadingName, Review
from healthsvc.core.insights.page_visits import Concern
from healthsvc.core.insights.rank import Worth, ranks
from healthsvc.core.insights.rule_reasons import RuleReason
from healthsvc.core.insights.signals import Signal
from healthsvc.core.insights.touch import Reason
from healthsvc.core.instants import DAY_US
from healthsvc.core.languages import LANGUAGES, Language
from healthsvc.core.phrases import (
    alert_rank,
    alerts,
    coverage,
    expansion,
    explanation,
    insights,
    openings,
    rule_reasons,
    stages,
    touches,
)
from healthsvc.core.phrases.catalogue import NOUNS, PHRASES, noun
from healthsvc.core.phrases.change import ScoreMovement, moved
from healthsvc.core.scorecard.cohort import LIFECYCLE, StageRule
from healthsvc.core.scoring.coverage import LEVELS, Coverage, MissingMeasure
from healthsvc.core.scoring.lifecycle import CauseBeyondRules
from healthsvc.wire.scorecards.document import compile_document

FILE: Final = Path(__file__).with_name("rendered.md")
READINGS: Final[tuple[ReadingName, ...]] = get_args(ReadingName)
CARD: Final = compile_document("")
SIGNS: Final = {key.split(".")[1] for key in PHRASES["en"] if key.startswith("sign.")}
SHARES: Final = ("falling_use", "rising_use", "seats_idle", "seats_nearly_full")
REASONS: Final = (
    *(
        "churned",
        "complaint_open",
        "invoice_overdue",
        "contraction",
        "just_sold",
        "first_seen_lately",
    ),
    *("onboarding", "not_enough_evidence", "band_at_risk", "band_my_band"),
)


class Part(NamedTuple):
    """What puts points into a score."""

    measure: str
    points: float
    best: float


Row = tuple[str, str, str]
Sample = tuple[str, str]


def rows() -> Iterator[Row]:
    """Each sample: what it is, in English, in Portuguese."""
    for (name, english), (_, portuguese) in zip(samples("en"), samples("pt"), strict=True):
        yield name, english, portuguese


def samples(language: Language) -> Iterator[Sample]:
    """Each sample: what it is, and the sentence."""
    yield from _healths(language)
    yield from _changes(language)
    yield from _ranks(language)
    yield from _insights(language)
    yield from _stages(language)
    yield from _touches(language)
    yield from _alerts(language)
    yield from _rule_reasons(language)
    yield from _scorecard(language)
    yield from _raw(language)


def _rule_reasons(language: Language) -> Iterator[Sample]:
    cases = {
        "own rhythm": RuleReason(rule="own_rhythm", usual_days=16.2, quiet_days=34.9),
        "daily": RuleReason(rule="daily_rhythm", usual_days=2.0, quiet_days=14.0),
        "no rhythm known": RuleReason(rule="fixed_span", quiet_days=1.2),
        "habit": RuleReason(rule="habit", share=0.42),
        "past months": RuleReason(rule="last_year", share=0.7),
        "recurring": RuleReason(rule="recurring"),
    }
    for name, reason in cases.items():
        worded = rule_reasons.rule_reason(language, reason)
        title = {"en": "Has gone silent", "pt": "Ficou em silêncio"}[language]
        yield f"rule: {name}", alerts.title_with_reason(language, title, worded)


def _healths(language: Language) -> Iterator[Sample]:
    def part(measure: str, points: float, best: float = 10.0) -> Part:
        return Part(measure, points, best)

    cases = {
        "nothing known": (None, []),
        "one of each": (62.4, [part("feature_use", 9), part("payments", 1)]),
        "two of each": (
            41.0,
            [part("sessions", 9), part("nps", 8), part("tickets", 2), part("usage_drop", 1)],
        ),
        "plural alone": (41.0, [part("sessions", 9), part("complaints", 1)]),
        "capped": (20.0, [part("feature_use", 9), part("cap:cancel_intent", -40, 0)]),
        "capped by masculine": (45.0, [part("cap:silent", -40, 0)]),
        "own measure and flag": (50.0, [part("checkout_errors", 2), part("cap:vip_lost", -10, 0)]),
        "manual": (80.0, [part("override", 20, 0)]),
    }
    for name, (score, parts) in cases.items():
        yield f"health: {name}", explanation.why(language, "Acme Ltd", score, parts)
    for level, count in zip(LEVELS, (5, 2, 0), strict=True):
        missing = tuple(
            MissingMeasure(measure=measure, dimension="d", share=0.1, types=("t",))
            for measure in ("feature_use", "activity", "seats_in_use", "nps", "csat")[:count]
        )
        known = Coverage(share=0.42, level=level, enough=count < 5, missing=missing)
        yield f"coverage: {level}", coverage.coverage(language, known)


def _changes(language: Language) -> Iterator[Sample]:
    day, next_day = (
        datetime(2026, 11, 1, 9, 0, tzinfo=UTC),
        datetime(2026, 11, 20, 10, 30, tzinfo=UTC),
    )
    later = datetime(2026, 11, 1, 12, 5, tzinfo=UTC)
    cases = {
        "fell": (
            day,
            next_day,
            80.3,
            20.0,
            {"new_events": -60.3},
            {"new_events": ["cap:cancel_intent"]},
        ),
        "fell a little": (day, next_day, 71.3, 70.9, {"ageing": -0.4}, {}),
        "rose by one": (
            day,
            next_day,
            70.0,
            71.0,
            {"new_events": 1.0},
            {"new_events": ["sessions"]},
        ),
        "all causes": (
            *(day, later, 50.0, 61.5),
            {
                "new_events": 10.0,
                "ageing": -2.0,
                "late_data": 1.5,
                "configuration": 4.0,
                "override": -2.0,
            },
            {"ageing": ["payments", "tickets"]},
        ),
        "back again": (day, next_day, 50.0, 50.0, {"new_events": 2.0, "ageing": -2.0}, {}),
        "steady": (day, later, 50.0, 50.0, {}, {}),
        "unknown": (day, later, None, 50.0, {}, {}),
    }
    for name, (since, until, before, after, parts, reasons) in cases.items():
        change = ScoreMovement(
            customer="Acme Ltd",
            since=since,
            until=until,
            before=before,
            after=after,
            parts=parts,
            reasons=reasons,
        )
        yield f"change: {name}", moved(language, change)
    imported = ScoreMovement(
        customer="Acme Ltd",
        since=day,
        until=later,
        before=60.0,
        after=50.0,
        imported_at=next_day,
        parts={"ageing": -10.0},
        reasons={},
    )
    yield "change: over an import", moved(language, imported)


def _ranks(language: Language) -> Iterator[Sample]:
    for severity, depth, mrr, age, quiet in (
        ("critical", 1.0, 1490.0, 12 * 60, 0),
        ("warning", 0.0, None, 3600, 40),
        ("info", 0.34, 0.0, 3 * 86_400, None),
        ("info", 1.0, 1.0, 5, 200),
        (None, 1.0, 90.0, 0, 3),
    ):
        worth = Worth(
            severity=severity,
            mrr=mrr,
            age_us=age * 1_000_000,
            band_depth=depth,
            quiet_us=None if quiet is None else quiet * DAY_US,
            spoken_since=severity == "warning",
            over_cap=severity == "info",
            notice_given=severity == "critical",
        )
        (rank,) = ranks([worth])
        yield f"rank: {severity}, {depth}", alert_rank.why(language, rank)
    yield "worklist: band alone", alerts.low_band(language, "Acme Ltd", "at_risk")


def _insights(language: Language) -> Iterator[Sample]:
    for name in sorted(SIGNS):
        for value in _values(name):
            yield f"sign: {name}", insights.sign(language, name, value)
    for likely in (*READINGS, None):
        signs = (Signal(sign="complaint_open", measure="", value=2, since_us=0), _money(-400))
        found = Review(
            readings=tuple(Interpretation(reading=r, evidence=signs) for r in READINGS),
            likely=likely,
        )
        yield f"review: {likely}", insights.review(language, found)
        yield f"question: {likely}", openings.reading_question(language, likely)
    nothing = Review(
        readings=tuple(Interpretation(reading=r, evidence=()) for r in READINGS), likely=None
    )
    yield "review: nothing", insights.review(language, nothing)
    concerns = [Concern(function=name, sights=()) for name in ("export", "roles", "sso")]
    for some in (concerns, concerns[:1], []):
        yield f"help: {len(some)}", insights.help_wanted(language, "Acme Ltd", some)
    yield (
        "disagreement: high",
        insights.disagreement(language, Disagreement(score="high", money=_money(-1400))),
    )
    yield (
        "disagreement: low",
        insights.disagreement(language, Disagreement(score="low", money=_money(-1400))),
    )
    for reason in REASONS:
        yield f"expansion: {reason}", expansion.closed(language, ClosedGate(reason=reason), None)
    title = CARD.scorecard.flags[0].title
    closed = ClosedGate(reason="red_flag", flag="cancel_intent")
    yield "expansion: red_flag", expansion.closed(language, closed, title.within(language))


def _values(sign: str) -> tuple[float, ...]:
    if sign in SHARES:
        return (0.42,)
    if f"sign.{sign}.one" in PHRASES["en"]:
        return (0.2, 1.0, 2.0, 1400.0)
    return (-1400.0,) if sign == "contraction" else (2.0,)


def _money(value: float) -> Signal:
    return Signal(sign="contraction", measure="mrr_change", value=value, since_us=0)


def _stages(language: Language) -> Iterator[Sample]:
    others = (
        StageRule(stage="renewal", kind="ahead", fact="cancel_effective", span_us=DAY_US),
        StageRule(stage="renewal", kind="ahead", fact="my_date", span_us=DAY_US // 2),
        StageRule(stage="value", kind="fed", measure="sessions", span_us=7 * DAY_US),
        StageRule(stage="value", kind="fed", measure="my_measure", span_us=7 * DAY_US),
        StageRule(stage="value", kind="reached", fact="nps", at=9, span_us=90 * DAY_US),
        StageRule(stage="value", kind="ratio", fact="seats", to="features_owned", at=0.5),
    )
    for rule in (*LIFECYCLE, *others):
        for is_known in (True, False):
            yield (
                f"stage: {rule.kind}",
                stages.because(language, rule, is_sale_known=is_known),
            )
    for cause in get_args(CauseBeyondRules):
        yield f"stage: {cause}", stages.because(language, cause, is_sale_known=True)


def _touches(language: Language) -> Iterator[Sample]:
    reasons = [
        Reason(reason="spend", value=2500.0, line=2000.0),
        Reason(reason="use", value=5.23, line=3.0),
    ]
    reasons.append(Reason(reason="conversations", value=1.62, line=1.5))
    for some in (reasons, []):
        yield (
            "touch",
            touches.disagreement(
                language, "tech", "high", [touches.reason(language, r) for r in some]
            ),
        )


def _alerts(language: Language) -> Iterator[Sample]:
    for rule in CARD.scorecard.flags:
        yield (
            f"alert: {rule.name}",
            alerts.summary(
                language, "Acme Ltd", rule.title.within(language), rule.play.within(language)
            ),
        )
    yield "alert: band_drop", alerts.band_drop(language, "Acme Ltd", "healthy", "at_risk")
    yield (
        "alert: band_drop, own bands",
        alerts.band_drop(language, "Acme Ltd", "top_band", "low_band"),
    )
    for scope in ("fleet", "source:web", "segment:smb"):
        yield f"operations: {scope}", alerts.fleet_guard(language, scope, 12.0, 1400.0, 15)
    yield "operations: one unfed", alerts.measures_unfed(language, ["sessions"], 30)
    yield "operations: two unfed", alerts.measures_unfed(language, ["sessions", "nps"], 30)
    yield "operations: more leave", alerts.model_drift(language, 1200, 0.052, 0.094)
    yield "operations: fewer leave", alerts.model_drift(language, 1200, 0.094, 0.052)


def _scorecard(language: Language) -> Iterator[Sample]:
    """The texts of the default scorecard."""
    card, loyalty = CARD.scorecard, CARD.program.relationship.loyalty
    texts = [(f"measure: {m.name}", m.why) for m in card.measures]
    texts += [(f"title: {f.name}", f.title) for f in card.flags] + [
        (f"play: {f.name}", f.play) for f in card.flags
    ]
    for part in loyalty.parts if loyalty is not None else ():
        texts += [(f"loyalty: {part.name}", part.why), (f"loyalty's play: {part.name}", part.play)]
    for name, text in texts:
        if text:
            yield name, text.within(language)


def _raw(language: Language) -> Iterator[Sample]:
    """Every phrase and noun by itself, so that none is forgotten above."""
    for key, template in PHRASES["en"].items():
        given = {field: "9" for _, field, _, _ in Formatter().parse(template) if field}
        yield f"phrase: {key}", PHRASES[language][key].format(**given)
    for name in NOUNS["en"]:
        yield f"noun: {name}", noun(language, name).text


def table() -> str:
    """All samples but the raw ones, as Markdown."""
    lines = ["| what | English | Portuguese |", "|---|---|---|"]
    lines += [
        f"| {name} | {en} | {pt} |" for name, en, pt in rows() if not name.startswith("phrase: ")
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(table())
    print(f"{FILE}: {len(LANGUAGES)} languages")
