"""The override in force: somebody's own judgement that stands in place of the score."""

from dataclasses import dataclass
from datetime import datetime

from healthsvc.core.folding import facts
from healthsvc.core.instants import from_us
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentOverride:
    """Who judged, why, and until when."""

    score: float
    reason: str
    author: str
    set_at: datetime
    expires_at: datetime
    event_id: str
    source: str


def current_override(customer: EvaluatedCustomer) -> CurrentOverride | None:
    """The override in force; None: the score speaks for itself."""
    table, row = customer.table, customer.row
    if not table.has_profile(row) or not customer.evaluation.overridden[row]:
        return None
    entry = table.profile(row).get(facts.OVERRIDE)
    if entry is None or entry[0] is None:
        return None
    judgement = entry[0]
    return CurrentOverride(
        score=judgement["score"],
        reason=judgement["reason"],
        author=judgement["author"],
        set_at=from_us(entry[1]),
        expires_at=from_us(judgement["expires_us"]),
        event_id=judgement["event_id"],
        source=entry[2],
    )
