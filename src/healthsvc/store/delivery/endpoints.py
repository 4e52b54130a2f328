"""Webhook subscribers: who gets what, under which (sealed) secrets, and how they have been
doing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import RowMapping, text

from healthsvc.core.changes.filter import LISTS, NO_FILTER, ChangeFilter
from healthsvc.core.delivery import Health
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import INSTANT, Place, newest

CREATED_DISABLED: Final = "created disabled"
SWITCHED_OFF: Final = "switched off"
"""Reasons of endpoints that somebody keeps disabled."""
State = Literal["enabled", "disabled"]

COLUMNS: Final = (
    "id, url, description, event_types, filter, state, disabled_reason, failing_since, created_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One subscriber, without its secrets. No `event_types`: it gets all."""

    id: str
    url: str
    description: str
    event_types: tuple[str, ...]
    which: ChangeFilter
    state: State
    disabled_reason: str | None
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSpec:
    """What a subscriber is to be like."""

    url: str
    event_types: Sequence[str] = ()
    description: str = ""
    which: ChangeFilter = NO_FILTER
    enabled: bool = True


async def create(
    conn: AsyncConnection, endpoint_id: str, spec: EndpointSpec, *, secret: bytes, now: datetime
) -> Endpoint:
    """Add a subscriber; it gets what is enqueued from the commit on. `secret` is sealed
    (`secrets.Vault`)."""
    inserted = await conn.execute(
        text(
            "insert into endpoints (id, url, description, event_types, filter, secret, state,"
            " disabled_reason, created_at) values (:id, :url, :description, cast(:types as"
            " text[]), cast(:filter as jsonb), :secret, :state, :reason, :now) returning"
            f" {COLUMNS}"
        ),
        {
            "id": endpoint_id,
            "url": spec.url,
            "description": spec.description,
            "types": list(dict.fromkeys(spec.event_types)),
            "filter": json.dumps(spec.which.as_data()),
            "secret": secret,
            "state": "enabled" if spec.enabled else "disabled",
            "reason": None if spec.enabled else CREATED_DISABLED,
            "now": now,
        },
    )
    return _endpoint(inserted.mappings().one())


async def page(conn: AsyncConnection, place: Place) -> list[Endpoint]:
    """Subscribers, newest first."""
    order = {"created_at": INSTANT, "id": ":k"}
    return [
        _endpoint(row)
        for row in await newest(conn, f"select {COLUMNS} from endpoints", order, {}, place)
    ]


async def get(conn: AsyncConnection, endpoint_id: str) -> Endpoint | None:
    rows = await conn.execute(
        text(f"select {COLUMNS} from endpoints where id = :id"), {"id": endpoint_id}
    )
    row = rows.mappings().first()
    return None if row is None else _endpoint(row)


async def delete(conn: AsyncConnection, endpoint_id: str) -> bool:
    """Remove a subscriber with its deliveries and attempts; False if there is none."""
    deleted = await conn.execute(text("delete from endpoints where id = :id"), {"id": endpoint_id})
    return bool(deleted.rowcount)


async def update(
    conn: AsyncConnection,
    endpoint_id: str,
    *,
    url: str | None = None,
    description: str | None = None,
    event_types: Sequence[str] | None = None,
    which: ChangeFilter | None = None,
) -> Endpoint | None:
    """Change what is given; None if there is no such subscriber. What is enqueued already goes to
    the new URL."""
    changed = await conn.execute(
        text(
            "update endpoints set url = coalesce(:url, url), description = coalesce(:description,"
            " description), event_types = coalesce(cast(:types as text[]), event_types), filter ="
            f" coalesce(cast(:filter as jsonb), filter) where id = :id returning {COLUMNS}"
        ),
        {
            "id": endpoint_id,
            "url": url,
            "description": description,
            "types": None if event_types is None else list(event_types),
            "filter": None if which is None else json.dumps(which.as_data()),
        },
    )
    row = changed.mappings().first()
    return None if row is None else _endpoint(row)


async def enable(conn: AsyncConnection, endpoint_id: str) -> bool:
    """Switch on, with a clean bill of health: what still waits for it is sent. False if there is
    none."""
    changed = await conn.execute(
        text(
            "update endpoints set state = 'enabled', disabled_reason = null, failing_since = null,"
            " failing_again_at = null, paused_until = null where id = :id"
            " returning pg_notify('healthsvc_deliveries', '')"
        ),
        {"id": endpoint_id},
    )
    return changed.first() is not None


async def disable(conn: AsyncConnection, endpoint_id: str, reason: str) -> bool:
    """Switch off: it gets nothing new, and what waits for it waits. False if there is none, or it
    is off already."""
    changed = await conn.execute(
        text(
            "update endpoints set state = 'disabled', disabled_reason = :reason, paused_until ="
            " null where id = :id and state = 'enabled'"
        ),
        {"id": endpoint_id, "reason": reason},
    )
    return bool(changed.rowcount)


async def rotate(
    conn: AsyncConnection, endpoint_id: str, secret: bytes, previous_until: datetime
) -> bool:
    """Sign with a new (sealed) secret, and with the present one too until `previous_until`. False
    if there is none."""
    changed = await conn.execute(
        text(
            "update endpoints set previous_secret = secret, previous_until = :until, secret ="
            " :secret where id = :id"
        ),
        {"id": endpoint_id, "secret": secret, "until": previous_until},
    )
    return bool(changed.rowcount)


async def lock_health(conn: AsyncConnection, endpoint_ids: Iterable[str]) -> dict[str, Health]:
    """The health of these enabled endpoints, locked until the transaction's end."""
    rows = await conn.execute(
        text(
            "select id, failing_since, failing_again_at, paused_until from endpoints where id ="
            " any(cast(:ids as text[])) and state = 'enabled' order by id for no key update"
        ),
        {"ids": sorted(endpoint_ids)},
    )
    return {
        row["id"]: Health(
            failing_since=row["failing_since"],
            failing_again_at=row["failing_again_at"],
            paused_until=row["paused_until"],
        )
        for row in rows.mappings()
    }


async def save_health(conn: AsyncConnection, healths: Mapping[str, Health]) -> None:
    """Write what `lock_health` read and the core changed."""
    await conn.execute(
        text(
            "update endpoints e set failing_since = h.since, failing_again_at = h.again,"
            " paused_until = h.paused from unnest(cast(:ids as text[]), cast(:since as"
            " timestamptz[]), cast(:again as timestamptz[]), cast(:paused as timestamptz[])) as h"
            " (id, since, again, paused) where e.id = h.id"
        ),
        {
            "ids": list(healths),
            "since": [health.failing_since for health in healths.values()],
            "again": [health.failing_again_at for health in healths.values()],
            "paused": [health.paused_until for health in healths.values()],
        },
    )


def _endpoint(row: RowMapping) -> Endpoint:
    fields: dict[str, Any] = dict(row)
    which = filter_from(fields.pop("filter"))
    return Endpoint(**{**fields, "event_types": tuple(row["event_types"]), "which": which})


def filter_from(data: Mapping[str, Any]) -> ChangeFilter:
    """A filter as it was stored, checked by then."""
    lists = {name: frozenset(values) for name, values in data.items() if name in LISTS}
    return ChangeFilter(**lists, mrr_from=data.get("mrr_from"))
