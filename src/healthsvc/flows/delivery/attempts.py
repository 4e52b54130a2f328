"""Records delivery attempts: the delivery itself, the endpoint's health, and messages about both
for the other endpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from healthsvc.core.delivery import (
    RECOVERED_AFTER,
    Abort,
    Answer,
    Delivered,
    DisableEndpoint,
    Exhausted,
    Health,
    Outcome,
    Retry,
    Verdict,
    health_after,
    is_dead,
    label,
)
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.delivery import claims, endpoints, outbox
from healthsvc.store.delivery.claims import Claimed, Tried
from healthsvc.store.delivery.deliveries import State
from healthsvc.store.delivery.outbox import OutboxMessage
from healthsvc.wire.webhooks.bodies import message_id
from healthsvc.wire.webhooks.deliveries import (
    DELIVERY_EXHAUSTED,
    DELIVERY_RECOVERED,
    ENDPOINT_DISABLED,
    DeliveryData,
    DisabledData,
)
from healthsvc.wire.webhooks.webhook_type import DataT, WebhookType

# Nobody is told about deliveries of these: two endpoints that fail would tell each other for ever.
OPERATIONAL: Final = frozenset(
    {ENDPOINT_DISABLED.name, DELIVERY_EXHAUSTED.name, DELIVERY_RECOVERED.name}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One try that is over, and what follows from it for its delivery."""

    claimed: Claimed
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What was written: the deliveries that were still ours, and the endpoints switched off, with
    the reason."""

    recorded: frozenset[int]
    disabled: Mapping[str, str]


async def save(conn: AsyncConnection, worker: str, batch: Sequence[Finished]) -> Saved:
    """Record a batch of tries in the caller's transaction.

    1. The health of endpoints that failed now or before is locked, carried on by the core, and
       written.
    2. Deliveries and attempts are written where the lease still holds; the rest was somebody else's
       by then.
    3. Endpoints switched off, deliveries given up or recovered late become messages to the other
       endpoints.
    """
    after, disabled = dict[str, Health](), dict[str, str]()
    if relevant := {each.claimed.endpoint_id for each in batch if _is_relevant(each)}:
        after, disabled = healths_after(await endpoints.lock_health(conn, relevant), batch)
        await endpoints.save_health(conn, after)
    for endpoint_id, reason in disabled.items():
        await endpoints.disable(conn, endpoint_id, reason)
    recorded = await claims.record(conn, worker, [tried(each) for each in batch])
    news = [
        _disabled_message(batch, after, endpoint_id, reason)
        for endpoint_id, reason in disabled.items()
    ]
    news += [
        message
        for each in batch
        if each.claimed.id in recorded
        for message in _delivery_messages(each)
    ]
    await outbox.enqueue(conn, news)
    return Saved(recorded=frozenset(recorded), disabled=disabled)


def _is_relevant(finished: Finished) -> bool:
    """Whether it may change the endpoint's health: all but a success of one that was well."""
    return finished.claimed.failing or not isinstance(finished.verdict, Delivered)


def healths_after(
    healths: Mapping[str, Health], batch: Sequence[Finished]
) -> tuple[dict[str, Health], dict[str, str]]:
    """The health after the batch of each endpoint in `healths`, and those of them to switch off,
    with the reason."""
    after, disabled = dict(healths), dict[str, str]()
    for each in sorted(batch, key=lambda each: each.ended_at):
        endpoint_id, verdict = each.claimed.endpoint_id, each.verdict
        if endpoint_id not in after:
            continue
        after[endpoint_id] = health_after(after[endpoint_id], each.outcome, verdict, each.ended_at)
        if isinstance(verdict, DisableEndpoint):
            disabled.setdefault(endpoint_id, verdict.reason)
        elif is_dead(after[endpoint_id], each.ended_at):
            disabled.setdefault(endpoint_id, "failing")
    return after, disabled


def tried(finished: Finished) -> Tried:
    """The rows that a finished try becomes."""
    state, due_at = _next(finished.verdict)
    outcome = finished.outcome
    return Tried(
        delivery_id=finished.claimed.id,
        attempt=finished.claimed.attempt + 1,
        started_at=finished.started_at,
        seconds=outcome.seconds,
        status=outcome.status if isinstance(outcome, Answer) else None,
        outcome=label(outcome),
        response=outcome.text if isinstance(outcome, Answer) else "",
        state=state,
        due_at=due_at,
        finished_at=None if state == "pending" else finished.ended_at,
    )


def _next(verdict: Verdict) -> tuple[State, datetime | None]:
    match verdict:
        case Delivered():
            return "delivered", None
        case Retry(at):
            return "pending", at
        case Exhausted():
            return "exhausted", None
        case DisableEndpoint(_, delivered):
            return ("delivered" if delivered else "aborted"), None
        case Abort():
            return "aborted", None
        case _:
            assert_never(verdict)


def _disabled_message(
    batch: Sequence[Finished], after: Mapping[str, Health], endpoint_id: str, reason: str
) -> OutboxMessage:
    last = next(each for each in reversed(batch) if each.claimed.endpoint_id == endpoint_id)
    data = DisabledData(
        endpoint_id=endpoint_id,
        url=last.claimed.url,
        reason=reason,
        failing_since=after[endpoint_id].failing_since,
    )
    return _message(ENDPOINT_DISABLED, last, data)


def _delivery_messages(finished: Finished) -> list[OutboxMessage]:
    claimed, attempts = finished.claimed, finished.claimed.attempt + 1
    if claimed.type in OPERATIONAL:
        return []
    match finished.verdict:
        case Exhausted():
            type = DELIVERY_EXHAUSTED
        case Delivered() if attempts > RECOVERED_AFTER:
            type = DELIVERY_RECOVERED
        case _:
            return []
    data = DeliveryData(
        delivery_id=claimed.id,
        endpoint_id=claimed.endpoint_id,
        url=claimed.url,
        message_id=claimed.message_id,
        message_type=claimed.type,
        attempts=attempts,
        outcome=label(finished.outcome),
    )
    return [_message(type, finished, data)]


def _message(type: WebhookType[DataT], finished: Finished, data: DataT) -> OutboxMessage:
    claimed = finished.claimed
    return OutboxMessage(
        id=message_id(type.name, claimed.id, claimed.attempt + 1),
        type=type.name,
        customer_id=None,
        body=type.body(finished.ended_at, data),
        logged_at=None,
        not_to=(claimed.endpoint_id,),
    )
