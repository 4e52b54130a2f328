"""What the field reads in a customer: the pricing page, help that is looked for, the expansion
gate, score and money in disagreement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from healthsvc.core.insights import disagreements, expansion_gate, interpretations
from healthsvc.core.insights.interpretations import ReadingName
from healthsvc.core.insights.page_visits import WINDOW_US, PageVisit, concerns
from healthsvc.core.insights.signals import Signal
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases import expansion as expansion_phrases
from healthsvc.core.phrases import insights, openings
from healthsvc.core.scoring.lifecycle import stage_name
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer
from healthsvc.flows.customers.evidence import NamedEvent
from healthsvc.store.customers import recent_events
from healthsvc.store.customers.past import CountedEvent
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.wire.events.page_visits import MARKS, sights

NEEDS_HELP = "needs_help"
EVENTS_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedSignal:
    """A single thing that is known of a customer, in words too."""

    sign: str
    measure: str
    value: float
    says: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpansionReason:
    """One reason against offering more."""

    reason: str
    flag: str | None
    since: datetime | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpansionGate:
    """Whether more may be offered, and if not, why."""

    open: bool
    reasons: list[ExpansionReason]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedDisagreement:
    """What the score says, and the money that says otherwise."""

    score: str
    money: WordedSignal
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedReading:
    """One reason to look at prices, its evidence, and a question to find out."""

    reading: ReadingName
    evidence: list[WordedSignal]
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceInterest:
    """Why somebody looks at prices, as far as it can be told."""

    likely: ReadingName | None
    sentence: str
    question: str
    readings: list[WordedReading]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureConcern:
    """A feature that help is looked for with, and the newest events that say so."""

    function: str
    times: int
    last_at: datetime
    events: list[NamedEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpSearch:
    """The features that help is looked for with, the most first."""

    sentence: str
    functions: list[FeatureConcern]


async def recent(conn: AsyncConnection, customer: EvaluatedCustomer, at: datetime) -> list[str]:
    """The archived events that the interpretations need; none, and no query, while no flag asks
    for one."""
    if not _needs_recent_events(customer):
        return []
    until = to_us(at)
    return await recent_events.marked(conn, customer.key, MARKS, until - WINDOW_US, until)


def recent_of(
    customer: EvaluatedCustomer, events: Sequence[CountedEvent], at: datetime
) -> list[str]:
    """The same as `recent` would have given, from all the events that were counted by then, in fold
    order."""
    if not _needs_recent_events(customer):
        return []
    until = to_us(at)
    within = [
        e
        for e in events
        if until - WINDOW_US < e.occurred_us <= until and any(m in e.event for m in MARKS)
    ]
    newest_last = sorted(within, key=lambda e: e.occurred_us)[-recent_events.MOST :]
    return [e.event for e in reversed(newest_last)]


def price_interest(
    customer: EvaluatedCustomer, recently: Sequence[str], language: Language
) -> PriceInterest | None:
    """The readings of a pricing page; None: nobody looks at prices. recently: the events of
    `recent`."""
    if not _holds(customer, interpretations.FLAG):
        return None
    visits = sights(recently, customer.compiled.program.kind_of_view)
    review = interpretations.review(customer.view, customer.row, visits)
    return PriceInterest(
        likely=review.likely,
        sentence=insights.review(language, review),
        question=openings.reading_question(language, review.likely),
        readings=[
            WordedReading(
                reading=r.reading,
                evidence=[worded_signal(signal, language) for signal in r.evidence],
                question=openings.reading_question(language, r.reading),
            )
            for r in review.readings
        ],
    )


def help_search(
    customer: EvaluatedCustomer, name: str, recently: Sequence[str], language: Language
) -> HelpSearch | None:
    """The features that help is looked for with; None: it isn't. recently: the events of
    `recent`."""
    if not _holds(customer, NEEDS_HELP):
        return None
    by_feature = concerns(sights(recently, customer.compiled.program.kind_of_view))
    return HelpSearch(
        sentence=insights.help_wanted(language, name, by_feature),
        functions=[
            FeatureConcern(
                function=concern.function,
                times=len(concern.sights),
                last_at=from_us(concern.sights[0].us),
                events=[_named_event(visit) for visit in concern.sights[:EVENTS_NAMED]],
            )
            for concern in by_feature
        ],
    )


def expansion(customer: EvaluatedCustomer, language: Language) -> ExpansionGate:
    """Whether more may be offered now, and if not, why."""
    band = customer.table.decisions.band_index(customer.row)
    stage = stage_name(int(customer.evaluation.stages.stage[customer.row]))
    against = expansion_gate.expansion(
        customer.view,
        customer.evaluation,
        customer.row,
        stage=stage,
        band=band if band >= 0 else None,
    )
    titles = {rule.name: rule.title.within(language) for rule in customer.card.flags}
    return ExpansionGate(
        open=not against,
        reasons=[
            ExpansionReason(
                reason=closed.reason,
                flag=closed.flag,
                since=None if closed.since_us is None else from_us(closed.since_us),
                why=expansion_phrases.closed(language, closed, titles.get(closed.flag or "")),
            )
            for closed in against
        ],
    )


def disagreeing(customer: EvaluatedCustomer, language: Language) -> list[WordedDisagreement]:
    """Where score and money disagree."""
    return [
        WordedDisagreement(
            score=d.score,
            money=worded_signal(d.money, language),
            sentence=insights.disagreement(language, d),
        )
        for d in disagreements.disagreements(customer.view, customer.evaluation, customer.row)
    ]


def worded_signal(signal: Signal, language: Language) -> WordedSignal:
    """A signal with its words and its instant."""
    return WordedSignal(
        sign=signal.sign,
        measure=signal.measure,
        value=round(signal.value, 4),
        says=insights.sign(language, signal.sign, signal.value),
        since=from_us(signal.since_us),
    )


def _needs_recent_events(customer: EvaluatedCustomer) -> bool:
    return _holds(customer, interpretations.FLAG) or _holds(customer, NEEDS_HELP)


def _holds(customer: EvaluatedCustomer, flag: str) -> bool:
    return not customer.churned and flag in customer.flags


def _named_event(visit: PageVisit) -> NamedEvent:
    return NamedEvent(
        id=visit.event_id, source=visit.source, type=visit.type, occurred_at=from_us(visit.us)
    )
