"""Why a score is what it is: contributions that add up to it, each with the events that made it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import isnan

from healthsvc.core.events import OVERRIDE_SET
from healthsvc.core.folding import facts
from healthsvc.core.insights.rule_reasons import rule_reason
from healthsvc.core.languages import Language
from healthsvc.core.phrases import alerts, rule_reasons
from healthsvc.core.phrases import explanation as phrases
from healthsvc.core.phrases.catalogue import phrase
from healthsvc.core.scoring.explain import Contribution, contributions
from healthsvc.flows.customers import coverage, data_quality, insights, staleness
from healthsvc.flows.customers.coverage import WordedCoverage
from healthsvc.flows.customers.current_override import CurrentOverride, current_override
from healthsvc.flows.customers.data_quality import RejectionSummary
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer, evaluate_customers
from healthsvc.flows.customers.evidence import (
    EVENTS_PER_CONTRIBUTION,
    NamedEvent,
    evidence,
    evidence_instants,
)
from healthsvc.flows.customers.insights import HelpSearch, PriceInterest, WordedDisagreement
from healthsvc.flows.customers.risk import FeatureEffect, explain_risk
from healthsvc.flows.customers.staleness import StaleSince
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine, autocommit_connection
from healthsvc.store.processing import archive


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedContribution:
    """Points of one measure, cap or override, with its reason in words."""

    measure: str
    dimension: str
    points: float
    best: float
    events: list[NamedEvent]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthExplanation:
    """What makes up a customer's score and its risk at an instant."""

    customer_id: str
    score: float | None
    raw_score: float | None
    own_score: float | None
    override: CurrentOverride | None
    risk: float | None
    risk_is: str
    risk_model: str
    risk_horizon_days: float | None
    risk_reference_log_odds: float | None
    """None, like the two below, where no model gives the risk."""
    risk_contributions: list[FeatureEffect] | None
    risk_raised: bool | None
    flags: list[str]
    contributions: list[WordedContribution]
    sentence: str
    coverage_details: WordedCoverage
    price_review: PriceInterest | None
    help_wanted: HelpSearch | None
    disagreements: list[WordedDisagreement]
    evaluated_at: datetime
    scorecard_version: int
    variant: str | None
    stale: StaleSince | None = None
    data_quality: RejectionSummary = field(default_factory=RejectionSummary)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadExplanation:
    """A customer as of an instant with the events that explain it, not yet in words."""

    customer_id: str
    customer: EvaluatedCustomer
    at: datetime
    archived: Sequence[str]
    recent: Sequence[str]
    stale: StaleSince | None
    data_quality: RejectionSummary

    @property
    def due_us(self) -> float:
        """When time alone changes its band or flags next, as last decided; inf: never."""
        return float(self.customer.table.decisions.due[self.customer.row])

    def worded(self, language: Language) -> HealthExplanation:
        """The explanation in words of a language."""
        explained = explain_evaluated(
            self.customer_id, self.customer, self.at, self.archived, self.recent, language
        )
        return replace(explained, stale=self.stale, data_quality=self.data_quality)


async def explain(
    engine: AsyncEngine, customer_id: str, now: datetime, language: Language = "en"
) -> HealthExplanation | None:
    """Explain a customer's score as of now; None for an unknown customer."""
    async with autocommit_connection(engine) as conn:
        explanations = await read_explanations(conn, [customer_id], now)
    explanation = explanations.get(customer_id)
    return None if explanation is None else explanation.worded(language)


async def read_explanations(
    conn: AsyncConnection, customer_ids: Sequence[str], now: datetime
) -> dict[str, ReadExplanation]:
    """What explains those of the customers that are known, by id, evaluated as one batch."""
    customers = await evaluate_customers(conn, customer_ids, now)
    instants = {customer.key: evidence_instants(customer) for customer in customers.values()}
    archived = await archive.at_instants(conn, instants)
    stale = await staleness.stale_customers(conn, list(customers.values()), now)
    quality = await data_quality.of(conn, list(customers), now)
    return {
        customer_id: ReadExplanation(
            customer_id=customer_id,
            customer=customer,
            at=now,
            archived=archived[customer.key],
            recent=await insights.recent(conn, customer, now),
            stale=stale.get(customer.key),
            data_quality=quality[customer_id],
        )
        for customer_id, customer in customers.items()
    }


def explain_evaluated(
    customer_id: str,
    customer: EvaluatedCustomer,
    at: datetime,
    archived: Sequence[str],
    recent: Sequence[str],
    language: Language,
) -> HealthExplanation:
    """Explain an evaluated customer. archived: the events of `evidence_instants`; recent: those of
    `insights.recent`."""
    worded = _worded_contributions(customer, archived, language)
    name, score = customer.name or customer_id, customer.score
    risk = explain_risk(customer)
    return HealthExplanation(
        customer_id=customer_id,
        score=score,
        raw_score=_or_none(float(customer.evaluation.raw[customer.row])),
        own_score=_or_none(float(customer.evaluation.own[customer.row])),
        override=current_override(customer),
        risk=risk.risk,
        risk_is=risk.kind,
        risk_model=risk.model,
        risk_horizon_days=risk.horizon_days,
        risk_reference_log_odds=risk.reference_log_odds,
        risk_contributions=risk.contributions,
        risk_raised=risk.raised,
        flags=customer.flags,
        contributions=worded,
        sentence=phrases.why(language, name, score, worded),
        coverage_details=coverage.details(customer, language),
        price_review=insights.price_interest(customer, recent, language),
        help_wanted=insights.help_search(customer, name, recent, language),
        disagreements=insights.disagreeing(customer, language),
        evaluated_at=at,
        scorecard_version=customer.version,
        variant=customer.variant,
    )


def _worded_contributions(
    customer: EvaluatedCustomer, archived: Sequence[str], language: Language
) -> list[WordedContribution]:
    parts = contributions(customer.view, customer.evaluation, customer.row)
    events = evidence(customer, parts, archived)
    worded = [
        _worded_contribution(part, events.get(i, []), customer, language)
        for i, part in enumerate(parts)
    ]
    if customer.frozen and customer.score is not None:
        return [_frozen_contribution(customer.score, worded, language)]
    return worded


def _worded_contribution(
    part: Contribution, events: list[NamedEvent], customer: EvaluatedCustomer, language: Language
) -> WordedContribution:
    why = alerts.title_with_reason(
        language, part.why.within(language), _rule_reason(part, customer, language)
    )
    if part.measure == facts.OVERRIDE:
        why = phrase(language, "contribution.override")
        override = current_override(customer)
        if override is not None:
            why = f"{override.author}: {override.reason}"
            events = [_override_event(override)]
    return WordedContribution(
        measure=part.measure,
        dimension=part.dimension,
        points=part.points,
        best=part.best,
        events=events,
        why=why,
    )


def _rule_reason(part: Contribution, customer: EvaluatedCustomer, language: Language) -> str:
    """The rule behind a cap in words; "" for what is no cap, or where its title says it all."""
    flags = customer.card.flag_names
    name = part.measure.removeprefix("cap:")
    if name == part.measure or name not in flags:
        return ""
    f = flags.index(name)
    is_habit = bool(customer.evaluation.flags.is_habit[customer.row, f])
    reason = rule_reason(customer.view, customer.card.flags[f], customer.row, is_habit=is_habit)
    return "" if reason is None else rule_reasons.rule_reason(language, reason)


def _override_event(override: CurrentOverride) -> NamedEvent:
    return NamedEvent(
        id=override.event_id,
        source=override.source,
        type=OVERRIDE_SET.name,
        occurred_at=override.set_at,
    )


def _frozen_contribution(
    score: float, parts: Sequence[WordedContribution], language: Language
) -> WordedContribution:
    """A churned customer's score is what it was when it left."""
    return WordedContribution(
        measure="frozen_at_churn",
        dimension="exception",
        points=score,
        best=score,
        events=[event for part in parts for event in part.events][:EVENTS_PER_CONTRIBUTION],
        why=phrase(language, "contribution.frozen"),
    )


def _or_none(value: float) -> float | None:
    return None if isnan(value) else value
