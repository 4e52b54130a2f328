"""Customers of alerts, as the changes of their alerts name them."""

from collections.abc import Sequence
from datetime import datetime
from math import isnan

from healthsvc.core.decisions.decide import flag_names
from healthsvc.core.folding import facts
from healthsvc.core.folding.contract import recurring_revenue
from healthsvc.core.folding.states import States
from healthsvc.flows.changes.changed_customer import ChangedCustomer
from healthsvc.flows.customers.evaluated_customer import compiled
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection
from healthsvc.wire.webhooks.customer_object import stored_customer

_CURRENCY = facts.COLUMN["currency_code"]


async def read(
    conn: AsyncConnection, customer_ids: Sequence[str], at: datetime
) -> dict[str, ChangedCustomer]:
    """These customers by id, with band and flags as they were decided last."""
    if not customer_ids:
        return {}
    live = await live_projection.live(conn)
    stored = await states.by_ids(conn, live.id, customer_ids)
    table = States(compiled(live.document).program, len(stored))
    rows = table.load(stored).tolist()
    return {
        each.customer_id: ChangedCustomer(
            key=each.key,
            customer_id=each.customer_id,
            partition=each.partition,
            at=at,
            logged_us=0,
            last_sequence=int(table.decisions.sequence[row]),
            object=_object(table, row),
        )
        for each, row in zip(stored, rows, strict=True)
    }


def _object(table: States, row: int) -> dict[str, object]:
    card, decided = table.program.scorecard, table.decisions
    bands = [*(band.name for band in card.bands), None]
    mrr = float(recurring_revenue(table.facts[row : row + 1])[0])
    return stored_customer(
        table.profile_fields(row),
        mrr=None if isnan(mrr) else mrr,
        currency=facts.currency_name(table.facts.item(row, _CURRENCY)),
        band=bands[decided.band_index(row)],
        flags=flag_names(card.flag_names, decided.flag_bits(row)),
    )
