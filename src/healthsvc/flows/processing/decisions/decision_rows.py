"""What a flush writes of decisions: rows of the database, and changes to be recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from healthsvc.flows.changes.changed_customer import ChangedCustomer
from healthsvc.flows.processing.decisions.draft_changes import AlertDraft, DraftChange
from healthsvc.store.database.copying import Block
from healthsvc.store.processing.alert_writes import AlertRow


@dataclass(slots=True, kw_only=True)
class DecisionRows:
    """Everything that a flush writes about decisions."""

    standings: Block = field(default_factory=list)
    moves: Block = field(default_factory=list)
    """Standings of those whose profile is listed already."""
    history: Block = field(default_factory=list)
    alerts: list[AlertRow] = field(default_factory=list)
    endings: list[tuple[int, str, datetime]] = field(default_factory=list)
    """(customer_key, kind, instant) of alerts whose condition ended."""
    ended_of: dict[int, ChangedCustomer] = field(default_factory=dict)
    """By customer_key: the customers of those."""
    changes: list[DraftChange] = field(default_factory=list)
    alert_drafts: dict[str, AlertDraft] = field(default_factory=dict)
    """By the id of the alert: a change only if the alert is new, or takes another over."""
    timers: Block = field(default_factory=list)
    timers_gone: list[int] = field(default_factory=list)
    next_due_us: float = float("inf")

    @classmethod
    def joined(cls, parts: Sequence["DecisionRows"]) -> "DecisionRows":
        """Those of several groups of customers, no customer in two of them."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            standings=[piece for part in parts for piece in part.standings],
            moves=[piece for part in parts for piece in part.moves],
            history=[piece for part in parts for piece in part.history],
            alerts=[alert for part in parts for alert in part.alerts],
            endings=[ending for part in parts for ending in part.endings],
            ended_of={key: each for part in parts for key, each in part.ended_of.items()},
            changes=[change for part in parts for change in part.changes],
            alert_drafts={id: draft for part in parts for id, draft in part.alert_drafts.items()},
            timers=[piece for part in parts for piece in part.timers],
            timers_gone=[key for part in parts for key in part.timers_gone],
            next_due_us=min((part.next_due_us for part in parts), default=float("inf")),
        )
