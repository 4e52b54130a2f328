"""The outbox in the database: fan-out, claims under leases, records by compare-and-set."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import event, text

from healthsvc.core.delivery import Health
from healthsvc.core.delivery_slots import Allowance, Opening, Pool
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.keyset import Place
from healthsvc.store.database.listen import Listener
from healthsvc.store.delivery import claims, deliveries, endpoints, outbox
from healthsvc.store.delivery.claims import Claimed, Room, Tried
from tests.store.delivery.outbox import START_AT, enqueue, make_endpoint, make_message, rows, states
from tests.support.waiting import PATIENCE_SECONDS

LEASE = timedelta(seconds=30)
CLAIMABLE = (Pool.PROVEN, Pool.PROBATION, Pool.FAILING)


def make_room(
    *,
    free: int = 100,
    spacing: int = 1,
    windows: Mapping[str, int] | None = None,
    turns: Mapping[str, int] | None = None,
    in_flight: Mapping[int, str] | None = None,
    openings: Mapping[Pool, Opening] | None = None,
) -> Room:
    """Room for proven endpoints with these windows, and for others in pools as large."""
    return Room(
        openings=openings or dict.fromkeys(CLAIMABLE, Opening(free, spacing)),
        allowances={
            id: Allowance(size, True, (turns or {}).get(id, 0))
            for id, size in (windows or {}).items()
        },
        in_flight=in_flight or {},
    )


async def claim(
    engine: AsyncEngine, room: Room | None = None, *, worker: str = "w1", now: datetime = START_AT
) -> list[Claimed]:
    async with engine.begin() as conn:
        if room is None:
            ids = (await conn.execute(text("select id from endpoints"))).scalars()
            room = make_room(windows=dict.fromkeys(ids, 100))
        return (await claims.claim(conn, room, worker=worker, now=now, lease_until=now + LEASE))[0]


def tried(
    claimed: Claimed, state: deliveries.State = "delivered", due_at: datetime | None = None
) -> Tried:
    return Tried(
        delivery_id=claimed.id,
        attempt=claimed.attempt + 1,
        started_at=START_AT,
        seconds=0.1,
        status=200,
        outcome="delivered",
        response="ok",
        state=state,
        due_at=due_at,
        finished_at=None if state == "pending" else START_AT,
    )


async def record(engine: AsyncEngine, *done: Tried, worker: str = "w1") -> set[int]:
    async with engine.begin() as conn:
        return await claims.record(conn, worker, done)


# --------------------------------------------------------------------------------------- enqueueing


async def test_a_message_goes_to_the_enabled_endpoints_that_want_its_type(
    engine: AsyncEngine,
) -> None:
    everything = await make_endpoint(engine)
    alerts = await make_endpoint(engine, types=["alert.raised", "alert.resolved"])
    bands = await make_endpoint(engine, types=["customer.band.changed"])
    off = await make_endpoint(engine)
    async with engine.begin() as conn:
        await endpoints.disable(conn, off.id, "gone")

    made = await enqueue(
        engine, make_message("alert.raised"), make_message("customer.band.changed")
    )

    assert made == 4
    found = {
        each.id: len(await states(engine, each.id)) for each in (everything, alerts, bands, off)
    }
    assert found == {everything.id: 2, alerts.id: 1, bands.id: 1, off.id: 0}


async def test_without_endpoints_messages_are_kept(engine: AsyncEngine) -> None:
    assert await enqueue(engine, make_message(), make_message()) == 0

    assert len(await rows(engine, "select * from messages")) == 2


async def test_no_messages_are_no_work(engine: AsyncEngine) -> None:
    assert await enqueue(engine) == 0


async def test_a_message_enqueued_again_is_not_delivered_again(engine: AsyncEngine) -> None:
    endpoint, message = await make_endpoint(engine), make_message()

    await enqueue(engine, message)
    await enqueue(engine, message, make_message())

    assert await states(engine, endpoint.id) == ["pending", "pending"]


async def test_an_endpoint_can_be_left_out(engine: AsyncEngine) -> None:
    one, other = await make_endpoint(engine), await make_endpoint(engine)

    await enqueue(engine, make_message(not_to=(one.id,)))

    assert (await states(engine, one.id), await states(engine, other.id)) == ([], ["pending"])


async def test_a_message_can_go_to_one_endpoint_alone_whatever_it_wants(
    engine: AsyncEngine,
) -> None:
    one, other = await make_endpoint(engine, types=["alert.raised"]), await make_endpoint(engine)

    async with engine.begin() as conn:
        assert await outbox.enqueue_to(conn, make_message("test.sent"), one.id)
        assert not await outbox.enqueue_to(conn, make_message("test.sent"), "ep_none")

    assert (await states(engine, one.id), await states(engine, other.id)) == (["pending"], [])
    assert len(await rows(engine, "select * from messages")) == 1


async def test_deliveries_wake_listeners_at_commit(engine: AsyncEngine, database_url: str) -> None:
    await make_endpoint(engine)
    async with Listener(database_url) as listener:
        await listener.wait({outbox.CHANNEL}, PATIENCE_SECONDS)
        assert not await listener.wait({outbox.CHANNEL}, 0.05)
        await enqueue(engine, make_message())

        assert await listener.wait({outbox.CHANNEL}, PATIENCE_SECONDS)


async def test_an_endpoint_deleted_meanwhile_cant_fail_an_enqueue(engine: AsyncEngine) -> None:
    endpoint = await make_endpoint(engine)

    async with engine.begin() as conn:
        await outbox.enqueue(conn, [make_message()])

        async def delete() -> bool:
            async with engine.begin() as other:
                return await endpoints.delete(other, endpoint.id)

        deleting = asyncio.create_task(delete())
        await asyncio.sleep(0.1)
        assert not deleting.done()
    assert await deleting


async def test_thousands_of_messages_take_one_round_trip(engine: AsyncEngine) -> None:
    await make_endpoint(engine)
    await make_endpoint(engine)
    messages = [make_message() for _ in range(5000)]
    statements: list[str] = []
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, sql, *_: statements.append(sql),
    )

    assert await enqueue(engine, *messages) == 10_000

    assert len(statements) == 1


# ----------------------------------------------------------------------------------------- claiming


async def test_a_claim_has_all_that_a_try_needs(engine: AsyncEngine) -> None:
    endpoint = await make_endpoint(engine, "https://hooks.example.com/")
    message = make_message(logged_at=START_AT)
    await enqueue(engine, message)

    (claimed,) = await claim(engine)

    assert (claimed.endpoint_id, claimed.url, claimed.attempt) == (
        endpoint.id,
        "https://hooks.example.com/",
        0,
    )
    assert (claimed.message_id, claimed.body, claimed.logged_at) == (
        message.id,
        message.body,
        START_AT,
    )
    assert claimed.previous_secret is None
    assert not claimed.failing


async def test_what_is_leased_isnt_claimed_until_the_lease_ends(engine: AsyncEngine) -> None:
    await make_endpoint(engine)
    await enqueue(engine, make_message())

    (first,) = await claim(engine, worker="w1")

    assert await claim(engine, worker="w2", now=START_AT + LEASE - timedelta(seconds=1)) == []
    (second,) = await claim(engine, worker="w2", now=START_AT + LEASE)
    assert (second.id, second.message_id, second.attempt) == (
        first.id,
        first.message_id,
        first.attempt,
    )


async def test_what_is_in_flight_isnt_claimed_again_even_if_its_lease_ended(
    engine: AsyncEngine,
) -> None:
    endpoint = await make_endpoint(engine)
    await enqueue(engine, make_message())
    (first,) = await claim(engine)

    assert (
        await claim(engine, make_room(in_flight={first.id: endpoint.id}), now=START_AT + 2 * LEASE)
        == []
    )


async def test_claimers_at_once_never_share_a_delivery(engine: AsyncEngine) -> None:
    room = make_room(free=7, windows={(await make_endpoint(engine)).id: 7 for _ in range(3)})
    await enqueue(engine, *(make_message() for _ in range(100)))

    claimed: set[int] = set()

    async def work(worker: str) -> list[int]:
        mine: list[int] = []
        for _ in range(300):  # a claim that meets another gives nothing and is repeated
            mine += [each.id for each in await claim(engine, room, worker=worker)]
            claimed.update(mine)
            if len(claimed) == 300:
                break
        return mine

    found = [
        each for mine in await asyncio.gather(*(work(f"w{i}") for i in range(4))) for each in mine
    ]

    assert len(found) == len(set(found)) == 300


async def test_a_claimer_hears_that_another_was_just_taking(engine: AsyncEngine) -> None:
    await make_endpoint(engine)
    await enqueue(engine, make_message())
    room = make_room()

    async with engine.begin() as one, engine.begin() as two:
        mine, _ = await claims.claim(
            one, room, worker="w1", now=START_AT, lease_until=START_AT + LEASE
        )
        theirs, contended = await claims.claim(
            two, room, worker="w2", now=START_AT, lease_until=START_AT + LEASE
        )

    assert (len(mine), theirs, contended) == (1, [], True)


async def test_an_endpoint_gets_no_more_than_its_share_counting_what_is_in_flight(
    engine: AsyncEngine,
) -> None:
    busy, idle = await make_endpoint(engine), await make_endpoint(engine)
    await enqueue(engine, *(make_message() for _ in range(20)))

    windows, in_flight = {busy.id: 8, idle.id: 8}, dict.fromkeys(range(-5, 0), busy.id)
    claimed = await claim(engine, make_room(windows=windows, in_flight=in_flight))

    assert [each.endpoint_id for each in claimed].count(busy.id) == 3
    assert [each.endpoint_id for each in claimed].count(idle.id) == 8


async def test_a_failing_endpoint_gets_one_try_at_a_time_and_none_while_it_rests(
    engine: AsyncEngine,
) -> None:
    endpoint = await make_endpoint(engine)
    await enqueue(engine, *(make_message() for _ in range(20)))
    rests = Health(failing_since=START_AT, paused_until=START_AT + timedelta(seconds=10))
    async with engine.begin() as conn:
        await endpoints.save_health(conn, {endpoint.id: rests})

    assert await claim(engine, now=START_AT + timedelta(seconds=9)) == []
    (probe,) = await claim(engine, now=START_AT + timedelta(seconds=10))

    assert probe.failing


async def test_failing_endpoints_leave_slots_to_the_well_ones(engine: AsyncEngine) -> None:
    failing = [await make_endpoint(engine) for _ in range(5)]
    well = await make_endpoint(engine)
    await enqueue(engine, make_message())
    async with engine.begin() as conn:
        await endpoints.save_health(
            conn, {each.id: Health(failing_since=START_AT) for each in failing}
        )

    openings = {
        Pool.PROVEN: Opening(1, 1),
        Pool.PROBATION: Opening(0, 1),
        Pool.FAILING: Opening(2, 1),
    }
    claimed = await claim(engine, make_room(openings=openings, windows={well.id: 8}))

    assert [each.failing for each in claimed].count(True) == 2
    assert well.id in {each.endpoint_id for each in claimed}


async def test_a_new_endpoint_gets_one_try_at_a_time(engine: AsyncEngine) -> None:
    await make_endpoint(engine)
    await enqueue(engine, *(make_message() for _ in range(20)))

    assert len(await claim(engine, make_room())) == 1


async def test_the_fewer_slots_are_free_the_fewer_an_endpoint_may_hold(engine: AsyncEngine) -> None:
    ids = [(await make_endpoint(engine)).id for _ in range(9)]
    await enqueue(engine, *(make_message() for _ in range(8)))
    opening = Opening(free=64, spacing=4)

    claimed = await claim(engine, make_room(free=64, spacing=4, windows=dict.fromkeys(ids, 8)))

    tries = Counter[str]()
    for nth in range(1, 9):
        for endpoint_id in ids:
            taken = Opening(opening.free - tries.total(), opening.spacing)
            if taken.admits(nth) and tries[endpoint_id] == nth - 1:
                tries[endpoint_id] += 1
    assert Counter(each.endpoint_id for each in claimed) == tries
    assert len(claimed) <= 64 - 7


async def test_endpoints_take_turns(engine: AsyncEngine) -> None:
    first, second, third = [(await make_endpoint(engine)).id for _ in range(3)]
    await enqueue(engine, *(make_message() for _ in range(5)))
    room = make_room(
        free=1, windows={first: 8, second: 8, third: 8}, turns={first: 3, second: 1, third: 2}
    )

    (claimed,) = await claim(engine, room)

    assert claimed.endpoint_id == second


async def test_disabled_endpoints_get_nothing_until_they_are_switched_on(
    engine: AsyncEngine,
) -> None:
    endpoint = await make_endpoint(engine)
    await enqueue(engine, make_message())
    async with engine.begin() as conn:
        await endpoints.disable(conn, endpoint.id, "gone")
    assert await claim(engine) == []

    async with engine.begin() as conn:
        await endpoints.enable(conn, endpoint.id)

    assert len(await claim(engine)) == 1


async def test_a_previous_secret_signs_until_its_time_is_over(engine: AsyncEngine) -> None:
    endpoint = await make_endpoint(engine)
    await enqueue(engine, make_message())
    async with engine.begin() as conn:
        await endpoints.rotate(conn, endpoint.id, b"new", START_AT + timedelta(hours=1))

    (during,) = await claim(engine)
    (after,) = await claim(engine, now=START_AT + timedelta(hours=2))

    assert during.previous_secret is not None
    assert after.previous_secret is None


async def test_a_dead_endpoints_backlog_isnt_walked(engine: AsyncEngine) -> None:
    dead, well = await make_endpoint(engine, types=["a"]), await make_endpoint(engine, types=["b"])
    await enqueue(engine, *(make_message("a") for _ in range(20_000)))
    await enqueue(engine, make_message("b"))
    rests = Health(failing_since=START_AT, paused_until=START_AT + timedelta(days=1))
    async with engine.begin() as conn:
        await endpoints.save_health(conn, {dead.id: rests})
        await conn.execute(text("analyze deliveries"))

    room = make_room(windows={dead.id: 100, well.id: 100})
    read = (
        "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname ="
        " 'deliveries'"
    )
    async with engine.begin() as conn:
        (claimed,), _ = await claims.claim(
            conn, room, worker="w", now=START_AT, lease_until=START_AT + LEASE
        )
        looked_at = (await conn.execute(text(read))).scalar_one()

    assert claimed.endpoint_id == well.id
    assert looked_at < 100


# ---------------------------------------------------------------------------------------- recording


async def test_a_retry_waits_until_it_is_due(engine: AsyncEngine) -> None:
    await make_endpoint(engine)
    await enqueue(engine, make_message())
    (claimed,) = await claim(engine)
    due_at = START_AT + timedelta(minutes=5)

    assert await record(engine, tried(claimed, "pending", due_at)) == {claimed.id}

    assert await claim(engine, now=due_at - timedelta(seconds=1)) == []
    (again,) = await claim(engine, now=due_at)
    assert (again.id, again.attempt) == (claimed.id, 1)


async def test_a_record_counts_only_under_the_lease_and_at_the_attempt_it_was_claimed_for(
    engine: AsyncEngine,
) -> None:
    await make_endpoint(engine)
    await enqueue(engine, make_message())
    (late,) = await claim(engine, worker="w1")
    (taken,) = await claim(engine, worker="w2", now=START_AT + LEASE)

    assert await record(engine, tried(late), worker="w1") == set()
    assert await record(engine, tried(taken, "pending", START_AT), worker="w2") == {taken.id}
    assert await record(engine, tried(taken), worker="w2") == set()

    (row,) = await rows(engine, "select state, attempt from deliveries")
    assert row == {"state": "pending", "attempt": 1}
    assert len(await rows(engine, "select * from attempts")) == 1


async def test_people_see_deliveries_with_their_attempts_newest_first(engine: AsyncEngine) -> None:
    endpoint = await make_endpoint(engine)
    await enqueue(engine, make_message(id="msg_a"), make_message(id="msg_b"))
    claimed = await claim(engine)
    await record(
        engine, tried(claimed[0]), replace(tried(claimed[1], "pending", START_AT), status=None)
    )
    (again,) = await claim(engine)
    await record(engine, tried(again, "exhausted"))

    async with engine.begin() as conn:
        found = await deliveries.page(conn, endpoint.id, Place(limit=10))
        older = await deliveries.page(conn, endpoint.id, Place(limit=10, keys=(found[0].id,)))

    assert [(each.id, each.state, len(each.attempts)) for each in found] == [
        (claimed[1].id, "exhausted", 2),
        (claimed[0].id, "delivered", 1),
    ]
    assert [each.status for each in found[0].attempts] == [None, 200]
    assert found[1].due_at >= found[1].created_at
    assert older == found[1:]


async def test_a_finished_delivery_can_be_replayed_under_the_same_id(engine: AsyncEngine) -> None:
    await make_endpoint(engine)
    await enqueue(engine, make_message())
    (claimed,) = await claim(engine)
    async with engine.begin() as conn:
        assert not await deliveries.replay(conn, claimed.id)
    await record(engine, tried(claimed, "aborted"))

    async with engine.begin() as conn:
        assert await deliveries.replay(conn, claimed.id)

    (again,) = await claim(engine)
    assert (again.message_id, again.attempt) == (claimed.message_id, 1)


# -------------------------------------------------------------------------------------- age and end


async def test_the_oldest_untried_delivery_has_an_age(engine: AsyncEngine) -> None:
    await make_endpoint(engine)

    async with engine.begin() as conn:
        assert await deliveries.oldest_untried_seconds(conn) == 0
        await outbox.enqueue(conn, [make_message()])
        await conn.execute(
            text("update messages set created_at = created_at - interval '1 minute'")
        )
        assert 60 <= await deliveries.oldest_untried_seconds(conn) < 70


async def test_old_messages_go_in_chunks_with_their_deliveries_unless_somebody_waits(
    engine: AsyncEngine,
) -> None:
    await make_endpoint(engine, types=["a"])
    await enqueue(
        engine, *(make_message("b") for _ in range(5)), make_message("a", id="msg_waiting")
    )
    await rows(
        engine, "update messages set created_at = created_at - interval '31 days' returning 1"
    )
    await enqueue(engine, make_message("b", id="msg_young"))
    before = datetime.now(UTC) - timedelta(days=30)

    async with engine.begin() as conn:
        gone = [await deliveries.delete_old(conn, before, 3) for _ in range(3)]

    assert gone == [3, 2, 0]
    assert {row["id"] for row in await rows(engine, "select id from messages")} == {
        "msg_waiting",
        "msg_young",
    }
