"""Claims on deliveries, and what came of each try.

A delivery is claimed under a lease, in a short transaction; the POST happens outside of any; what
came of it is written only if the lease and the attempt's number are still the claimer's. A crash in
between means that it is sent again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, text

from healthsvc.core.delivery_slots import NEW, Allowance, Opening, Pool
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.delivery.deliveries import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that is ours until `lease_until`: all that a try needs. `attempt` counts the tries
    made before."""

    id: int
    attempt: int
    endpoint_id: str
    failing: bool  # the endpoint's last try failed
    url: str
    secret: bytes = field(repr=False)  # sealed, as is the previous one
    previous_secret: bytes | None = field(repr=False)
    message_id: str
    type: str
    body: str
    logged_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much a claimer can take: the pools' free slots, and what each endpoint may have.

    An endpoint without an allowance gets what a new one does; a failing one a single try at a time.
    `held` are the deliveries in flight, with their endpoints: they count, and aren't claimed again
    even if their lease ended.
    """

    openings: Mapping[Pool, Opening]
    allowances: Mapping[str, Allowance]
    in_flight: Mapping[int, str]


_CLAIM: Final = text("""
    with held as (
        select id, count(*) as count from unnest(cast(:held_endpoints as text[])) as h (id)
            group by id
    ), known as (
        select * from unnest(
            cast(:known_ids as text[]), cast(:windows as int[]), cast(:proven as boolean[]),
            cast(:turns as bigint[])
        ) as k (id, tries, proven, turn)
    ), pools as (
        select * from unnest(cast(:pools as text[]), cast(:free as int[]), cast(:spacings as int[]))
            as p (pool, free, spacing)
    ), ready as materialized (
        select e.id, k.turn, coalesce(h.count, 0) as held,
            case when e.failing_since is not null then 'failing' when k.proven then 'proven'
                else 'probation' end as pool,
            case when e.failing_since is not null then 1 else coalesce(k.tries,
                :new_window) end as tries
        from endpoints e left join held h on h.id = e.id left join known k on k.id = e.id
        where e.state = 'enabled' and (e.paused_until is null or e.paused_until <= :now)
    ), due as materialized (
        select d.id, r.pool, r.turn, r.held + d.place as nth
        from ready r cross join lateral (
            select id, row_number() over (order by due_at, id) as place from (
                select id, due_at from deliveries
                where endpoint_id = r.id and state = 'pending' and due_at <= :now
                    and (lease_until is null or lease_until <= :now)
                    and id <> all(cast(:held_ids as bigint[]))
                order by due_at, id limit greatest(r.tries - r.held, 0)
            ) oldest
        ) d
    ), queued as materialized (
        select id, nth, pool,
            row_number() over (partition by pool order by nth, turn nulls first, id) - 1 as ahead
        from due
    ), chosen as materialized (
        select q.id from queued q join pools p on p.pool = q.pool
        where p.free - q.ahead >= case when q.nth = 1 then 1 else q.nth * p.spacing end
    ), taken as materialized (
        select id from deliveries
        where id in (select id from chosen) and state = 'pending'
            and (lease_until is null or lease_until <= :now)
        for update skip locked
    ), leased as (
        update deliveries d set lease_owner = :worker, lease_until = :lease_until
        from taken t where d.id = t.id
        returning d.id, d.attempt, d.endpoint_id, d.message_id
    )
    select set_config('synchronous_commit', 'off', true) as quick, l.id,
        l.attempt, l.endpoint_id, e.failing_since is not null as failing, e.url, e.secret,
        case when e.previous_until > :now then e.previous_secret end as previous_secret,
        l.message_id, m.type, m.body, m.logged_at, c.chosen
    from (select count(*) as chosen from chosen) c
    left join leased l on true
    left join messages m on m.id = l.message_id left join endpoints e on e.id = l.endpoint_id
    order by l.id
""")


async def claim(
    conn: AsyncConnection, room: Room, *, worker: str, now: datetime, lease_until: datetime
) -> tuple[list[Claimed], bool]:
    """Lease what is due, an endpoint's oldest first; also whether more may be due that another
    claimer was just taking.

    Looks at each enabled endpoint's own queue, so a dead one's backlog costs nothing. Within a
    pool, first tries go before second ones, then endpoints take turns; how many a pool takes is
    `Opening.admits`, in SQL. The commit doesn't wait for the disk: a lease that is lost in a crash
    means that the delivery is claimed again, as it would be anyway.
    """
    rows = await conn.execute(
        _CLAIM,
        {**_room(room), "worker": worker, "now": now, "lease_until": lease_until},
    )
    claimed_rows = rows.mappings().all()
    claimed = [_claimed(row) for row in claimed_rows if row["id"] is not None]
    return claimed, len(claimed) < claimed_rows[0]["chosen"]


def _room(room: Room) -> dict[str, Any]:
    allowances, openings = room.allowances.values(), room.openings.values()
    return {
        "held_ids": list(room.in_flight),
        "held_endpoints": list(room.in_flight.values()),
        "known_ids": list(room.allowances),
        "windows": [each.window for each in allowances],
        "proven": [each.proven for each in allowances],
        "turns": [each.turn for each in allowances],
        "new_window": NEW.window,
        "pools": [pool.value for pool in room.openings],
        "free": [opening.free for opening in openings],
        "spacings": [opening.spacing for opening in openings],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of one try, to be written: `attempt` is its number, from 1; `due_at` the next,
    while pending."""

    delivery_id: int
    attempt: int
    started_at: datetime
    seconds: float
    status: int | None
    outcome: str
    response: str
    state: State
    due_at: datetime | None
    finished_at: datetime | None


_RECORD: Final = text("""
    with tried as materialized (
        select * from unnest(
            cast(:ids as bigint[]), cast(:attempts as int[]), cast(:started as timestamptz[]),
            cast(:seconds as float8[]), cast(:statuses as int[]), cast(:outcomes as text[]),
            cast(:responses as text[]), cast(:states as text[]), cast(:due as timestamptz[]),
            cast(:finished as timestamptz[])
        ) as t (id, attempt, started_at, seconds, status, outcome, response, state, due_at,
            finished_at)
    ), kept as (
        update deliveries d set attempt = t.attempt, state = t.state, due_at = coalesce(t.due_at,
            d.due_at),
            finished_at = t.finished_at, lease_owner = null, lease_until = null
        from tried t
        where d.id = t.id and d.lease_owner = :worker and d.attempt = t.attempt - 1
            and d.state = 'pending'
        returning d.id
    ), noted as (
        insert into attempts (delivery_id, attempt, started_at, seconds, status, outcome, response)
        select id, attempt, started_at, seconds, status, outcome, response from tried
            join kept using (id)
    )
    select id from kept
""")


async def record(conn: AsyncConnection, worker: str, tried: Sequence[Tried]) -> set[int]:
    """Write tries whose delivery is still leased to `worker` at that attempt; answers the ids of
    those deliveries."""
    rows = await conn.execute(
        _RECORD,
        {"worker": worker, **_columns(tried)},
    )
    return set(rows.scalars())


def _columns(tried: Sequence[Tried]) -> dict[str, list[Any]]:
    return {
        "ids": [each.delivery_id for each in tried],
        "attempts": [each.attempt for each in tried],
        "started": [each.started_at for each in tried],
        "seconds": [each.seconds for each in tried],
        "statuses": [each.status for each in tried],
        "outcomes": [each.outcome for each in tried],
        "responses": [each.response for each in tried],
        "states": [each.state for each in tried],
        "due": [each.due_at for each in tried],
        "finished": [each.finished_at for each in tried],
    }


def _claimed(row: RowMapping) -> Claimed:
    return Claimed(
        **{name: value for name, value in row.items() if name not in ("quick", "chosen")}
    )
