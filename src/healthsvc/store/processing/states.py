"""Rows of customers: looked up with their home, written in bulk by the partition's owner alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from healthsvc.core.folding.decision_state import UNDECIDED_ROW
from healthsvc.core.folding.stored import Stored, StoredMany
from healthsvc.store.database.copying import (
    NULL,
    Block,
    begin,
    block,
    by_index,
    copy,
    fixed,
    pieces,
)
from healthsvc.store.database.copying import text as encoded
from healthsvc.store.database.engine import AsyncConnection, raw

COLUMNS = ("projection", "customer_key", "partition", "decision", "state", "profile")
CHANGED = ("tid", *COLUMNS)


@dataclass(frozen=True, slots=True)
class StateRows:
    """States to be written, in COPY's binary form: fresh ones, or changed ones with their tids."""

    content: Block
    count: int
    known_tids: int = 0
    """How many of them say where the state is now."""


def rows(
    projection: int,
    keys: NDArray[np.int64],
    partitions: NDArray[np.int32],
    states: Sequence[memoryview | bytes],
    decisions: NDArray[np.float64],
    profiles: Mapping[int, str],
    tids: NDArray[np.int64] | None,
) -> Block:
    """Encode states, one entry a customer in each; profiles: by place, of those that changed, as
    JSON; tids: of states that the table has already, 0 where they aren't known."""
    widths = np.fromiter(map(len, states), np.int64, len(states))
    decided = np.ascontiguousarray(decisions).view(f"V{decisions.shape[1] * 8}").reshape(-1)
    columns = (projection, keys, partitions, decided)
    if tids is None:
        head = fixed(len(keys), *columns, lead=begin(len(COLUMNS)), then=widths)
    else:
        head = fixed(len(keys), _tid_bytes(tids), *columns, lead=begin(len(CHANGED)), then=widths)
    encoded_profiles = [NULL] * len(keys)
    for place, profile in profiles.items():
        encoded_profiles[place] = encoded(profile)
    return block(pieces(head), states, encoded_profiles)


_SELECT = """
    select c.customer_id, c.key, c.partition, s.state, s.decision, s.profile::text
    from customers c left join states s on s.projection = $1 and s.customer_key = c.key
"""
_IDS = "customer_id = any((select string_to_array($2, e'\\n'))::text[])"
"""No id has a newline, and the driver is slow at text arrays; as a subquery the planner doesn't
weigh each id."""
_MANY = """
    select c.ids, c.keys, c.partitions, found.*
    from (
        select string_agg(customer_id, e'\\n' order by key) as ids,
            string_agg(int8send(key), '' order by key) as keys,
            string_agg(int4send(partition), '' order by key) as partitions,
            array_agg(key order by key) as members
        from (
            select customer_id, key, partition, row_number() over (order by key) as n
            from customers where {} offset 0
        ) wanted group by n / 256
    ) c, lateral (
        select string_agg(int8send(s.customer_key), '') as there,
            string_agg(tidsend(s.ctid), '') as tids,
            string_agg(int4send(octet_length(s.state)), '') as widths,
            string_agg(s.state, '') as states,
            string_agg(
                s.decision || substring($3::bytea from octet_length(s.decision) + 1), ''
            ) as decisions,
            string_agg(coalesce(s.profile::text, ''), e'\\n') as profiles
        from states s where s.projection = $1 and s.customer_key = any(c.members)
    ) found
"""
"""A row of columns for each 256 customers by key: neighbours are read together, no state is put
down on the way, and no value grows beyond 256 kB. A decision of an earlier version is completed."""


async def by_ids(
    conn: AsyncConnection, projection: int, customer_ids: Sequence[str]
) -> list[Stored]:
    """Those of the customers that have a home, in no order."""
    driver = await raw(conn)
    return _stored(
        await driver.fetch(f"{_SELECT} where c.{_IDS}", projection, _listed(customer_ids))
    )


async def by_keys(conn: AsyncConnection, projection: int, keys: Sequence[int]) -> list[Stored]:
    driver = await raw(conn)
    return _stored(
        await driver.fetch(f"{_SELECT} where c.key = any($2::bigint[])", projection, list(keys))
    )


async def many_by_ids(
    conn: AsyncConnection, projection: int, customer_ids: Sequence[str]
) -> StoredMany:
    """Those of the customers that have a home, as columns: a fraction of the cost of a row each."""
    driver = await raw(conn)
    return _columns(
        await driver.fetch(_MANY.format(_IDS), projection, _listed(customer_ids), UNDECIDED_ROW)
    )


async def many_by_keys(conn: AsyncConnection, projection: int, keys: Sequence[int]) -> StoredMany:
    driver = await raw(conn)
    return _columns(
        await driver.fetch(
            _MANY.format("key = any($2::bigint[])"), projection, list(keys), UNDECIDED_ROW
        )
    )


async def any_one(conn: AsyncConnection, projection: int) -> Stored | None:
    """Some customer that has a state in this projection."""
    driver = await raw(conn)
    matches = _stored(
        await driver.fetch(f"{_SELECT} where s.state is not null limit 1", projection)
    )
    return matches[0] if matches else None


def _listed(customer_ids: Sequence[str]) -> str:
    return "\n".join([c for c in customer_ids if "\n" not in c])


def _stored(rows: Sequence[Any]) -> list[Stored]:
    return list(map(Stored._make, rows))


def _columns(rows: Sequence[Any]) -> StoredMany:
    """Those that have a state first, in the order in which the states came."""
    ids = [c for row in rows for c in row["ids"].split("\n")]
    keys, there, partitions = (
        _numbers(rows, "keys", ">i8"),
        _numbers(rows, "there", ">i8"),
        _numbers(rows, "partitions"),
    )
    order = _found_first(keys, there)
    missing = len(keys) - len(there)
    return StoredMany(
        customer_ids=ids if order is None else [ids[i] for i in order.tolist()],
        keys=keys if order is None else keys[order],
        partitions=(partitions if order is None else partitions[order]).astype(np.int32),
        widths=np.append(_numbers(rows, "widths"), np.zeros(missing, np.int64)),
        states=_joined(rows, "states"),
        decisions=_joined(rows, "decisions"),
        profiles=[
            profile for row in rows if row["there"] for profile in row["profiles"].split("\n")
        ]
        + [""] * missing,
        tids=np.append(_received(_joined(rows, "tids")), np.zeros(missing, np.int64)),
    )


def _found_first(keys: NDArray[np.int64], there: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Where the keys that are `there` stand among all of them, and then where the others do; None:
    as they are."""
    if np.array_equal(keys, there):
        return None
    by_key = np.argsort(keys)
    at = by_key[np.searchsorted(keys[by_key], there)]
    others = np.ones(len(keys), bool)
    others[at] = False
    return np.concatenate([at, np.flatnonzero(others)])


def _joined(rows: Sequence[Any], column: str) -> bytes:
    return b"".join([row[column] or b"" for row in rows])


def _numbers(rows: Sequence[Any], column: str, kind: str = ">i4") -> NDArray[np.int64]:
    return np.frombuffer(_joined(rows, column), kind).astype(np.int64)


def _received(tids: bytes) -> NDArray[np.int64]:
    """PostgreSQL's tids (block, line; six bytes each) as numbers."""
    wide = np.zeros((len(tids) // 6, 8), np.uint8)
    wide[:, 2:] = np.frombuffer(tids, np.uint8).reshape(-1, 6)
    return wide.view(">i8").reshape(-1).astype(np.int64)


def _tid_bytes(tids: NDArray[np.int64]) -> NDArray[np.void]:
    wide = tids.astype(">i8").view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(wide[:, 2:]).view("V6").reshape(-1)


_INCOMING = text(
    "create temporary table if not exists incoming_states (like states, tid tid) on commit delete"
    " rows"
)
_MERGE = """
    update states s set state = i.state, decision = i.decision, profile = coalesce(i.profile,
        s.profile),
        partition = i.partition
    from incoming_states i where
"""
_BY_KEY = text(f"{_MERGE} s.projection = i.projection and s.customer_key = i.customer_key")
_WITHOUT_TID = text(
    f"{_MERGE} s.projection = i.projection and s.customer_key = i.customer_key and i.tid = '(0,0)'"
)
_BY_TID = text(
    f"{_MERGE} s.ctid = i.tid and s.projection + 0 = i.projection and s.customer_key + 0 ="
    " i.customer_key"
)
"""The sums keep the planner from the index, of which the tid would only be a filter."""


async def write(conn: AsyncConnection, fresh: StateRows | None, changed: StateRows | None) -> None:
    """Insert the fresh rows, update the changed ones. A transaction must have begun.

    A state whose tid is known is found without the index. Should one have been moved since it was
    read (by a VACUUM FULL, say), all are written by their keys, some of them twice: a tid is
    believed only together with the key.
    """
    if fresh is not None:
        await copy(conn, "states", COLUMNS, fresh.content)
    if changed is not None:
        await conn.execute(_INCOMING)
        await copy(conn, "incoming_states", CHANGED, changed.content)
        await by_index(conn)
        matched = (await conn.execute(_BY_TID)).rowcount if changed.known_tids else 0
        if matched < changed.known_tids:
            await conn.execute(_BY_KEY)
        elif matched < changed.count:
            await conn.execute(_WITHOUT_TID)
