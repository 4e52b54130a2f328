"""A customer as of a past instant: the events that had been counted by then, folded again under the
version of then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from healthsvc.core.arrays import Instants
from healthsvc.core.decisions.flag_changes import as_decided
from healthsvc.core.errors import Conflict
from healthsvc.core.folding import facts
from healthsvc.core.folding.states import States
from healthsvc.core.folding.ties import tie_breakers
from healthsvc.core.instants import to_us
from healthsvc.core.languages import Language
from healthsvc.core.scoring.evaluate import evaluate
from healthsvc.core.scoring.view import View
from healthsvc.flows.customers import data_quality, insights, staleness
from healthsvc.flows.customers.evaluated_customer import (
    EvaluatedBatch,
    EvaluatedCustomer,
    compiled,
    facts_of,
)
from healthsvc.flows.customers.evidence import FOREVER_US, evidence_instants
from healthsvc.flows.customers.explanation import HealthExplanation, explain_evaluated
from healthsvc.flows.processing.decode import decode
from healthsvc.store.customers import past
from healthsvc.store.customers.past import CountedEvent
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection
from healthsvc.wire.scorecards.document import Compiled

FOLDED_AT_ONCE: Final = 5_000


class PastNotKept(Conflict):
    """The archive lacks events of this customer, so its past can't be told exactly; the score of
    now is complete."""

    def __init__(self, archived: int, expected: int) -> None:
        self.archived, self.counted = archived, expected
        super().__init__(
            f"The archive has {archived:,} of the customer's {expected:,} events: it was off, or"
            " its retention dropped the others. The past can't be told exactly. The recorded"
            " decisions are in the history."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPast:
    """A customer and everything that the archive has of it, in fold order."""

    customer_id: str
    key: int
    partition: int
    events: list[CountedEvent]

    def counted_by(self, at: datetime) -> list[CountedEvent]:
        return [e for e in self.events if e.counted_at <= at]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedThen:
    """What had been decided about a customer by an instant, of what its events don't say."""

    frozen_score: float | None = None
    """Its score if it had left by then."""
    flags: tuple[str, ...] = ()


NOTHING_DECIDED: Final = DecidedThen()


async def explanation(
    engine: AsyncEngine, customer_id: str, at: datetime, language: Language = "en"
) -> HealthExplanation | None:
    """The explanation that was given at `at`; None for an unknown customer. Raises PastNotKept."""
    async with engine.begin() as conn:
        history = await load(conn, customer_id)
        if history is None:
            return None
        then = await past.live_at(conn, at) or await live_projection.live(conn)
        card = compiled(then.document)
        events = history.counted_by(at)
        decided = await decided_then(conn, history.key, card, then.scorecard_version, at)
    customer = evaluate_events(history, events, card, then.scorecard_version, at, decided)
    instants = set(evidence_instants(customer))
    archived = [e.event for e in events if e.occurred_us in instants]
    async with engine.begin() as conn:
        stale = await staleness.stale(conn, customer, at)
        quality = (await data_quality.of(conn, [customer_id], at))[customer_id]
    recent = insights.recent_of(customer, events, at)
    explained = explain_evaluated(customer_id, customer, at, archived, recent, language)
    return replace(explained, stale=stale, data_quality=quality)


async def load(conn: AsyncConnection, customer_id: str) -> CustomerPast | None:
    """The customer with its archived events. Raises PastNotKept when some that were counted aren't
    there."""
    live = await live_projection.live(conn)
    await conn.exec_driver_sql("select 1")
    stored = await states.by_ids(conn, live.id, [customer_id])
    if not stored:
        return None
    row = stored[0]
    events = await past.events(conn, row.key)
    expected = int(facts_of(compiled(live.document), row)[facts.EVENTS])
    if expected > len(events):
        raise PastNotKept(len(events), expected)
    return CustomerPast(
        customer_id=customer_id, key=row.key, partition=row.partition, events=events
    )


def evaluate_events(
    history: CustomerPast,
    events: Sequence[CountedEvent],
    card: Compiled,
    version: int,
    at: datetime,
    decided: DecidedThen,
    variant: Instants | None = None,
) -> EvaluatedCustomer:
    """The customer with these events, evaluated at an instant. decided: what had been decided by
    then; variant: the one that judges, whatever its place says."""
    table = States(card.program, 1)
    table.admit([(history.customer_id, history.key, history.partition)])
    for first in range(0, len(events), FOLDED_AT_ONCE):
        some = events[first : first + FOLDED_AT_ONCE]
        batch = decode(card.program, [e.event.encode() for e in some], None, FOREVER_US)
        ties = tie_breakers(batch.digests)
        table.fold(np.zeros(len(batch.index), np.int64), batch.extract, batch.occurred_us, ties)
    view = View(card.program, table.cells, table.facts, np.array([to_us(at)], np.int64), table.risk)
    evaluation = evaluate(view, variant)
    if decided.frozen_score is not None and evaluation.churned[0]:
        table.decisions.score_at_churn[0] = decided.frozen_score
    names = card.scorecard.flag_names
    table.decisions.flags[0] = float(sum(1 << f for f, n in enumerate(names) if n in decided.flags))
    evaluation = as_decided(card.scorecard, evaluation, table.decisions)
    alone = EvaluatedBatch(version, card, table, view, evaluation)
    return EvaluatedCustomer(alone, history.key)


async def decided_then(
    conn: AsyncConnection, key: int, card: Compiled, version: int, at: datetime
) -> DecidedThen:
    """The recorded decisions that stood at `at`, of flags those by this version."""
    frozen = None
    for rule in card.scorecard.flags:
        if rule.kind == "churned":
            recorded = await past.decided(conn, key, at, flag=rule.name)
            frozen = frozen if recorded is None else recorded.score
    last = await past.decided(conn, key, at, version=version)
    return DecidedThen(frozen_score=frozen, flags=() if last is None else last.flags)
