"""Many customers evaluated at one instant: what ranks are made from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from healthsvc.core.decisions.flag_changes import as_decided
from healthsvc.core.folding.states import States
from healthsvc.core.instants import to_us
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.evaluate import Evaluation, evaluate
from healthsvc.core.scoring.view import View
from healthsvc.flows.customers.evaluated_customer import compiled
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection


@dataclass(frozen=True, slots=True)
class EvaluatedCustomers:
    """Customers in a table of their own, evaluated; a row of the view is a row of the table."""

    table: States
    view: View
    evaluation: Evaluation
    row_of: Mapping[str, int]

    def card_of(self, row: int) -> Scorecard:
        """The scorecard, or the variant of it, that judges the row."""
        return self.view.program.scorecard.judging(self.evaluation.variant_of(row))


async def live_scorecard(conn: AsyncConnection) -> Scorecard:
    """The live version's scorecard."""
    return compiled((await live_projection.live(conn)).document).scorecard


async def evaluate_customers(
    conn: AsyncConnection, customer_ids: Collection[str], at: datetime
) -> EvaluatedCustomers:
    """Evaluate these customers; those that nothing is known of have no row."""
    live = await live_projection.live(conn)
    program = compiled(live.document).program
    stored = await states.by_ids(conn, live.id, sorted(customer_ids)) if customer_ids else []
    table = States(program, max(1, len(stored)))
    rows = table.load(stored)
    now_us = np.full(len(rows), to_us(at), np.int64)
    view = View(program, table.cells[rows], table.facts[rows], now_us, table.risk[rows])
    row_of = {s.customer_id: int(row) for s, row in zip(stored, rows.tolist(), strict=True)}
    decided = table.decisions.take(rows)
    evaluation = as_decided(program.scorecard, evaluate(view), decided)
    return EvaluatedCustomers(table, view, evaluation, row_of)
