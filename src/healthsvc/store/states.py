"""Rows of customers: looked up with their home, written in bulk by the partition's owner alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from healthsvc.core.stored import Stored, StoredMany
from healthsvc.store.copying import NULL, Block, begin, block, by_index, copy, fixed, pieces
from healthsvc.store.copying import text as encoded
from healthsvc.store.engine import AsyncConnection, raw

COLUMNS = ("projection", "customer_key", "partition", "decision", "state", "profile")


@dataclass(frozen=True, slots=True)
class Rows:
    """States to be written, in COPY's binary form."""

    content: Block
    count: int


def rows(
    projection: int,
    keys: NDArray[np.int64],
    partitions: NDArray[np.int32],
    states: Sequence[memoryview],
    decisions: NDArray[np.float64],
    profiles: Mapping[int, str],
) -> Block:
    """Encode states, one entry a customer in each; profiles: by place, of those that changed, as JSON."""
    widths = np.fromiter(map(len, states), np.int64, len(states))
    decided = np.ascontiguousarray(decisions).view(f"V{decisions.shape[1] * 8}").reshape(-1)
    head = fixed(len(keys), projection, keys, partitions, decided, lead=begin(len(COLUMNS)), then=widths)
    said = [NULL] * len(keys)
    for place, profile in profiles.items():
        said[place] = encoded(profile)
    return block(pieces(head), states, said)


_SELECT = """
    select c.customer_id, c.key, c.partition, s.state, s.decision, s.profile::text
    from customers c left join states s on s.projection = $1 and s.customer_key = c.key
"""
_IDS = "customer_id = any((select string_to_array($2, e'\\n'))::text[])"
"""No id has a newline, and the driver is slow at text arrays; as a subquery the planner doesn't weigh each id."""
_MANY = """
    select string_agg(c.customer_id, e'\\n') as ids, string_agg(int8send(c.key), '') as keys,
        string_agg(int4send(c.partition), '') as partitions,
        string_agg(int4send(coalesce(octet_length(s.state), 0)), '') as widths,
        string_agg(s.state, '') as states, string_agg(s.decision, '') as decisions,
        string_agg(coalesce(s.profile::text, ''), e'\\n') as profiles
    from (
        select customer_id, key, partition, row_number() over (order by key) as n from customers where {} offset 0
    ) c left join states s on s.projection = $1 and s.customer_key = c.key group by c.n / 256
"""
"""A row of columns for each 256 customers by key: neighbours are read together, and no value grows beyond 256 kB."""


async def by_ids(conn: AsyncConnection, projection: int, customer_ids: Sequence[str]) -> list[Stored]:
    """Those of the customers that have a home, in no order."""
    driver = await raw(conn)
    return _found(await driver.fetch(f"{_SELECT} where c.{_IDS}", projection, _listed(customer_ids)))


async def by_keys(conn: AsyncConnection, projection: int, keys: Sequence[int]) -> list[Stored]:
    driver = await raw(conn)
    return _found(await driver.fetch(f"{_SELECT} where c.key = any($2::bigint[])", projection, list(keys)))


async def many_by_ids(conn: AsyncConnection, projection: int, customer_ids: Sequence[str]) -> StoredMany:
    """Those of the customers that have a home, as columns: a fraction of the cost of a row each."""
    driver = await raw(conn)
    return _columns(await driver.fetch(_MANY.format(_IDS), projection, _listed(customer_ids)))


async def many_by_keys(conn: AsyncConnection, projection: int, keys: Sequence[int]) -> StoredMany:
    driver = await raw(conn)
    return _columns(await driver.fetch(_MANY.format("key = any($2::bigint[])"), projection, list(keys)))


async def any_one(conn: AsyncConnection, projection: int) -> Stored | None:
    """Some customer that has a state in this projection."""
    driver = await raw(conn)
    found = _found(await driver.fetch(f"{_SELECT} where s.state is not null limit 1", projection))
    return found[0] if found else None


def _listed(customer_ids: Sequence[str]) -> str:
    return "\n".join([c for c in customer_ids if "\n" not in c])


def _found(rows: Sequence[Any]) -> list[Stored]:
    return list(map(Stored._make, rows))


def _columns(rows: Sequence[Any]) -> StoredMany:
    return StoredMany(
        customer_ids=[c for row in rows for c in row["ids"].split("\n")],
        keys=np.frombuffer(b"".join([row["keys"] for row in rows]), ">i8").astype(np.int64),
        partitions=np.frombuffer(b"".join([row["partitions"] for row in rows]), ">i4").astype(np.int32),
        widths=np.frombuffer(b"".join([row["widths"] for row in rows]), ">i4").astype(np.int64),
        states=b"".join([row["states"] or b"" for row in rows]),
        decisions=b"".join([row["decisions"] or b"" for row in rows]),
        profiles=[profile for row in rows for profile in row["profiles"].split("\n")],
    )


_INCOMING = text("create temporary table if not exists incoming_states (like states) on commit delete rows")
_MERGE = text("""
    update states s set state = i.state, decision = i.decision, profile = coalesce(i.profile, s.profile),
        partition = i.partition
    from incoming_states i where s.projection = i.projection and s.customer_key = i.customer_key
""")


async def write(conn: AsyncConnection, fresh: Rows | None, changed: Rows | None) -> None:
    """Insert the fresh rows, update the changed ones. A transaction must have begun."""
    if fresh is not None:
        await copy(conn, "states", COLUMNS, fresh.content)
    if changed is not None:
        await conn.execute(_INCOMING)
        await copy(conn, "incoming_states", COLUMNS, changed.content)
        await by_index(conn)
        await conn.execute(_MERGE)
