"""Links of other systems' ids to customers, and the events that enter with them.

A link is an event of the log itself; what waited for it is appended in the same transaction, each
event at its own time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from healthsvc.core.errors import InvalidInput
from healthsvc.core.events import CUSTOMER_LINKED
from healthsvc.core.instants import to_us
from healthsvc.flows.intake.append import Entry, Position, append_within
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.sources import identity
from healthsvc.store.sources.identity import Name
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.sources.consumer_domains import is_consumer_domain

EMAIL_DOMAIN: Final = "email_domain"


class ConsumerDomain(InvalidInput, ValueError):
    """Anybody may have an e-mail address there: the domain can't stand for a customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedEvents:
    """What a link brought into the log."""

    is_new: bool
    released: int
    positions: Sequence[Position]


async def link_within(
    conn: AsyncConnection, links: Mapping[Name, str], source: str, now: datetime
) -> list[Entry]:
    """Make links in the caller's transaction; the entries that are to be appended at its end: the
    links themselves, then what waited for them."""
    usable = {name: to for name, to in links.items() if not _is_consumers(name)}
    if not usable or await _are_made(conn, usable):
        return []
    await identity.lock_to_link(conn)
    changed = await identity.link(conn, usable, now)
    events = [_linked(name, usable[name], source, now) for name in changed]
    for names, fields in await identity.release(conn, changed):
        first = next(name for name in map(_split, names) if name in usable)
        events.append(msgspec.json.encode(fields | {"customer_id": usable[first]}))
    batch = decode_batch(events, now_us=to_us(now), is_intake=True)
    return [
        (event.customer_id, raw.decode())
        for event, raw in zip(batch.events, batch.raws, strict=True)
    ]


async def link_by_hand(
    engine: AsyncEngine, name: Name, customer_id: str, now: datetime, partitions: int
) -> LinkedEvents:
    """Link an id to a customer. Raises ConsumerDomain."""
    if _is_consumers(name):
        raise ConsumerDomain
    async with engine.begin() as conn:
        entries = await link_within(conn, {name: customer_id}, "healthsvc", now)
        positions = await append_within(conn, entries, partitions=partitions)
    return LinkedEvents(
        is_new=bool(entries), released=max(len(entries) - 1, 0), positions=positions
    )


def _is_consumers(name: Name) -> bool:
    return name[0] == EMAIL_DOMAIN and is_consumer_domain(name[1].lower())


async def _are_made(conn: AsyncConnection, links: Mapping[Name, str]) -> bool:
    return await identity.customers_of(conn, list(links)) == dict(links)


def _split(name: str) -> Name:
    namespace, _, external_id = name.partition(":")
    return namespace, external_id


def _linked(name: Name, customer_id: str, source: str, now: datetime) -> bytes:
    event: dict[str, Any] = {
        "id": f"link:{to_us(now)}:{name[0]}:{name[1]}"[:200],
        "source": source,
        "type": CUSTOMER_LINKED.name,
        "customer_id": customer_id,
        "occurred_at": now.isoformat(),
        "data": {"namespace": name[0], "external_id": name[1]},
    }
    return msgspec.json.encode(event)
