"""The identity map: which customer an id of another system stands for, and the events that wait to
learn it.

A link and the release of what waits for it exclude, by a lock, the events that begin to wait: none
is left behind.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest

LOCK: Final = 0x6C696E6B
MOST_WAITING: Final = 100_000
WAITING_DAYS: Final = 30

Name = tuple[str, str]
"""Namespace and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A link as it stands."""

    namespace: str
    external_id: str
    customer_id: str
    linked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEvent:
    """An event whose customer isn't known yet."""

    names: Sequence[Name]
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingName:
    """An id that events wait for, and how many."""

    name: str
    events: int
    since: datetime


async def customers_of(conn: AsyncConnection, names: Sequence[Name]) -> dict[Name, str]:
    """The customers of those names that are linked."""
    if not names:
        return {}
    rows = await conn.execute(
        text("""
            select namespace, external_id, customer_id from customer_links
            join unnest(cast(:namespaces as text[]), cast(:ids as text[]))
                as given(namespace, external_id) using (namespace, external_id)
        """),
        _columns(names),
    )
    return {(row.namespace, row.external_id): row.customer_id for row in rows}


async def lock_to_link(conn: AsyncConnection) -> None:
    """From here to the commit no event begins to wait."""
    await conn.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


async def lock_to_wait(conn: AsyncConnection) -> None:
    """From here to the commit no link is made."""
    await conn.execute(text("select pg_advisory_xact_lock_shared(:lock)"), {"lock": LOCK})


async def link(conn: AsyncConnection, links: Mapping[Name, str], now: datetime) -> list[Name]:
    """Make the links; the names of those that are new or stand for another customer now."""
    rows = await conn.execute(
        text("""
            insert into customer_links as l (namespace, external_id, customer_id, linked_at)
            select namespace, external_id, customer_id, :now
            from unnest(cast(:namespaces as text[]), cast(:ids as text[]),
                        cast(:customers as text[])) as g(namespace, external_id, customer_id)
            on conflict (namespace, external_id) do update
            set customer_id = excluded.customer_id, linked_at = excluded.linked_at
            where l.customer_id <> excluded.customer_id
            returning namespace, external_id
        """),
        _columns(list(links)) | {"customers": list(links.values()), "now": now},
    )
    return [(row.namespace, row.external_id) for row in rows]


async def unlink(conn: AsyncConnection, name: Name) -> bool:
    """End a link; False if there is none. What it brought in stays."""
    result = await conn.execute(
        text("delete from customer_links where namespace = :namespace and external_id = :id"),
        {"namespace": name[0], "id": name[1]},
    )
    return bool(result.rowcount)


async def room_to_wait(conn: AsyncConnection, now: datetime) -> int:
    """How many more events may wait, once those that waited too long are gone."""
    await conn.execute(
        text("""
            delete from waiting_events
            where received_at < cast(:now as timestamptz) - make_interval(days => :days)
        """),
        {"now": now, "days": WAITING_DAYS},
    )
    waiting: int = await conn.scalar(text("select count(*) from waiting_events"))
    return max(MOST_WAITING - waiting, 0)


async def wait(
    conn: AsyncConnection, source: str, events: Sequence[WaitingEvent], now: datetime
) -> None:
    """Keep events until their customer is known."""
    await conn.execute(
        text("""
            insert into waiting_events (source, names, event, received_at)
            select :source, array(select jsonb_array_elements_text(g.item -> 'names')),
                   g.item -> 'event', :now
            from jsonb_array_elements(cast(:items as jsonb)) as g(item)
        """),
        {
            "source": source,
            "now": now,
            "items": json.dumps(
                [
                    {"names": [_joined(n) for n in event.names], "event": dict(event.fields)}
                    for event in events
                ]
            ),
        },
    )


async def release(conn: AsyncConnection, names: Sequence[Name]) -> list[tuple[list[str], dict]]:  # type: ignore[type-arg]  # JSON
    """The events that waited for one of these names, in the order in which they came; they wait no
    longer."""
    rows = await conn.execute(
        text("""
            with released as (
                delete from waiting_events where names && cast(:names as text[])
                returning id, names, event
            ) select names, event from released order by id
        """),
        {"names": [_joined(name) for name in names]},
    )
    return [(row.names, row.event) for row in rows]


async def links_page(conn: AsyncConnection, customer_id: str | None, place: Place) -> list[LinkRow]:
    """Links by namespace and id, the last one first."""
    rows = await newest(
        conn,
        "select namespace, external_id, customer_id, linked_at from customer_links",
        {"namespace": ":k", "external_id": ":k"},
        {"customer_id = :v": customer_id},
        place,
    )
    return [LinkRow(**row) for row in rows]


async def waiting_names(conn: AsyncConnection, limit: int) -> list[WaitingName]:
    """The names that most events wait for."""
    rows = await conn.execute(
        text("""
            select name, count(*) as events, min(received_at) as since
            from waiting_events, unnest(names) as name
            group by name order by events desc, name limit :limit
        """),
        {"limit": limit},
    )
    return [WaitingName(**row) for row in rows.mappings()]


async def waiting_count(conn: AsyncConnection) -> int:
    """How many events wait."""
    count: int = await conn.scalar(text("select count(*) from waiting_events"))
    return count


def _columns(names: Sequence[Name]) -> dict[str, list[str]]:
    return {"namespaces": [name[0] for name in names], "ids": [name[1] for name in names]}


def _joined(name: Name) -> str:
    return f"{name[0]}:{name[1]}"
