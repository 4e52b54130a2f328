"""A customer evaluated at an instant: what the modules of this folder read and render."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import isnan
from typing import Any

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.decisions.flag_changes import as_decided
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from healthsvc.core.instants import to_us
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.evaluate import Evaluation, evaluate
from healthsvc.core.scoring.view import View
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection
from healthsvc.wire.scorecards.document import Compiled, compile_document

compiled = lru_cache(maxsize=8)(compile_document)


@dataclass(frozen=True, slots=True)
class EvaluatedCustomer:
    """One customer in a table of its own, evaluated."""

    version: int
    compiled: Compiled
    table: States
    view: View
    evaluation: Evaluation
    key: int

    @property
    def card(self) -> Scorecard:
        """The scorecard, or the variant of it, that judges the customer."""
        return self.compiled.scorecard.judging(self.evaluation.variant_of(0))

    @property
    def variant(self) -> str | None:
        return self.compiled.scorecard.variant_name(self.evaluation.variant_of(0))

    @property
    def profile(self) -> dict[str, Any]:
        """The last value of each field of its profile."""
        return self.table.profile_values(0) if self.table.has_profile(0) else {}

    @property
    def name(self) -> str | None:
        """What the customer is called."""
        name = self.profile.get("name")
        return name if isinstance(name, str) and name else None

    @property
    def churned(self) -> bool:
        return bool(self.evaluation.churned[0])

    @property
    def frozen(self) -> bool:
        """Whether its score is the one that it had when it left."""
        return self.churned and not isnan(self.table.decisions.score_at_churn[0])

    @property
    def score(self) -> float | None:
        score = float(
            self.table.decisions.score_at_churn[0] if self.frozen else self.evaluation.score[0]
        )
        return None if isnan(score) else score

    @property
    def flags(self) -> list[str]:
        """The flags that hold; of a customer that has left, those about it alone."""
        holds = self.evaluation.flags.holds[0]
        return [
            rule.name
            for f, rule in enumerate(self.compiled.scorecard.flags)
            if holds[f] and (not self.churned or rule.after_leaving)
        ]


async def evaluate_customer(
    conn: AsyncConnection, customer_id: str, now: datetime
) -> EvaluatedCustomer | None:
    """Evaluate a customer's stored state under the live scorecard; None for an unknown customer."""
    live = await live_projection.live(conn)
    rows = await states.by_ids(conn, live.id, [customer_id])
    if not rows:
        return None
    row, card = rows[0], compiled(live.document)
    table = States(card.program, 1)
    table.load([row])
    view = View(
        card.program, table.cells, table.facts, np.array([to_us(now)], np.int64), table.risk
    )
    evaluation = as_decided(card.scorecard, evaluate(view), table.decisions)
    return EvaluatedCustomer(live.scorecard_version, card, table, view, evaluation, row.key)


def facts_of(card: Compiled, row: Stored) -> Floats:
    """The facts of a stored state; their defaults where nothing was folded yet."""
    table = States(card.program, 1)
    table.load([row])
    stored: Floats = table.facts[0]
    return stored
