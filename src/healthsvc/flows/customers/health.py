"""One customer's health as of now, evaluated at the moment of asking."""

from dataclasses import dataclass
from datetime import datetime
from math import isnan
from typing import Any

from healthsvc.core.decisions.decide import flag_names
from healthsvc.core.folding import facts
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.core.instants import from_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases.stages import stage_reason
from healthsvc.core.scoring.lifecycle import stage_name
from healthsvc.flows.customers import coverage, insights, relationship
from healthsvc.flows.customers.contact_windows import ContactPlan
from healthsvc.flows.customers.coverage import WordedCoverage
from healthsvc.flows.customers.current_override import CurrentOverride, current_override
from healthsvc.flows.customers.data_quality import RejectionSummary
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer
from healthsvc.flows.customers.insights import ExpansionGate, WordedDisagreement
from healthsvc.flows.customers.read_customers import ReadCustomer, read_customers
from healthsvc.flows.customers.relationship import Loyalty, ProfileFit, TouchTier
from healthsvc.flows.customers.response_times import ResponseTimes
from healthsvc.flows.customers.risk import risk_of
from healthsvc.flows.customers.rollup import ChildrenSummary, ParentLink
from healthsvc.flows.customers.staleness import StaleSince
from healthsvc.flows.customers.surveys import Surveys, surveys
from healthsvc.store.database.engine import AsyncEngine, autocommit_connection


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerHealth:
    """What is known of one customer: profile, score, band, risk, flags, and what follows from
    them."""

    customer_id: str
    profile: dict[str, Any]
    stage: str
    stage_because: str
    score: float | None
    raw_score: float | None
    own_score: float | None
    override: CurrentOverride | None
    band: str | None
    band_since: datetime | None
    risk: float | None
    risk_is: str
    risk_model: str
    risk_horizon_days: float | None
    flags: list[str]
    flags_decided: list[str]
    coverage: float
    coverage_details: WordedCoverage
    evidence: str
    expansion: ExpansionGate
    disagreements: list[WordedDisagreement]
    loyalty: Loyalty
    icp: ProfileFit
    touch: TouchTier
    surveys: Surveys
    events_total: int
    first_event_at: datetime | None
    last_event_at: datetime | None
    evaluated_at: datetime
    decided_at: datetime | None
    scorecard_version: int
    variant: str | None
    parent: ParentLink | None
    children: ChildrenSummary | None
    support: ResponseTimes
    stale: StaleSince | None
    contact: ContactPlan
    data_quality: RejectionSummary


async def customer_health(
    engine: AsyncEngine,
    customer_id: str,
    now: datetime,
    rules: ContactRules | None = None,
    language: Language = "en",
) -> CustomerHealth | None:
    """Evaluate a customer; None for an unknown one. rules: of contacting it."""
    async with autocommit_connection(engine) as conn:
        customers = await read_customers(conn, [customer_id], now, rules or ContactRules())
    customer = customers.get(customer_id)
    return None if customer is None else health_of(customer, language)


def health_of(read: ReadCustomer, language: Language) -> CustomerHealth:
    """What is known of a customer that was read, in words of a language."""
    customer, around = read.customer, read.around
    decisions, evaluation, row = customer.table.decisions, customer.evaluation, customer.row
    card = customer.compiled.scorecard
    band, decided_us = decisions.band_index(row), float(decisions.decided_us[row])
    risk = risk_of(customer)
    return CustomerHealth(
        customer_id=read.customer_id,
        profile=_profile(customer),
        stage=stage_name(int(evaluation.stages.stage[row])),
        stage_because=stage_reason(customer.view, evaluation.stages, row, language),
        score=customer.score,
        raw_score=_or_none(float(evaluation.raw[row])),
        own_score=_or_none(float(evaluation.own[row])),
        override=current_override(customer),
        band=card.bands[band].name if band >= 0 else None,
        band_since=from_us(decisions.band_since[row]) if band >= 0 else None,
        risk=risk.risk,
        risk_is=risk.kind,
        risk_model=risk.model,
        risk_horizon_days=risk.horizon_days,
        flags=customer.flags,
        flags_decided=list(flag_names(card.flag_names, decisions.flag_bits(row))),
        coverage=float(evaluation.coverage[row]),
        coverage_details=coverage.details(customer, language),
        evidence="enough" if customer.score is not None else "not_enough",
        expansion=insights.expansion(customer, language),
        disagreements=insights.disagreeing(customer, language),
        loyalty=relationship.loyalty(customer, language),
        icp=relationship.profile_fit(customer, language),
        touch=relationship.touch_tier(customer, language),
        surveys=surveys(customer),
        events_total=int(customer.table.facts[row, facts.EVENTS]),
        first_event_at=_instant(float(customer.table.facts[row, facts.FIRST_SEEN])),
        last_event_at=_instant(float(customer.table.facts[row, facts.LAST_SEEN])),
        evaluated_at=read.at,
        decided_at=from_us(decided_us) if decided_us else None,
        scorecard_version=customer.version,
        variant=customer.variant,
        parent=around.family.parent,
        children=around.family.children,
        support=around.support,
        stale=around.stale,
        contact=around.contact,
        data_quality=around.data_quality,
    )


def _profile(customer: EvaluatedCustomer) -> dict[str, Any]:
    """Figures and fields as the customer's own systems have them; attributes in an object."""
    values = customer.table.profile_values(customer.row)
    plain = {
        name: value
        for name, value in values.items()
        if name != facts.OVERRIDE and not name.startswith("attributes.")
    }
    attributes = {
        name.removeprefix("attributes."): value
        for name, value in values.items()
        if name.startswith("attributes.") and value is not None
    }
    nested = {"attributes": attributes} if attributes else {}
    return {**_figures(customer), **plain, **nested}


def _figures(customer: EvaluatedCustomer) -> dict[str, Any]:
    def fact(name: str) -> float | None:
        return _or_none(customer.view.fact_of(name, customer.row))

    figures = {name: fact(name) for name in ("mrr", "seats", "seats_active", "features_owned")}
    instants = {name: fact(name) for name in ("renewal_at", "sold_at")}
    settled_before = fact("items_settled_before")
    if settled_before:
        instants["items_settled_before"] = settled_before
    return {
        **{name: value for name, value in figures.items() if value is not None},
        **{name: from_us(us) for name, us in instants.items() if us is not None},
    }


def _or_none(value: float) -> float | None:
    return None if isnan(value) else value


def _instant(us: float) -> datetime | None:
    return from_us(us) if 0 < us < float("inf") else None
