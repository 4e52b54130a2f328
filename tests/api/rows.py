"""Rows as the processor leaves them, put into the database for tests of what the API reads."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from healthsvc.flows.changes.changed_customer import ChangedCustomer
from healthsvc.flows.changes.record import record
from healthsvc.store.changes.change_log import NewChange
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.webhooks.customer_object import CUSTOMER_EXAMPLE
from healthsvc.wire.webhooks.customers import FLAG_RAISED

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def add_customer(
    engine: AsyncEngine, customer_id: str, *, standing: bool = True, **changes: Any
) -> int:
    """A customer, and its standing; answers its key."""
    async with engine.begin() as conn:
        key: int = (
            await conn.execute(
                text(
                    "insert into customers (customer_id, partition) values (:id, 0)"
                    " on conflict (customer_id) do update set partition = 0 returning key"
                ),
                {"id": customer_id},
            )
        ).scalar_one()
        if standing:
            row = {
                "projection": 1,
                "customer_key": key,
                "customer_id": customer_id,
                "partition": 0,
                "name": customer_id.title(),
                "owner": "kim",
                "segment": "smb",
                "tier": "low",
                "stage": "adoption",
                "band": "watch",
                "score": 60.0,
                "risk": 0.2,
                "flags": [],
                "decided_at": AT,
            } | changes
            marks = ", ".join(f":{name}" for name in row)
            await conn.execute(
                text(f"insert into standings ({', '.join(row)}) values ({marks})"), row
            )
    return key


async def move_customer(engine: AsyncEngine, customer_id: str, risk: float | None) -> None:
    """The customer's risk changes."""
    async with engine.begin() as conn:
        await conn.execute(
            text("update standings set risk = cast(:risk as float8) where customer_id = :id"),
            {"risk": risk, "id": customer_id},
        )


async def add_history(engine: AsyncEngine, customer_key: int, instants: Sequence[datetime]) -> None:
    """Recorded decisions; the score counts them."""
    async with engine.begin() as conn:
        for number, decided_at in enumerate(instants):
            await conn.execute(
                text(
                    "insert into history (projection, customer_key, decided_at, score, risk, band,"
                    " flags, cause, scorecard_version) values (1, :key, :at, :score, 0.1, 'watch',"
                    " '{}', 'events', 1)"
                ),
                {"key": customer_key, "at": decided_at, "score": float(number)},
            )


async def add_archived(
    engine: AsyncEngine, customer_key: int, count: int, *, kinds: Sequence[str]
) -> None:
    """Archived events of several days, three to an instant, the kinds taken in turn."""
    first = datetime(2026, 2, 1, tzinfo=UTC)
    async with engine.begin() as conn:
        await conn.execute(text("create table archive_all partition of archive default"))
        for number in range(count):
            occurred_at = first + timedelta(hours=number // 3)
            event = {
                "id": f"e-{number}",
                "type": kinds[number % len(kinds)],
                "occurred_at": occurred_at.isoformat(),
            }
            await conn.execute(
                text(
                    "insert into archive (logged_on, customer_key, occurred_us, partition,"
                    " sequence, event) values (:on, :key, :us, 0, :sequence, :event)"
                ),
                {
                    "on": occurred_at.date(),
                    "key": customer_key,
                    "us": int(occurred_at.timestamp()) * 1_000_000,
                    "sequence": number,
                    "event": json.dumps(event),
                },
            )


async def add_alert(engine: AsyncEngine, alert_id: str, **changes: Any) -> None:
    """An open alert about customer `acme`, unless said otherwise."""
    row = {
        "id": alert_id,
        "customer_key": 1,
        "customer_id": "acme",
        "kind": "cancel_intent",
        "severity": "critical",
        "state": "open",
        "summary": "Acme looked at the cancel page",
        "onset_at": AT,
        "raised_at": AT,
    } | changes
    marks = ", ".join(f":{name}" for name in row)
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "insert into customers (customer_id, partition) select cast(:customer_id as text), 0"
                " where :customer_id is not null on conflict do nothing"
            ),
            row,
        )
        await conn.execute(text(f"insert into alerts ({', '.join(row)}) values ({marks})"), row)


async def add_subscriber(engine: AsyncEngine) -> None:
    """An endpoint that wants every webhook."""
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "insert into endpoints (id, url, event_types, secret) values ('ep',"
                " 'https://x.test', '{}', 's')"
            )
        )


def flag_change(
    key: int, customer_id: str, flag: str = "silent", *, partition: int = 0, **customer: Any
) -> NewChange:
    """That a flag was raised, as a flush records it; customer: what differs from the example."""
    changed = ChangedCustomer(
        key=key,
        customer_id=customer_id,
        partition=partition,
        at=AT,
        logged_us=0,
        last_sequence=0,
        object=CUSTOMER_EXAMPLE | customer,
    )
    data = replace(FLAG_RAISED.example, customer_id=customer_id, customer=changed.object, flag=flag)
    return changed.change(FLAG_RAISED, data)


async def record_changes(engine: AsyncEngine, *changes: NewChange) -> None:
    """Changes, committed together."""
    async with engine.begin() as conn:
        await record(conn, changes)


async def add_dead_letter(
    engine: AsyncEngine,
    raw: bytes | None,
    *,
    reason: str = "invalid_data",
    headers: dict[str, str] | None = None,
) -> int:
    """A record from Kafka that was set aside; answers its id."""
    async with engine.begin() as conn:
        made = await conn.execute(
            text(
                "insert into dead_letters (origin, topic, partition, position, raw, raw_bytes,"
                " headers, reason, errors) select 'kafka', 'healthsvc.events', 0, count(*), :raw,"
                " :size, cast(:headers as jsonb), :reason, cast(:errors as jsonb) from dead_letters"
                " returning id"
            ),
            {
                "raw": raw,
                "size": len(raw or b""),
                "headers": json.dumps(headers or {}),
                "reason": reason,
                "errors": json.dumps(
                    [{"pointer": "/data/score", "detail": "must be from 0 to 10"}]
                ),
            },
        )
        letter_id: int = made.scalar_one()
    return letter_id


async def fetch(engine: AsyncEngine, statement: str, **values: Any) -> list[dict[str, Any]]:
    """Rows of a query."""
    async with engine.connect() as conn:
        return [dict(row) for row in (await conn.execute(text(statement), values)).mappings()]
