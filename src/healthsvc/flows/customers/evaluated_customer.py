"""Customers evaluated at an instant: what the modules of this folder read and render."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from math import isnan
from typing import Any

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.decisions.flag_changes import as_decided
from healthsvc.core.folding.items.kind import Counted
from healthsvc.core.folding.items.registry import VOICE
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from healthsvc.core.instants import to_us
from healthsvc.core.risk import model
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.evaluate import Evaluation, evaluate
from healthsvc.core.scoring.flags.kind import ABOVE
from healthsvc.core.scoring.loyalty import LoyaltyParts, loyalty_parts
from healthsvc.core.scoring.view import View
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection
from healthsvc.wire.scorecards.document import Compiled, compile_document

compiled = lru_cache(maxsize=8)(compile_document)


@dataclass(frozen=True)
class EvaluatedBatch:
    """Customers evaluated together, one row each; what is asked of each one is computed once for
    all of them."""

    version: int
    compiled: Compiled
    table: States
    view: View
    evaluation: Evaluation

    @cached_property
    def loyalty(self) -> LoyaltyParts:
        """The grounds of loyalty of each row; the scorecard must have rules for it."""
        rules = self.view.program.relationship
        assert rules.loyalty is not None
        return loyalty_parts(self.view, rules.loyalty, rules.heavy_use)

    @cached_property
    def voices(self) -> list[list[Counted]]:
        """What the people at each customer answered."""
        return self.table.items.counted(range(len(self.view.now_us)), VOICE)

    @cached_property
    def risk_parts(self) -> Floats | None:
        """(n, terms) what each term of the risk's model adds; None where no model gives the
        risk."""
        snapshot, rules = self.view.risk_snapshot(), self.view.program.risk_rules
        if rules is None or snapshot is None:
            return None
        return model.contributions(rules.model, snapshot)


@dataclass(frozen=True, slots=True)
class EvaluatedCustomer:
    """One customer of a batch."""

    batch: EvaluatedBatch
    key: int
    row: int = 0

    @property
    def version(self) -> int:
        return self.batch.version

    @property
    def compiled(self) -> Compiled:
        return self.batch.compiled

    @property
    def table(self) -> States:
        return self.batch.table

    @property
    def view(self) -> View:
        return self.batch.view

    @property
    def evaluation(self) -> Evaluation:
        return self.batch.evaluation

    @property
    def card(self) -> Scorecard:
        """The scorecard, or the variant of it, that judges the customer."""
        return self.compiled.scorecard.judging(self.evaluation.variant_of(self.row))

    @property
    def variant(self) -> str | None:
        return self.compiled.scorecard.variant_name(self.evaluation.variant_of(self.row))

    @property
    def profile(self) -> dict[str, Any]:
        """The last value of each field of its profile."""
        return self.table.profile_values(self.row) if self.table.has_profile(self.row) else {}

    @property
    def name(self) -> str | None:
        """What the customer is called."""
        name = self.profile.get("name")
        return name if isinstance(name, str) and name else None

    @property
    def churned(self) -> bool:
        return bool(self.evaluation.churned[self.row])

    @property
    def frozen(self) -> bool:
        """Whether its score is the one that it had when it left."""
        return self.churned and not isnan(self.table.decisions.score_at_churn[self.row])

    @property
    def score(self) -> float | None:
        decided, current = self.table.decisions.score_at_churn, self.evaluation.score
        score = float((decided if self.frozen else current)[self.row])
        return None if isnan(score) else score

    @property
    def flags(self) -> list[str]:
        """The flags that hold; of a customer that has left, those about it alone."""
        holds = self.evaluation.flags.place[self.row] == ABOVE
        return [
            rule.name
            for f, rule in enumerate(self.compiled.scorecard.flags)
            if holds[f] and (not self.churned or rule.after_leaving)
        ]


async def evaluate_customer(
    conn: AsyncConnection, customer_id: str, now: datetime
) -> EvaluatedCustomer | None:
    """Evaluate a customer's stored state under the live scorecard; None for an unknown customer."""
    return (await evaluate_customers(conn, [customer_id], now)).get(customer_id)


async def evaluate_customers(
    conn: AsyncConnection, customer_ids: Sequence[str], now: datetime
) -> dict[str, EvaluatedCustomer]:
    """Evaluate those of the customers that are known, together."""
    live = await live_projection.live(conn)
    stored = await states.by_ids(conn, live.id, customer_ids)
    card = compiled(live.document)
    customers = evaluate_stored(live.scorecard_version, card, stored, now)
    return dict(zip([each.customer_id for each in stored], customers, strict=True))


def evaluate_stored(
    version: int, card: Compiled, stored: Sequence[Stored], now: datetime
) -> list[EvaluatedCustomer]:
    """Evaluate stored states together as of an instant, one customer each in the same order."""
    if not stored:
        return []
    table = States(card.program, len(stored))
    rows = table.load(stored)
    now_us = np.full(len(rows), to_us(now), np.int64)
    view = View(card.program, table.cells, table.facts, now_us, table.risk)
    evaluation = as_decided(card.scorecard, evaluate(view), table.decisions)
    batch = EvaluatedBatch(version, card, table, view, evaluation)
    return [
        EvaluatedCustomer(batch, customer.key, row)
        for customer, row in zip(stored, rows.tolist(), strict=True)
    ]


def facts_of(card: Compiled, row: Stored) -> Floats:
    """The facts of a stored state; their defaults where nothing was folded yet."""
    table = States(card.program, 1)
    table.load([row])
    stored: Floats = table.facts[0]
    return stored
