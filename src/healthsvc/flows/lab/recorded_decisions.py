"""What a replay decided, customer by customer: each alert, flag and change of band."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from healthsvc.core.arrays import Mask
from healthsvc.core.decisions.decide import BAND_ALERT, Decisions
from healthsvc.core.instants import from_us
from healthsvc.core.scorecard.model import Scorecard


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """One decision, as the service would have made it."""

    customer_id: str
    at_us: int
    event: Literal["alert", "flag", "band"]
    name: str
    """The flag, `band_drop` of an alert about a band, or the new band; "" for none."""
    change: str
    """What happened to it: raised, renewed, escalated, released, …; of a band the former one."""
    onset_us: int | None = None
    """When the cause happened; None of a band."""

    def as_data(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "customer_id": self.customer_id,
            "at": from_us(self.at_us).isoformat(),
            "event": self.event,
            "name": self.name,
            "change": self.change,
            "onset_at": None if self.onset_us is None else from_us(self.onset_us).isoformat(),
        }


Record: TypeAlias = Callable[[Sequence[RecordedDecision]], None]
"""Takes the decisions of a block of customers, in the order in which they were made."""


def recorded(
    card: Scorecard,
    decisions: Decisions,
    customer_ids: Sequence[str],
    imported: Mask,
    now_us: int,
) -> Iterator[RecordedDecision]:
    """The decisions of one instant; customer_ids, imported: of each row, the latter whether all
    that became known of it is old."""
    for change in decisions.flags:
        yield RecordedDecision(
            customer_id=customer_ids[change.row],
            at_us=now_us,
            event="alert" if change.alert else "flag",
            name=card.flags[change.flag].name,
            change=change.kind,
            onset_us=change.onset_us,
        )
    for move in decisions.bands:
        if move.before < 0:
            continue
        customer_id = customer_ids[move.row]
        yield RecordedDecision(
            customer_id=customer_id,
            at_us=now_us,
            event="band",
            name=card.bands[move.after].name if move.after >= 0 else "",
            change=card.bands[move.before].name,
        )
        if move.alert and not imported[move.row]:
            yield RecordedDecision(
                customer_id=customer_id,
                at_us=now_us,
                event="alert",
                name=BAND_ALERT,
                change="raised",
                onset_us=now_us,
            )
