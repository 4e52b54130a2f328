"""The events behind a contribution or a change, named for whoever wants to look at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from healthsvc.core.instants import from_us
from healthsvc.core.scoring.explain import Contribution, contributions
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer
from healthsvc.wire.events.catalogue import type_of
from healthsvc.wire.events.decode import decode_batch

EVENTS_PER_CONTRIBUTION: Final = 3
FOREVER_US: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEvent:
    """An event by its id, source, type and instant."""

    id: str
    source: str
    type: str
    occurred_at: datetime


def named_events(events: Sequence[str]) -> list[NamedEvent]:
    """Archived events, in the same order."""
    batch = decode_batch([event.encode() for event in events], now_us=FOREVER_US)
    return [
        NamedEvent(id=e.id, source=e.source, type=type_of(e), occurred_at=from_us(us))
        for e, us in zip(batch.events, batch.occurred_us.tolist(), strict=True)
    ]


def evidence_instants(customer: EvaluatedCustomer) -> list[int]:
    """When the events happened that an explanation names."""
    parts = contributions(customer.view, customer.evaluation, customer.row)
    return sorted({us for part in parts if part.fed_by for us in part.evidence_us})


def evidence(
    customer: EvaluatedCustomer, parts: Sequence[Contribution], archived: Sequence[str]
) -> dict[int, list[NamedEvent]]:
    """By index of the contribution: its newest events, as the archive has them."""
    batch = decode_batch([event.encode() for event in archived], now_us=FOREVER_US)
    pairs = list(zip(batch.occurred_us.tolist(), batch.events, strict=True))
    program, by_part = customer.compiled.program, {}
    for i, part in enumerate(parts):
        if not part.fed_by:
            continue
        feeds, instants = program.feeding(part.fed_by), set(part.evidence_us)
        fed = [
            (int(us), e)
            for us, e in pairs
            if us in instants and any(program.matches(f, type_of(e), e) for f in feeds)
        ]
        newest = sorted(fed, key=lambda pair: pair[0], reverse=True)[:EVENTS_PER_CONTRIBUTION]
        by_part[i] = [
            NamedEvent(id=e.id, source=e.source, type=type_of(e), occurred_at=from_us(us))
            for us, e in newest
        ]
    return by_part
