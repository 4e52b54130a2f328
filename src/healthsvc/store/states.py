"""Rows of customers: looked up with their home, written in bulk by the partition's owner alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from healthsvc.core.states import Stored
from healthsvc.store.copying import NULL, begin, block, copy, fixed, jsonb, pieces
from healthsvc.store.engine import AsyncConnection, raw

COLUMNS = ("projection", "customer_key", "partition", "decision", "state", "profile")


@dataclass(frozen=True, slots=True)
class Rows:
    """States to be written, in COPY's binary form."""

    content: bytes
    count: int


def rows(
    projection: int,
    keys: NDArray[np.int64],
    partitions: NDArray[np.int32],
    states: Sequence[bytes],
    decisions: NDArray[np.float64],
    profiles: Mapping[int, str],
) -> Rows:
    """Encode states, one entry a customer in each; profiles: by place, of those that changed, as JSON."""
    widths = np.fromiter(map(len, states), np.int64, len(states))
    decided = np.ascontiguousarray(decisions).view(f"V{decisions.shape[1] * 8}").reshape(-1)
    head = fixed(len(keys), projection, keys, partitions, decided, lead=begin(len(COLUMNS)), then=widths)
    said = [NULL] * len(keys)
    for place, profile in profiles.items():
        said[place] = jsonb(profile)
    return Rows(block(pieces(head), states, said), len(keys))


_SELECT = """
    select c.customer_id, c.key, c.partition, s.state, s.decision, s.profile::text
    from customers c left join states s on s.projection = $1 and s.customer_key = c.key
"""


async def by_ids(conn: AsyncConnection, projection: int, customer_ids: Sequence[str]) -> list[Stored]:
    """Those of the customers that have a home, in no order."""
    driver = await raw(conn)
    listed = "\n".join([c for c in customer_ids if "\n" not in c])  # no id has one; the driver is slow at text arrays
    return _found(
        await driver.fetch(f"{_SELECT} where c.customer_id = any(string_to_array($2, e'\\n'))", projection, listed)
    )


async def by_keys(conn: AsyncConnection, projection: int, keys: Sequence[int]) -> list[Stored]:
    driver = await raw(conn)
    return _found(await driver.fetch(f"{_SELECT} where c.key = any($2::bigint[])", projection, list(keys)))


async def any_one(conn: AsyncConnection, projection: int) -> Stored | None:
    """Some customer that has a state in this projection."""
    driver = await raw(conn)
    found = _found(await driver.fetch(f"{_SELECT} where s.state is not null limit 1", projection))
    return found[0] if found else None


def _found(rows: Sequence[Any]) -> list[Stored]:
    return list(map(Stored._make, rows))


_INCOMING = text("create temporary table if not exists incoming_states (like states) on commit delete rows")
_BY_INDEX = text("""
    select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
""")
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
        await conn.execute(_BY_INDEX)  # else a large flush is planned as a join with all states there are
        await conn.execute(_MERGE)
