"""Overrides: somebody's own judgement in place of the score, as events in the log; and how they
turned out."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from healthsvc.core.actors import Actor
from healthsvc.core.arrays import Floats
from healthsvc.core.events import OVERRIDE_LIFTED, OVERRIDE_SET
from healthsvc.core.folding.contract import customer_end
from healthsvc.core.instants import from_us, to_us
from healthsvc.flows.customers.evaluated_customer import compiled, facts_of
from healthsvc.store.admin import audit
from healthsvc.store.customers import overrides as stored
from healthsvc.store.customers.overrides import SetOverride
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection

SOURCE: Final = "healthsvc.override"
HORIZON: Final = timedelta(days=180)
"""A customer that leaves within this time after an override is what the override is judged by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An override to be."""

    score: float
    reason: str
    author: str
    expires_at: datetime


def set_event(
    customer_id: str, event_id: str, wish: Wish, replaces: float | None, now: datetime
) -> str:
    """The event that sets an override, as JSON."""
    data: dict[str, Any] = {
        "score": wish.score,
        "reason": wish.reason,
        "author": wish.author,
        "expires_at": wish.expires_at.isoformat(),
    }
    if replaces is not None:
        data["replaces"] = replaces
    return _event(OVERRIDE_SET.name, customer_id, event_id, data, now)


def lift_event(
    customer_id: str, event_id: str, author: str, reason: str | None, now: datetime
) -> str:
    """The event that ends an override."""
    data = {"author": author} | ({} if reason is None else {"reason": reason})
    return _event(OVERRIDE_LIFTED.name, customer_id, event_id, data, now)


async def record(
    engine: AsyncEngine, now: datetime, actor: Actor, type: str, customer_id: str, event_id: str
) -> None:
    """Write down who set or lifted an override; its event is in the log already."""
    async with engine.begin() as conn:
        await audit.record(
            conn, now, actor=actor, action=type, target=customer_id, detail={"event_id": event_id}
        )


def _event(type: str, customer_id: str, event_id: str, data: dict[str, Any], now: datetime) -> str:
    event = {
        "id": event_id,
        "source": SOURCE,
        "type": type,
        "customer_id": customer_id,
        "occurred_at": now.isoformat(),
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


# Outcomes
# --------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class OverrideOutcomes:
    """One author's overrides against what became of the customers. right + wrong + open + unknown
    are all of them."""

    author: str
    overrides: int = 0
    raised: int = 0
    lowered: int = 0
    left: int = 0
    """Customers that left within the horizon after the override."""
    right: int = 0
    """Lowered and it left, or raised and it stayed."""
    wrong: int = 0
    """Raised and it left, or lowered and it stayed."""
    open: int = 0
    """Too early to tell."""
    unknown: int = 0
    """There was no score to compare with."""


async def records(engine: AsyncEngine, now: datetime) -> Sequence[OverrideOutcomes]:
    """Each author's record, the busiest first. From the archive: what it doesn't have isn't in
    it."""
    async with engine.begin() as conn:
        live = await live_projection.live(conn)
        keys = await stored.customers(conn, live.id)
        overrides_set = await stored.every(conn, keys)
        card = compiled(live.document)
        left = {
            row.key: at
            for row in await states.by_keys(conn, live.id, keys)
            if (at := _left_at(facts_of(card, row), now)) is not None
        }
    return with_outcomes(overrides_set, left, now)


def with_outcomes(
    overrides_set: Iterable[SetOverride], left: dict[int, datetime], now: datetime
) -> list[OverrideOutcomes]:
    """Overrides against outcomes; left: when a customer left, by key."""
    by_override: dict[str, OverrideOutcomes] = {}
    for each in overrides_set:
        record = by_override.setdefault(each.author, OverrideOutcomes(author=each.author))
        record.overrides += 1
        gone_at = left.get(each.customer_key)
        churned = gone_at is not None and each.set_at < gone_at <= each.set_at + HORIZON
        record.left += churned
        raised = (
            None
            if each.replaces is None or each.score == each.replaces
            else each.score > each.replaces
        )
        record.raised += raised is True
        record.lowered += raised is False
        if raised is None:
            record.unknown += 1
        elif not churned and now < each.set_at + HORIZON:
            record.open += 1
        elif raised is churned:
            record.wrong += 1
        else:
            record.right += 1
    return sorted(by_override.values(), key=lambda r: (-r.overrides, r.author))


def _left_at(known: Floats, now: datetime) -> datetime | None:
    ends_us = float(customer_end(known[None]).ends_at[0])
    return from_us(ends_us) if ends_us <= to_us(now) else None
