"""Pages by keyset: the rows next to a known one, so that rows which come and go neither repeat nor
skip others.

All of a list's sort columns point downwards here, and end in one that is unique.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, TextClause, text

from healthsvc.store.database.engine import AsyncConnection

Key = str | int | float | None

INSTANT = (
    "timestamptz 'epoch' + least(abs(cast(:k as bigint)), 8000000000000000) * interval '1"
    " microsecond'"
)
"""A key in microseconds since 1970 as an instant; one that was made up stays within what PostgreSQL
can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page is taken: `limit` rows behind the row with `keys` (None: from the beginning), or
    before it."""

    limit: int
    keys: tuple[Key, ...] | None = None
    backwards: bool = False


async def newest(
    conn: AsyncConnection,
    select: str,
    order: Mapping[str, str],
    where: Mapping[str, object],
    place: Place,
) -> list[RowMapping]:
    """One page of `select`, its columns in `order` descending, in the list's order whichever way it
    was read.

    `order` maps each sort column to the expression that makes a cursor's key, there called `:k`,
    comparable with it. `where` maps conditions on one parameter, there called `:v`, to its value; a
    value of None leaves the condition out. `select`, columns and conditions are ours, never the
    client's.
    """
    conditions, values = _conditions(where)
    if place.keys is not None:
        marks = [mark.replace(":k", f":k{i}") for i, mark in enumerate(order.values())]
        conditions.append(
            f"({', '.join(order)}) {'>' if place.backwards else '<'} ({', '.join(marks)})"
        )
        values |= {f"k{i}": key for i, key in enumerate(place.keys)}
    way = "asc" if place.backwards else "desc"
    statement = _statement(select, conditions, [f"{column} {way}" for column in order])
    rows = (await conn.execute(statement, values | {"limit": place.limit})).mappings().all()
    return list(reversed(rows)) if place.backwards else list(rows)


def _conditions(where: Mapping[str, object]) -> tuple[list[str], dict[str, object]]:
    filters_set = [(condition, value) for condition, value in where.items() if value is not None]
    conditions = [condition.replace(":v", f":v{i}") for i, (condition, _) in enumerate(filters_set)]
    return conditions, {f"v{i}": value for i, (_, value) in enumerate(filters_set)}


def _statement(select: str, conditions: Sequence[str], order: Sequence[str]) -> TextClause:
    where = f" where {' and '.join(conditions)}" if conditions else ""
    return text(f"{select}{where} order by {', '.join(order)} limit :limit")
