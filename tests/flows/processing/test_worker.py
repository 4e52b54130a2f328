"""The spine, against a real PostgreSQL: appended events become health, alerts and webhooks to be,
once each."""

import asyncio
import itertools
import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from sqlalchemy import text

from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from healthsvc.core.instants import to_us
from healthsvc.flows.customers.explanation import explain
from healthsvc.flows.customers.health import customer_health
from healthsvc.flows.intake import dead_letters
from healthsvc.flows.processing import flush_builder
from healthsvc.flows.processing.flush import Flush, write
from healthsvc.flows.processing.flush_policy import FlushPolicy
from healthsvc.flows.processing.leases import Leases
from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.processing.owner import Owner
from healthsvc.flows.processing.ports import Chunk
from healthsvc.log.kafka.input import KafkaInput
from healthsvc.store.processing import archive
from healthsvc.store.processing.partitions import Fenced
from healthsvc.wire.scorecards.document import compile_document
from tests.flows.spine import (
    Event,
    another_database,
    append,
    applied,
    counted,
    installed,
    processing,
    reaches,
    rows,
    scalar,
    states,
    wall,
)
from tests.support.clock import Clock
from tests.support.makers import as_json, make_actor, make_event
from tests.support.waiting import PATIENCE_SECONDS, until

TOUCH = timedelta(microseconds=1)
SILENCE = timedelta(days=14)
numbers = itertools.count()


def used(customer_id: str, at: datetime, feature: str = "export") -> Event:
    data = {"feature": feature}
    return make_event(
        "feature.used",
        id=f"u{next(numbers)}",
        customer_id=customer_id,
        occurred_at=at.isoformat(),
        data=data,
    )


def viewed(customer_id: str, at: datetime, path: str) -> Event:
    data = {"url": f"https://x.test/{path}"}
    return make_event(
        "page.viewed",
        id=f"v{next(numbers)}",
        customer_id=customer_id,
        occurred_at=at.isoformat(),
        data=data,
    )


async def test_a_cancel_page_view_becomes_a_flag_an_alert_and_a_capped_score(engine, database_url):
    appender = await installed(engine)
    now = datetime.now(UTC)
    events = [used("acme", now - timedelta(hours=i)) for i in range(10)]
    events.append(viewed("acme", now, "account/cancel") | {"id": "p"})

    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(lambda: reaches(engine, "acme", 11))
        found = await customer_health(engine, "acme", datetime.now(UTC))
        explained = await explain(engine, "acme", datetime.now(UTC))

    assert found is not None
    assert explained is not None
    assert found.score == 20
    assert found.band == "critical"
    assert "cancel_intent" in found.flags
    assert abs(sum(c.points for c in explained.contributions) - explained.score) < 1e-6
    cap = next(c for c in explained.contributions if c.measure == "cap:cancel_intent")
    assert [e.id for e in cap.events] == ["p"]
    assert await rows(engine, "select kind, severity, state from alerts") == [
        ("cancel_intent", "critical", "open")
    ]


async def test_a_repeated_event_is_counted_once_also_after_a_restart(engine, database_url):
    appender = await installed(engine)
    event = make_event("feature.used", id="same", customer_id="acme", data={"feature": "export"})

    async with processing(engine, database_url, wall):
        await append(appender, [event, event])
        await until(lambda: reaches(engine, "acme", 1))
    async with processing(engine, database_url, wall, worker="w2"):
        await append(appender, [event, used("acme", wall())])
        await until(lambda: reaches(engine, "acme", 2))

    assert await counted(engine, "acme") == 2
    assert await scalar(engine, "select count(*) from archive") == 2


# Silence
# --------------------------------------------------------------------------------------------------


async def silences(engine) -> list[Any]:
    return await rows(
        engine,
        "select customer_id, onset_at, raised_at from alerts where kind = 'silent' order by"
        " customer_id",
    )


async def has_silences(engine, count: int) -> bool:
    return len(await silences(engine)) >= count


async def test_silence_is_decided_at_its_instant_and_not_before_without_any_event(
    engine, database_url
):
    appender, clock = await installed(engine), Clock(wall())
    last = clock.at - timedelta(days=1)
    async with processing(engine, database_url, clock):
        await append(appender, [used("acme", last - timedelta(hours=i)) for i in range(4)])
        await until(lambda: reaches(engine, "acme", 4))
        clock.at = last + SILENCE - TOUCH
        await asyncio.sleep(2.5)  # several reads long
        too_early = await silences(engine)
        clock.at = last + SILENCE
        await until(lambda: has_silences(engine, 1))

    assert too_early == []
    assert await silences(engine) == [("acme", last + SILENCE, last + SILENCE)]


async def test_silence_is_decided_by_a_worker_that_never_saw_the_customer(engine, database_url):
    appender, clock = await installed(engine), Clock(wall())
    last = clock.at - timedelta(days=1)
    async with processing(engine, database_url, clock):
        await append(appender, [used("acme", last - timedelta(hours=i)) for i in range(4)])
        await until(lambda: reaches(engine, "acme", 4))

    clock.at = last + SILENCE
    async with processing(engine, database_url, clock, worker="w2"):
        await until(lambda: has_silences(engine, 1))

    assert await silences(engine) == [("acme", last + SILENCE, last + SILENCE)]


async def test_silence_of_many_that_do_not_fit_into_memory_is_decided_for_each_once(
    engine, database_url
):
    appender, clock = await installed(engine), Clock(wall())
    tiny = MemoryLimits(state_bytes=0, least_customers=32)
    last = clock.at - timedelta(days=1)
    names = [f"c{i:03}" for i in range(120)]
    async with processing(engine, database_url, clock, limits=tiny):
        await append(
            appender, [used(n, last - timedelta(hours=i)) for i in range(3) for n in names]
        )
        await until(lambda: has_applied(engine, 360))
        clock.at = last + SILENCE
        await until(lambda: has_silences(engine, len(names)))

    assert [r.customer_id for r in await silences(engine)] == names


async def has_applied(engine, events: int) -> bool:
    return await applied(engine) >= events


async def test_a_backlog_after_an_outage_keeps_those_quiet_who_are_in_it(engine, database_url):
    """An hour away, thousands of records waiting, and the one event that breaks the silence among
    the last of them."""
    appender, clock = await installed(engine, partitions=1), Clock(wall())
    last = clock.at - timedelta(days=1)
    begins = last + SILENCE
    async with processing(engine, database_url, clock):
        await append(
            appender,
            [used(n, last - timedelta(hours=i)) for n in ("busy", "gone") for i in range(4)],
        )
        await until(lambda: has_applied(engine, 8))
        clock.at = begins - timedelta(minutes=30)
        await asyncio.sleep(1)

    filler = [used(f"f{i % 50}", begins - timedelta(minutes=20)) for i in range(12_000)]
    await append(appender, [*filler, used("busy", begins - timedelta(minutes=10))])
    clock.at = begins + timedelta(minutes=30)
    async with processing(engine, database_url, clock, worker="w2"):
        await until(lambda: has_silences(engine, 1))
        await until(lambda: has_applied(engine, 8 + len(filler) + 1))
        await asyncio.sleep(1.5)

    assert [(r.customer_id, r.onset_at) for r in await silences(engine)] == [("gone", begins)]


# History
# --------------------------------------------------------------------------------------------------


async def test_imported_history_raises_no_alert_and_is_decided_once(engine, database_url):
    appender, clock = await installed(engine), Clock(wall())
    chance = random.Random(7)
    names = [f"old{i}" for i in range(300)]
    paths = ["cancel", "pricing", "help", "home"]
    await rows_of_an_endpoint(engine)
    start = clock.at - timedelta(days=900)
    events = []
    for name in names:
        for _ in range(20):
            at = start + timedelta(days=chance.uniform(0, 500))
            events.append(
                viewed(name, at, chance.choice(paths)) if chance.random() < 0.3 else used(name, at)
            )
    chance.shuffle(events)

    async with processing(engine, database_url, clock):
        await append(appender, events)
        await until(lambda: has_applied(engine, len(events)))
        clock.advance(seconds=30)
        await until(lambda: decided(engine, len(names)))
        clock.advance(hours=1)
        await asyncio.sleep(1.5)

    assert await scalar(engine, "select count(*) from alerts") == 0
    assert await scalar(engine, "select count(*) from messages") == 0
    assert (
        await scalar(
            engine, "select max(n) from (select count(*) n from history group by customer_key) h"
        )
        <= 2
    )
    assert (
        await scalar(engine, "select count(*) from standings where 'cancel_intent' = any(flags)")
        > 100
    )


async def rows_of_an_endpoint(engine) -> None:
    """Somebody who would hear of everything."""
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "insert into endpoints (id, url, event_types, secret) values ('e',"
                " 'https://x.test', '{}', '')"
            )
        )


async def decided(engine, customers: int) -> bool:
    return bool(await scalar(engine, "select count(*) from standings") >= customers)


# Kafka
# --------------------------------------------------------------------------------------------------


def produce(bootstrap: str, topic: str, events: Sequence[Event | bytes], **options: Any) -> None:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True, **options}
    )
    for event in events:
        key = None if isinstance(event, bytes) else str(event["customer_id"])
        producer.produce(topic, event if isinstance(event, bytes) else as_json(event).encode(), key)
        producer.poll(0)
    assert producer.flush(PATIENCE_SECONDS) == 0


async def test_poison_among_ten_thousand_is_one_dead_letter_that_replays_after_the_fix(
    engine, database_url, kafka, kafka_topic
):
    await installed(engine)
    topic = kafka_topic(4)
    events: list[Event | bytes] = [used(f"c{i % 200}", wall()) for i in range(10_000)]
    fixed = used("c1", wall())
    poison = json.dumps(fixed).replace("export", "ex\\uZZort").encode()
    events[5_000] = poison
    source = KafkaInput(bootstrap_servers=kafka, topic=topic)
    async with processing(engine, database_url, wall, inputs=[source]):
        await asyncio.to_thread(produce, kafka, topic, events)
        await until(lambda: has_applied(engine, 9_999))
        await until(lambda: has_letters(engine, 1))
        (letter,) = await rows(
            engine, "select id, raw, raw_bytes, reason, origin, topic from dead_letters"
        )
        corrected = json.dumps(fixed).encode()
        replay = await dead_letters.replay_one(
            engine, wall(), letter.id, corrected, partitions=4, actor=make_actor("test")
        )
        await until(lambda: has_applied(engine, 10_000))

    assert bytes(letter.raw) == poison
    assert letter.raw_bytes == len(poison)
    assert letter.reason
    assert letter.origin == "kafka"
    assert [r.status for r in replay.results] == ["replayed"]
    assert await applied(engine) == 10_000


async def has_letters(engine, count: int) -> bool:
    return bool(await scalar(engine, "select count(*) from dead_letters") >= count)


def story(events: int, customers: int) -> list[Event]:
    """A log of many kinds of events."""
    chance, start = random.Random(11), wall() - timedelta(days=60)
    made = []
    for i in range(events):
        type = chance.choice(
            [
                "feature.used",
                "page.viewed",
                "survey.answered",
                "ticket.opened",
                "ticket.resolved",
                "customer.updated",
            ]
        )
        at = start + timedelta(seconds=chance.randrange(60 * 86_400))
        event = make_event(
            type,
            id=f"s{i}",
            customer_id=f"c{chance.randrange(customers)}",
            occurred_at=at.isoformat(),
        )
        made.append(event)
    return made


async def folded(
    url: str,
    engine,
    events: Sequence[Event],
    *,
    stops: Sequence[int] = (),
    kafka: tuple[str, str] | None = None,
):
    """The states after these events; `stops`: the worker is replaced after so many of them."""
    appender = await installed(engine, partitions=1)
    parts = np.split(np.arange(len(events)), stops)
    done = 0
    for n, part in enumerate(parts):
        inputs = [KafkaInput(bootstrap_servers=kafka[0], topic=kafka[1])] if kafka else []
        pace = FlushPolicy(read_records=(137, 5000, 61)[n % 3])
        async with processing(engine, url, wall, worker=f"w{n}", inputs=inputs, pace=pace):
            batch = [events[i] for i in part.tolist()]
            if kafka:
                await asyncio.to_thread(produce, *kafka, batch)
            else:
                await append(appender, batch)
            done += len(batch)
            await until(partial(has_applied, engine, done))
    return await states(engine)


async def test_restarts_and_the_log_s_input_leave_the_same_bits(
    postgres_url: str, kafka: str, kafka_topic: Callable[..., str]
):
    events = story(3_000, 60)
    async with (
        another_database(postgres_url) as (url_1, one),
        another_database(postgres_url) as (url_2, two),
        another_database(postgres_url) as (url_3, three),
        another_database(postgres_url) as (url_4, four),
    ):
        whole = await folded(url_1, one, events)
        assert await folded(url_2, two, events, stops=[400, 401, 1_700, 2_950]) == whole
        assert (
            await folded(url_3, three, events, stops=[1_234], kafka=(kafka, kafka_topic(1)))
            == whole
        )
        spread = await folded(url_4, four, events, kafka=(kafka, kafka_topic(3)))
        assert_close(spread, whole)


def assert_close(a: dict[str, tuple[bytes, Any]], b: dict[str, tuple[bytes, Any]]) -> None:
    assert a.keys() == b.keys()
    names = sorted(a)
    left, right = (unpacked([(n, s[n]) for n in names]) for s in (a, b))
    assert np.allclose(left.cells, right.cells, rtol=1e-9, atol=0)
    assert np.array_equal(left.facts, right.facts, equal_nan=True)
    assert [a[n][1] for n in names] == [b[n][1] for n in names]


def unpacked(found: list[tuple[str, tuple[bytes, Any]]]) -> States:
    table = States(compile_document("").program, len(found))
    decision = table.decisions.packed_row(0)
    table.load(
        [
            Stored(customer_id=n, key=i, partition=0, state=s, decision=decision, profile=None)
            for i, (n, (s, _)) in enumerate(found)
        ]
    )
    return table


@pytest.mark.parametrize("budget", [16 << 20, 0])
async def test_ids_are_exact_through_rotations_a_moving_partition_and_a_small_budget(
    engine, database_url, budget
):
    """Half of what comes the second time, shuffled, came before; nothing of it fits into a budget
    of nothing."""
    appender, clock = await installed(engine, partitions=2), Clock(wall())
    chance = random.Random(3)
    first = [
        used(f"c{i % 40}", clock.at - timedelta(minutes=chance.randrange(3 * 1440)))
        for i in range(1_500)
    ]
    again = [*chance.sample(first, 700), *(used(f"c{i % 40}", clock.at) for i in range(300))]
    chance.shuffle(again)
    limits = MemoryLimits(dedupe_bytes=budget)

    async with processing(engine, database_url, clock, limits=limits):
        for start in range(0, len(first), 300):
            await append(appender, first[start : start + 300])
            await until(lambda goal=start + 300: has_applied(engine, goal))
            clock.advance(minutes=16)  # a generation is over
    async with processing(engine, database_url, clock, limits=limits, worker="w2"):
        await append(appender, again)
        await until(lambda: has_read_everything(engine))

    assert await applied(engine) == 1_800
    assert await scalar(engine, "select count(*) from archive") == 1_800
    assert await scalar(engine, "select count(*) from dedupe_buckets") > 0


async def has_read_everything(engine) -> bool:
    behind = (
        "select count(*) from partitions p join log_heads h using (partition) where p.table_offset"
        " < h.head"
    )
    return bool(await scalar(engine, behind) == 0)


# Ownership
# --------------------------------------------------------------------------------------------------


async def test_a_flush_of_a_worker_that_lost_its_partition_is_refused_and_leaves_nothing(engine):
    """Folded and encoded before the lease ran out, written after somebody else took over: the
    zombie, step by step."""
    await installed(engine, partitions=1)
    zombie, heir = Leases(engine, 1, "zombie", 0.2), Leases(engine, 1, "heir", 30)
    compiled = compile_document("")
    owner = Owner(engine, 1, 1, compiled, zombie.owner, MemoryLimits())
    await owner.take((await zombie.tick()).acquired, wall())
    event = as_json(used("acme", wall())).encode()
    logged = np.array([1], np.int64)
    chunk = Chunk(
        partition=0, values=[event], headers=None, first=0, next=1, positions=None, logged_us=logged
    )
    await owner.fold("kafka", "topic", [chunk], wall())
    flush = owner.flush(wall())

    await asyncio.sleep(0.4)
    taken = (await heir.tick()).acquired
    with pytest.raises(Fenced):
        await write(engine, flush, wall())

    assert set(taken) == {0}
    assert await scalar(engine, "select count(*) from states") == 0
    assert await scalar(engine, "select count(*) from archive") == 0
    assert await scalar(engine, "select count(*) from dedupe_recent") == 0
    assert await rows(engine, "select kafka_offset, applied from partitions") == [(-1, 0)]


async def test_memory_for_few_customers_bounds_what_is_read_and_flushed_at_once():
    pace = FlushPolicy().fitting(1_000)
    assert 2 * pace.flush_customers + 2 * pace.read_records < 1_000
    assert FlushPolicy().fitting(1_000_000) == FlushPolicy()


async def test_a_flush_knows_how_many_different_customers_it_will_write(engine):
    await installed(engine, partitions=1)
    leases = Leases(engine, 1, "worker", 30)
    owner = Owner(engine, 1, 1, compile_document(""), leases.owner, MemoryLimits())
    await owner.take((await leases.tick()).acquired, wall())

    async def read(*customers: str) -> int:
        events = [as_json(used(customer, wall())).encode() for customer in customers]
        logged = np.full(len(events), to_us(wall()), np.int64)
        chunk = Chunk(
            partition=0,
            values=events,
            headers=None,
            first=0,
            next=1,
            positions=None,
            logged_us=logged,
        )
        await owner.fold("kafka", "topic", [chunk], wall())
        return owner.pending.customers

    assert [await read("a", "b", "a"), await read("b", "c"), await read("a")] == [2, 3, 3]
    flush = owner.flush(wall())
    assert flush.customers == 3
    assert [await read("a", "a"), await read("d", "c")] == [1, 3]


async def test_a_flush_says_the_same_however_many_customers_are_judged_at_once(engine, monkeypatch):
    await installed(engine, partitions=1)
    leases = Leases(engine, 1, "worker", 30)
    ownership, now = (await leases.tick()).acquired, wall()
    looks = [
        make_event(
            "page.viewed", customer_id=f"c{i % 9}", data={"url": "https://x.example/account/cancel"}
        )
        for i in range(20)
    ]
    events = [as_json(event | {"occurred_at": now.isoformat()}).encode() for event in looks]
    logged = np.full(len(events), to_us(now), np.int64)
    chunk = Chunk(
        partition=0, values=events, headers=None, first=0, next=1, positions=None, logged_us=logged
    )

    async def told(at_once: int) -> list[object]:
        monkeypatch.setattr(flush_builder, "DECIDED_AT_ONCE", at_once)
        owner = Owner(engine, 1, 1, compile_document(""), leases.owner, MemoryLimits())
        await owner.take(ownership, now)
        await owner.fold("kafka", "topic", [chunk], now)
        found = owner.flush(now).decisions
        assert len(found.alerts) >= 9
        drafts = [*found.changes, *[draft.raised() for draft in found.alert_drafts.values()]]
        return [
            *map(b"".join, (found.standings, found.moves, found.history, found.timers)),
            found.alerts, found.endings,
            found.timers_gone, found.next_due_us, drafts,
        ]  # fmt: skip

    assert await told(4) == await told(10_000)


async def test_what_a_flush_sends_stays_as_it_was_while_more_is_folded_and_its_memory_is_used_again_afterwards(
    engine,
):
    """Both of the worker's arenas come to their turn: the third flush lies where the first one
    lay."""
    await installed(engine, partitions=1)
    leases = Leases(engine, 1, "worker", 30)
    owner = Owner(engine, 1, 1, compile_document(""), leases.owner, MemoryLimits())
    await owner.take((await leases.tick()).acquired, wall())
    owner.preallocate(fleet=1_000, flushed_at_once=100)

    async def read(name: str) -> None:
        events = [as_json(used(f"{name}{n}", wall())).encode() for n in range(50)]
        logged = np.full(len(events), to_us(wall()), np.int64)
        chunk = Chunk(
            partition=0,
            values=events,
            headers=None,
            first=0,
            next=1,
            positions=None,
            logged_us=logged,
        )
        await owner.fold("kafka", "topic", [chunk], wall())

    def sent(flush: Flush) -> list[bytes]:
        assert flush.fresh is not None
        return [
            bytes(piece)
            for block in (flush.fresh.content, *flush.archive.values())
            for piece in block
        ]

    flushes, contents = [], []
    for name in ("a", "b", "c", "d"):
        await read(name)
        if flushes:
            assert sent(flushes[-1]) == contents[-1]
            owner.flushed()
        flushes.append(owner.flush(wall()))
        contents.append(sent(flushes[-1]))
        assert f'"customer_id":"{name}0"'.encode() in b"".join(contents[-1]).replace(
            b'": "', b'":"'
        )
    assert sent(flushes[0]) != contents[0]
    assert sent(flushes[3]) == contents[3]


async def test_all_events_of_a_flush_are_counted_at_one_instant_however_many_bytes_they_are(engine):
    """What was known at a past instant is then all of a flush or nothing of it."""
    await installed(engine, partitions=1)
    async with engine.begin() as conn:
        await archive.ensure_days(conn, wall().date(), 2)
    leases = Leases(engine, 1, "worker", 30)
    owner = Owner(engine, 1, 1, compile_document(""), leases.owner, MemoryLimits())
    await owner.take((await leases.tick()).acquired, wall())
    for _ in range(4):
        events = [
            make_event("plan.drawn", customer_id="acme", data={"plan": "x" * 60_000})
            | {"occurred_at": wall().isoformat()}
            for _ in range(50)
        ]
        logged = np.full(len(events), to_us(wall()), np.int64)
        values = [as_json(event).encode() for event in events]
        chunk = Chunk(
            partition=0,
            values=values,
            headers=None,
            first=0,
            next=1,
            positions=None,
            logged_us=logged,
        )
        await owner.fold("kafka", "topic", [chunk], wall())
    await write(engine, owner.flush(wall()), wall())
    assert await rows(engine, "select count(*), count(distinct counted_at) from archive") == [
        (200, 1)
    ]
