"""A fleet that falls at once: customers' alerts of silence are held, the operator is told once,
scores say that they are stale, and all of it ends by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from healthsvc.core.instants import to_us
from healthsvc.core.outages.detect import Fall
from healthsvc.core.outages.traffic import HOUR_US, Habit, learnt, new_habit
from healthsvc.flows.alerts import outage_detection
from healthsvc.flows.customers.health import customer_health
from healthsvc.store.alerts import traffic
from healthsvc.store.customers import customer_summary
from healthsvc.store.customers.customer_summary import SortOrder, StandingFilter
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.keyset import Place
from tests.flows.spine import append, applied, installed, processing, rows, scalar
from tests.support.clock import Clock
from tests.support.makers import make_event
from tests.support.waiting import until

WEEK_US = 168 * HOUR_US


def steady(until_us: int, an_hour: float) -> Habit:
    habit = new_habit()
    for us in range(
        (until_us - 3 * WEEK_US) // HOUR_US * HOUR_US, until_us // HOUR_US * HOUR_US, HOUR_US
    ):
        habit = learnt(habit, us, an_hour)
    return habit


async def knows(engine: AsyncEngine, now: datetime, **an_hour: float) -> None:
    async with engine.begin() as conn:
        habits = {
            scope.replace("_", ":"): steady(to_us(now), rate) for scope, rate in an_hour.items()
        }
        await traffic.keep_habits(conn, habits)


async def flows(engine: AsyncEngine, begin: datetime, end: datetime, **a_minute: float) -> None:
    """Events as a worker would have counted them."""
    minutes = np.arange(to_us(begin) // 60_000_000, to_us(end) // 60_000_000).tolist()
    async with engine.begin() as conn:
        counts = {(m, s.replace("_", ":")): n for m in minutes for s, n in a_minute.items()}
        await traffic.add(conn, "test", counts)


async def reads_through(engine: AsyncEngine, clock: Clock) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("update partitions set read_through_at = :at"), {"at": clock()})


async def look(engine: AsyncEngine, clock: Clock) -> Any:
    await reads_through(engine, clock)
    return await outage_detection.look(engine, clock(), every_seconds=0.0)


async def alerts(engine: AsyncEngine) -> dict[tuple[str, str], str]:
    found = await rows(
        engine, "select coalesce(customer_id, scope) as about, kind, state from alerts"
    )
    return {(r.about, r.kind): r.state for r in found}


def used(number: int, customer: str, source: str, at: datetime) -> dict[str, Any]:
    data = {"feature": "export"}
    return make_event(
        "feature.used",
        id=f"u{number}",
        customer_id=customer,
        source=source,
        occurred_at=at.isoformat(),
        data=data,
    )


async def test_alerts_of_silence_are_held_while_their_source_has_fallen_and_told_if_they_still_hold_then(
    engine: AsyncEngine, database_url: str
) -> None:
    appender, clock = await installed(engine, 1), Clock(datetime.now(UTC))
    events = [
        used(n, c, s, clock())
        for n, (c, s) in enumerate([("web1", "web"), ("web2", "web"), ("app1", "app")] * 3)
    ]
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "insert into endpoints (id, url, event_types, secret) values ('ep',"
                " 'https://x.test', '{}', 's')"
            )
        )
    async with processing(engine, database_url, clock):
        await append(appender, events)

        async def read_all() -> bool:
            return await applied(engine) == 9

        await until(read_all)
    await knows(engine, clock() + timedelta(days=15), fleet=6000, source_web=4000, source_app=2000)

    # Fourteen days on the web tracker breaks; the day after that is when each of the three turns
    # silent.
    clock.advance(days=13, hours=23)
    await flows(
        engine, clock() - timedelta(hours=30), clock(), fleet=100, source_web=66, source_app=33
    )
    assert (await look(engine, clock)).falls == ()
    clock.advance(minutes=30)
    await flows(engine, clock() - timedelta(minutes=30), clock(), fleet=33, source_app=33)
    turn = await look(engine, clock)
    assert [fall.scope for fall in turn.falls] == ["source:web"]
    assert isinstance(turn.falls[0], Fall)

    clock.advance(hours=1)

    async def decided() -> bool:
        return await scalar(engine, "select count(*) from alerts where kind = 'silent'") == 3

    async with processing(engine, database_url, clock, worker="w2"):
        await until(decided)
        stale = await customer_health(engine, "web1", clock())
        fresh = await customer_health(engine, "app1", clock())
    assert await alerts(engine) == {
        ("source:web", "fleet_guard"): "open",
        ("web1", "silent"): "held",
        ("web2", "silent"): "held",
        ("app1", "silent"): "open",
    }
    told = "select distinct customer_id from messages where type = 'customer.risk.raised'"
    assert [r.customer_id for r in await rows(engine, told)] == ["app1"]
    assert stale is not None
    assert fresh is not None
    assert stale.stale is not None
    assert stale.stale.reason == "source:web"
    assert fresh.stale is None
    async with engine.connect() as conn:
        listed = await customer_summary.page(
            conn, StandingFilter(), SortOrder("customer_id"), Place(limit=9)
        )
    assert {s.customer_id: s.stale for s in listed} == {
        "app1": None,
        "web1": "source:web",
        "web2": "source:web",
    }

    # web2 is heard again, and positive evidence is told at once.
    page = {"url": "https://app.example.com/account/cancel"}
    back = make_event(
        id="v1", customer_id="web2", source="web", occurred_at=clock().isoformat(), data=page
    )
    async with processing(engine, database_url, clock, worker="w3"):
        await append(appender, [back])

        async def heard() -> bool:
            return ("web2", "cancel_intent") in await alerts(engine)

        await until(heard)
    assert (await alerts(engine))["web2", "cancel_intent"] == "open"
    assert (await alerts(engine))["web2", "silent"] == "resolved"

    # The tracker is mended: its guard ends, and after as long again what still holds is told.
    await flows(
        engine, clock() - timedelta(minutes=20), clock(), fleet=100, source_web=66, source_app=33
    )
    assert [end.why for end in (await look(engine, clock)).ends] == ["back"]
    assert (await alerts(engine))["source:web", "fleet_guard"] == "resolved"
    assert (await alerts(engine))["web1", "silent"] == "held"
    clock.advance(hours=2)
    await flows(
        engine, clock() - timedelta(hours=2), clock(), fleet=100, source_web=66, source_app=33
    )
    await look(engine, clock)
    assert (await alerts(engine))["web1", "silent"] == "open"


async def test_a_person_who_resolves_the_operations_alert_ends_the_holding_and_is_not_told_again(
    engine: AsyncEngine, database_url: str
) -> None:
    await installed(engine, 1)
    clock = Clock(datetime.now(UTC))
    await knows(engine, clock(), fleet=6000)
    assert [fall.scope for fall in (await look(engine, clock)).falls] == ["fleet"]
    async with engine.begin() as conn:
        await conn.execute(
            text("insert into customers (key, customer_id, partition) values (1, 'acme', 0)")
        )
        await conn.execute(
            text(
                "insert into alerts (id, customer_key, customer_id, kind, severity, state, held_by,"
                " summary, onset_at, raised_at) select 'al_1', 1, 'acme', 'silent', 'warning',"
                " 'held', id, 's', now(), now() from guards"
            )
        )
        await conn.execute(
            text(
                "update alerts set state = 'resolved', resolved_by = 'kim' where kind ="
                " 'fleet_guard'"
            )
        )

    clock.advance(minutes=1)
    assert (await look(engine, clock)).falls == ()

    assert await alerts(engine) == {
        ("fleet", "fleet_guard"): "resolved",
        ("acme", "silent"): "open",
    }


async def test_the_hours_of_a_fall_teach_nothing_and_usual_hours_do(
    engine: AsyncEngine, database_url: str
) -> None:
    await installed(engine, 1)
    clock = Clock(datetime.now(UTC).replace(minute=30))
    await look(engine, clock)
    await flows(engine, clock(), clock() + timedelta(hours=3), fleet=10, source_web=10)
    clock.advance(hours=3)
    await look(engine, clock)

    async with engine.connect() as conn:
        learned = await traffic.baselines(conn)

    assert sorted(learned) == ["fleet", "source:web"]
    assert np.count_nonzero(learned["fleet"].sums) == 2
    assert learned["fleet"].sums.sum() / learned["fleet"].weights.sum() == pytest.approx(600)

    async with engine.begin() as conn:
        await conn.execute(
            text(
                "insert into guards (scope, since, began_at, alert_id) values ('fleet', :at, :at,"
                " 'op')"
            ),
            {"at": clock()},
        )
    clock.advance(hours=3)
    await look(engine, clock)
    async with engine.connect() as conn:
        assert np.count_nonzero((await traffic.baselines(conn))["fleet"].weights) == 2
