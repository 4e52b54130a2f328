"""Customers and their homes: which partition a customer lives in is claimed at first sight, and
never changes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


class CustomerHome(NamedTuple):
    key: int
    partition: int


_FIND = text("""
    select customer_id, key, partition from customers where customer_id = any(string_to_array(:ids,
        e'\\n'))
""")

# Sorted, so that two claimers of the same unseen customers wait for each other in one direction
# only.
_CLAIM = text("""
    insert into customers (customer_id, partition)
    select customer_id, partition
    from unnest(string_to_array(:ids, e'\\n'),
        cast(:partitions as integer[])) as wanted(customer_id, partition)
    order by customer_id
    on conflict (customer_id) do nothing
    returning customer_id, key, partition
""")


async def find(conn: AsyncConnection, customer_ids: Iterable[str]) -> dict[str, CustomerHome]:
    """Return the homes of those customers that are known."""
    rows = await conn.execute(_FIND, {"ids": "\n".join(customer_ids)})
    return {customer_id: CustomerHome(key, partition) for customer_id, key, partition in rows}


async def claim(
    conn: AsyncConnection, customers: Sequence[tuple[str, int]], *, all_unseen: bool = False
) -> dict[str, CustomerHome]:
    """Return the homes of (customer_id, partition to claim if unseen), each as it stands after all
    races.

    A customer named twice is claimed for the first partition named. Known customers cost a read, no
    sequence value; looked: the caller has just looked, and found none of them. New ones stay locked
    until the end of the transaction, so claim once in a transaction. No id has a line break (the
    driver is slow at arrays of text).
    """
    claims: dict[str, int] = {}
    for customer_id, partition in customers:
        claims.setdefault(customer_id, partition)
    if not claims:
        return {}
    homes = {} if all_unseen else await find(conn, claims)
    if unseen := claims.keys() - homes.keys():
        homes |= await _insert(conn, {customer_id: claims[customer_id] for customer_id in unseen})
    if (
        claimed_by_others := claims.keys() - homes.keys()
    ):  # somebody else was first: committed by now, since our insert waited
        homes |= await find(conn, claimed_by_others)
    return homes


async def _insert(conn: AsyncConnection, claims: Mapping[str, int]) -> dict[str, CustomerHome]:
    rows = await conn.execute(
        _CLAIM, {"ids": "\n".join(claims), "partitions": list(claims.values())}
    )
    return {customer_id: CustomerHome(key, partition) for customer_id, key, partition in rows}


async def oldest(conn: AsyncConnection) -> datetime | None:
    """When the first customer was seen by this service, whatever its events are dated; None while
    there is none."""
    created_at: datetime | None = await conn.scalar(
        text("select created_at from customers order by key limit 1")
    )
    return created_at


async def about_how_many(conn: AsyncConnection) -> int:
    """The estimated number of customers, as of the last analysis of the table; 0 before the
    first."""
    estimate = await conn.scalar(
        text("select reltuples::bigint from pg_class where oid = 'customers'::regclass")
    )
    return max(0, int(estimate or 0))
