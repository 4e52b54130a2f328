"""How many live events came, minute by minute and by scope, and the habits that were learnt of
it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import text

from healthsvc.core.arrays import Floats
from healthsvc.core.instants import from_us
from healthsvc.core.outages.traffic import MINUTE_US, Habit
from healthsvc.store.database.engine import AsyncConnection


async def add(conn: AsyncConnection, worker: str, counts: Mapping[tuple[int, str], float]) -> None:
    """Add what a worker counted since it last did, by (minute, scope); minutes since 1970."""
    if not counts:
        return
    ordered = sorted(counts)
    await conn.execute(
        text("""
            insert into traffic (minute, worker, scope, events)
            select m, :worker, s, e
            from unnest(cast(:minutes as timestamptz[]), cast(:scopes as text[]),
                cast(:events as float8[])) t(m, s, e)
            on conflict (minute, worker, scope) do update
                set events = traffic.events + excluded.events
        """),
        {
            "worker": worker,
            "minutes": [from_us(minute * MINUTE_US) for minute, _ in ordered],
            "scopes": [scope for _, scope in ordered],
            "events": [counts[key] for key in ordered],
        },
    )


async def by_minute(conn: AsyncConnection, until: datetime, minutes: int) -> dict[str, Floats]:
    """Events of each of the last minutes before `until`, the oldest first, by scope."""
    rows = await conn.execute(
        text("""
            select scope, round(extract(epoch from u.until - minute) / 60)::int as ago,
                sum(events) as events
            from traffic, (select cast(:until as timestamptz) as until) u
            where minute >= u.until - make_interval(mins => :minutes) and minute < u.until
                group by 1, 2
        """),
        {"until": until, "minutes": minutes},
    )
    counts: dict[str, Floats] = {}
    for row in rows:
        counts.setdefault(row.scope, np.zeros(minutes))[minutes - row.ago] = row.events
    return counts


async def between(conn: AsyncConnection, begin: datetime, end: datetime) -> dict[str, float]:
    """Events between two instants, by scope."""
    rows = await conn.execute(
        text(
            "select scope, sum(events) as events from traffic where minute >= :begin and minute <"
            " :end group by 1"
        ),
        {"begin": begin, "end": end},
    )
    return {row.scope: float(row.events) for row in rows}


async def forget_before(conn: AsyncConnection, instant: datetime) -> None:
    """Delete the counts of minutes before."""
    await conn.execute(text("delete from traffic where minute < :instant"), {"instant": instant})


async def baselines(conn: AsyncConnection) -> dict[str, Habit]:
    """What is known of each scope."""
    rows = await conn.execute(text("select scope, sums, weights, spread, spread_of from habits"))
    return {
        row.scope: Habit(
            sums=np.array(row.sums),
            weights=np.array(row.weights),
            spread=row.spread,
            spread_of=row.spread_of,
        )
        for row in rows
    }


async def keep_habits(conn: AsyncConnection, changed: Mapping[str, Habit]) -> None:
    """Write habits anew."""
    for scope, habit in sorted(changed.items()):
        await conn.execute(
            text("""
                insert into habits (scope, sums, weights, spread, spread_of)
                values (:scope, :sums, :weights, :spread, :spread_of)
                on conflict (scope) do update set sums = excluded.sums, weights = excluded.weights,
                    spread = excluded.spread, spread_of = excluded.spread_of
            """),
            {
                "scope": scope,
                "sums": habit.sums.tolist(),
                "weights": habit.weights.tolist(),
                "spread": habit.spread,
                "spread_of": habit.spread_of,
            },
        )


async def drop_baselines(conn: AsyncConnection, scopes: list[str] | None) -> None:
    """Begin anew with these scopes; None: with all."""
    values: dict[str, Any] = {"scopes": scopes}
    await conn.execute(
        text("delete from habits where cast(:scopes as text[]) is null or scope = any(:scopes)"),
        values,
    )
