"""A second projection is built from the archive while the first one serves, and takes over at one
place of the log."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from healthsvc.flows.customers.health import CustomerHealth, customer_health
from healthsvc.flows.intake.append import Appender
from healthsvc.flows.processing.leases import Leases
from healthsvc.flows.processing.owned_partition import MemoryLimits
from healthsvc.flows.projections import publish, supervisor
from healthsvc.flows.projections.build_faults import IncompleteArchive, Overtaken
from healthsvc.flows.projections.rebuild import Builder
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing.partitions import Fenced, Move, compare_and_set
from healthsvc.store.projections import building, publications
from healthsvc.wire.scorecards.document import default_document
from healthsvc.wiring.background import look_after_projections
from tests.flows.spine import Event, append, installed, processing, rows, scalar, wall
from tests.support.clock import Clock
from tests.support.makers import make_actor, make_event
from tests.support.waiting import until

LIMITS = MemoryLimits(least_customers=2_000, state_bytes=1)


def story(
    customers: int, events: int, *, seed: int = 1, until_at: datetime | None = None
) -> list[Event]:
    """Believable events of many kinds, in no order."""
    chance, end = random.Random(seed), until_at or datetime.now(UTC)
    kinds = [
        ("feature.used", {"feature": "export"}),
        ("feature.used", {"feature": "share"}),
        ("session.started", {}),
        ("page.viewed", {"url": "https://x.test/pricing"}),
        ("page.viewed", {"url": "https://x.test/account/cancel"}),
        ("survey.answered", {"survey": "nps", "score": 9}),
        ("survey.answered", {"survey": "nps", "score": 3}),
        ("ticket.opened", {"ticket_id": "t1"}),
        ("customer.updated", {"name": "A", "tier": "low"}),
    ]
    made = []
    for n in range(events):
        kind, data = chance.choices(kinds, [30, 20, 20, 10, 1, 3, 2, 4, 2])[0]
        at = end - timedelta(seconds=chance.random() * 60 * 86_400)
        made.append(
            make_event(
                kind,
                id=f"{seed}-{n}",
                customer_id=f"c{chance.randrange(customers)}",
                data=dict(data),
            )
            | {"occurred_at": at.isoformat()}
        )
    return made


def second_document() -> str:
    """The default scorecard with other half-lives, a type, a rule and a variant of its own, other
    weights and bands; sign-ins are judged by their place among the customers."""
    data = yaml.safe_load(default_document())
    data["name"] = "second"
    data["half_lives_days"] = [10, 40]
    for rule in data["flags"]:
        if rule.get("half_life_days") in (14, 56):
            rule["half_life_days"] = {14: 10, 56: 40}[rule["half_life_days"]]
        elif rule["kind"] == "level":
            rule["half_life_days"] = 10
    data["dimensions"]["support"] = 40
    data["bands"] = {"healthy": 80, "watch": 60, "at_risk": 40, "critical": 0}
    next(m for m in data["measures"] if m["name"] == "sessions")["judge"] = {
        "kind": "segment",
        "at": 4,
    }
    data["variants"] = [
        {
            "name": "tech",
            "when": {"tier": "low"},
            "measures": {"sessions": {"share": 2}},
            "bands": {"healthy": 85},
        }
    ]
    data["measures"].append({"name": "syncs", "feeds": [{"type": "warehouse.synced"}]})
    data["flags"].append(
        {"name": "keen", "kind": "level", "measure": "feature_use", "half_life_days": 10,
        "at": 0.01, "alert": "info",
         "title": "Uses it"}
    )  # fmt: skip
    return yaml.safe_dump(data, sort_keys=False)


async def states_of(engine: AsyncEngine, projection: int) -> dict[str, tuple[bytes, Any]]:
    found = await rows(
        engine,
        "select c.customer_id, s.state, s.profile::text as profile from states s"
        " join customers c on c.key = s.customer_key where s.projection = :id",
        id=projection,
    )
    return {r.customer_id: (bytes(r.state), r.profile) for r in found}


async def live_id(engine: AsyncEngine) -> int:
    return int(await scalar(engine, "select id from projections where state = 'live'"))


async def counted_all(engine: AsyncEngine) -> int:
    """Events in the live projection."""
    return int(
        await scalar(
            engine,
            "select coalesce(sum(applied), 0) from partitions p join projections j on j.id ="
            " p.projection where j.state = 'live'",
        )
    )


async def build(engine: AsyncEngine, worker: str = "b1") -> bool:
    return await supervisor.build_what_is_asked(
        engine, worker_id=worker, limits=LIMITS, now=wall, stop=asyncio.Event()
    )


@asynccontextmanager
async def looking_after(engine: AsyncEngine, worker: str = "b1") -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(look_after_projections(engine, worker, LIMITS, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def healths(engine: AsyncEngine, at: datetime, customers: int) -> dict[str, CustomerHealth]:
    found = {}
    for n in range(customers):
        health = await customer_health(engine, f"c{n}", at)
        if health is not None:
            found[f"c{n}"] = health
    return found


async def scores(engine: AsyncEngine, at: datetime, customers: int) -> dict[str, Any]:
    return {
        customer_id: (health.score, health.raw_score, health.flags, health.events_total)
        for customer_id, health in (await healths(engine, at, customers)).items()
    }


async def reached(engine: AsyncEngine, events: int) -> bool:
    return await counted_all(engine) >= events


async def marked(engine: AsyncEngine, customers: int) -> bool:
    """Whether so many customers' histories tell of the change of version."""
    return bool(
        await scalar(engine, "select count(*) from history where cause = 'scorecard'") >= customers
    )


async def folded(engine: AsyncEngine, url: str, appender: Appender, events: list[Event]) -> None:
    """Events that are counted by a processor that has come and gone."""
    before = await counted_all(engine)
    async with processing(engine, url, wall):
        await append(appender, events)
        await until(lambda: reached(engine, before + len(events)))


async def published(engine: AsyncEngine, document: str) -> int:
    """The document as a version that is asked for; answers its number."""
    version, _ = await publish.keep(engine, document, by=make_actor("test"), now=wall())
    assert isinstance(
        await publish.publish(engine, version.version, by=make_actor("test"), now=wall()),
        publish.Begun,
    )
    return version.version


async def test_the_same_document_rebuilt_gives_the_live_states_bit_for_bit(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(60, 3_000))
    before, alerts = await states_of(engine, 1), await scalar(engine, "select count(*) from alerts")
    bands = await rows(engine, "select customer_id, band, flags, score from standings order by 1")

    assert isinstance(
        await publish.rebuild(engine, by=make_actor("test"), now=wall()), publish.Begun
    )
    assert await build(engine)

    assert await live_id(engine) == 2
    assert await states_of(engine, 2) == before
    assert len(before) == 60
    assert await scalar(engine, "select count(*) from alerts") == alerts
    after = await rows(
        engine,
        "select customer_id, band, flags, score from standings where projection = 2 order by 1",
    )
    assert [(r[0], r[1], r[2]) for r in after] == [(r[0], r[1], r[2]) for r in bands]


async def is_live(engine: AsyncEngine, version: int) -> bool:
    return bool(
        await scalar(
            engine,
            "select count(*) from projections where state = 'live' and scorecard_version = :v",
            v=version,
        )
    )


async def test_a_version_goes_live_under_load_with_nothing_lost_nothing_twice_and_no_false_alert(
    engine, database_url
):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(80, 4_000))
    known = await scalar(engine, "select count(*) from alerts")
    later = [e | {"occurred_at": wall().isoformat()} for e in story(80, 4_000, seed=2)]
    later = [
        e for e in later if e["type"] in ("feature.used", "session.started", "survey.answered")
    ]
    later = [
        e | ({"data": {"survey": "nps", "score": 9}} if e["type"] == "survey.answered" else {})
        for e in later
    ]
    oracle: dict[str, int] = {}
    for e in story(80, 4_000) + later:
        oracle[e["customer_id"]] = oracle.get(e["customer_id"], 0) + 1

    async with (
        processing(engine, database_url, wall, worker="w1"),
        processing(engine, database_url, wall, worker="w2"),
        looking_after(engine),
    ):
        version = await published(engine, second_document())
        for start in range(0, len(later), 50):
            chunk = later[start : start + 50]
            await append(appender, [*chunk, *chunk[:10]])  # senders repeat themselves
            await asyncio.sleep(0.02)
        await until(lambda: is_live(engine, version))
        await append(appender, later[:200])  # again, across the switch
        last = [
            make_event("session.started", id=f"last{n}", customer_id=f"c{n}", data={})
            for n in range(80)
        ]
        await append(appender, [e | {"occurred_at": wall().isoformat()} for e in last])
        await until(lambda: reached(engine, 4_000 + len(later) + 80))
        await until(lambda: marked(engine, 60))  # in small steps, after the switch

    for n in range(80):
        oracle[f"c{n}"] += 1
    found = await healths(engine, wall(), 80)
    assert {c: f.events_total for c, f in found.items()} == oracle
    assert {f.scorecard_version for f in found.values()} == {version}
    assert all("keen" in f.flags for f in found.values())  # the new rule holds of all …
    assert (
        await scalar(engine, "select count(*) from alerts") == known
    )  # … and its beginning told nobody
    assert await scalar(engine, "select count(*) from partitions") == 4


async def test_what_happens_after_the_switch_is_told_under_the_new_version(engine, database_url):
    appender = await installed(engine)
    now = wall()
    first = [
        make_event("session.started", id=f"s{n}", data={})
        | {"occurred_at": (now - timedelta(hours=n)).isoformat()}
        for n in range(5)
    ]
    await folded(engine, database_url, appender, first)
    await published(engine, second_document())
    assert await build(engine)

    use = make_event("feature.used", id="u", data={"feature": "x"}) | {
        "occurred_at": now.isoformat()
    }
    await folded(engine, database_url, appender, [use])

    assert await rows(engine, "select kind, state from alerts") == [("keen", "open")]


async def test_version_two_and_then_one_again_gives_the_old_scores(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(30, 1_500))
    at = wall()
    before, old_states = await scores(engine, at, 30), await states_of(engine, 1)

    await published(engine, second_document())
    assert await build(engine)
    between = await scores(engine, at, 30)
    assert isinstance(
        await publish.publish(engine, 1, by=make_actor("test"), now=wall()), publish.Begun
    )
    assert await build(engine)

    assert between != before
    assert await scores(engine, at, 30) == before
    assert await states_of(engine, 3) == old_states

    others = [e | {"customer_id": f"other-{e['customer_id']}"} for e in story(40, 1_500, seed=5)]
    await folded(engine, database_url, appender, others)
    assert isinstance(
        await publish.publish(engine, 2, by=make_actor("test"), now=wall()), publish.Begun
    )
    assert await build(engine)
    assert (
        await scores(engine, at, 30) == between
    )  # placed among those who were there when it was published first


async def test_where_the_customers_stand_is_frozen_with_the_version_once(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(30, 1_500))
    version = await published(engine, second_document())
    assert await build(engine)
    first = await publish.find(engine, version)
    assert isinstance(
        await publish.rebuild(engine, by=make_actor("test"), now=wall()), publish.Begun
    )
    assert await build(engine)
    again = await publish.find(engine, version)

    assert first is not None
    assert again is not None
    assert first.frozen is not None
    reference = yaml.safe_load(first.frozen)["reference"]
    assert reference["customers"] == 30
    assert reference["measures"].keys() == {"sessions"}
    assert list(reference["measures"]["sessions"]) == ["*"]
    assert len(reference["measures"]["sessions"]["*"]) == 21
    assert again.frozen == first.frozen
    assert first.document == second_document()


async def test_open_alerts_stay_open_and_message_numbers_never_repeat(engine, database_url):
    appender = await installed(engine)
    cancel = make_event("page.viewed", id="p", data={"url": "https://x.test/account/cancel"})
    await folded(engine, database_url, appender, [cancel | {"occurred_at": wall().isoformat()}])
    open_before = await rows(engine, "select id, kind from alerts where state = 'open'")

    await published(engine, second_document())
    assert await build(engine)
    contact = make_event("contact.logged", id="k", data={"outcome": "positive"}) | {
        "occurred_at": wall().isoformat()
    }
    await folded(engine, database_url, appender, [contact])

    assert open_before
    assert await rows(engine, "select id, kind from alerts where state = 'open'") == open_before


async def test_a_builder_that_dies_is_followed_by_one_that_goes_on_and_fences_it(
    engine, database_url
):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(60, 6_000))
    before = await states_of(engine, 1)
    await publish.rebuild(engine, by=make_actor("test"), now=wall())
    async with engine.connect() as conn:
        wanted = await publications.building(conn)
    assert wanted is not None

    doomed = Builder(engine, wanted, builder="dead", limits=LIMITS, now=wall, chunk=100)
    dying = asyncio.create_task(
        doomed.build(AtRound(4, lambda: dying.cancel()))
    )  # as by kill -9: keeps its claim
    await asyncio.gather(dying, return_exceptions=True)
    assert not await build(engine)  # its claim still holds
    async with engine.begin() as conn:
        await building.leave(conn, wanted.id, "dead")
    begun = await scalar(
        engine, "select sum(applied) from partitions where projection = :id", id=wanted.id
    )
    assert await build(engine)

    assert begun == 3 * 4 * 100
    assert await states_of(engine, wanted.id) == before


class AtRound:
    """A builder's `stop` that never asks to stop, and calls `then` as that round over the
    partitions begins."""

    def __init__(self, number: int, then: Callable[[], object]) -> None:
        self._left, self._then = number, then

    def is_set(self) -> bool:
        self._left -= 1
        if self._left == 0:
            self._then()
        return False


async def test_a_former_builder_can_write_nothing_more(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(40, 3_000))
    await publish.rebuild(engine, by=make_actor("test"), now=wall())
    async with engine.connect() as conn:
        wanted = await publications.building(conn)
    assert wanted is not None
    zombie = Builder(engine, wanted, builder="z", limits=LIMITS, now=wall, chunk=100)
    begun = asyncio.Event()
    task = asyncio.create_task(zombie.build(AtRound(2, begun.set)))
    await begun.wait()

    async with engine.begin() as conn:  # its claim has run out, and another one has begun
        await building.leave(conn, wanted.id, "z")
        assert await building.claim(conn, wanted.id, "other", 60)
        await building.take(conn, wanted.id, "2/other")

    with pytest.raises((Fenced, Overtaken)):
        await task


async def test_an_archive_that_lacks_events_refuses_in_a_sentence_and_publishes_with_gaps_when_told_to(
    engine, database_url
):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(20, 500))
    async with engine.begin() as conn:
        await conn.exec_driver_sql("delete from archive where sequence < 20")

    version = await published(engine, second_document())
    assert not await build(engine)
    told = (await publish.progress(engine))[0]
    assert told.state == "retired"
    assert "The archive lacks events" in (told.failure or "")
    assert await live_id(engine) == 1
    assert isinstance(
        await publish.publish(engine, version, by=make_actor("test"), now=wall(), with_gaps=True),
        publish.Begun,
    )
    assert await build(engine)

    assert await live_id(engine) == 3
    await folded(engine, database_url, appender, story(20, 50, seed=5))


async def test_a_gap_in_the_middle_is_found(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(20, 4_000))
    async with engine.begin() as conn:
        await conn.exec_driver_sql("delete from archive where sequence = 700")
    await publish.rebuild(engine, by=make_actor("test"), now=wall())
    async with engine.connect() as conn:
        wanted = await publications.building(conn)
    assert wanted is not None

    with pytest.raises(IncompleteArchive, match="event 700"):
        await Builder(engine, wanted, builder="b", limits=LIMITS, now=wall).build(asyncio.Event())


async def test_the_retired_rows_are_cleared_and_the_history_stays(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(30, 600))
    decided = await scalar(engine, "select count(*) from history")
    await publish.rebuild(engine, by=make_actor("test"), now=wall())
    assert await build(engine)
    await supervisor.mark_version_change(engine)
    await supervisor.clear_retired(engine)
    assert (
        await scalar(engine, "select count(*) from states where projection = 1") == 30
    )  # readers have their time
    await supervisor.clear_retired(engine, grace_seconds=0)

    for table in ("states", "standings", "timers", "dedupe_recent", "partitions"):
        assert await scalar(engine, f"select count(*) from {table} where projection = 1") == 0
    assert (
        await scalar(engine, "select count(*) from history") == decided
    )  # the same document: no change to tell
    indexes = await rows(
        engine, "select indexname from pg_indexes where indexname like 'archive%fold'"
    )
    assert indexes == []


async def test_only_one_is_built_at_a_time_and_it_can_be_cancelled(engine, database_url):
    await installed(engine)
    version = await published(engine, second_document())

    assert isinstance(
        await publish.rebuild(engine, by=make_actor("test"), now=wall()), publish.AnotherBuilding
    )
    assert await publish.cancel(engine, by=make_actor("kim"), now=wall())
    assert not await publish.cancel(engine, by=make_actor("kim"), now=wall())
    assert isinstance(
        await publish.publish(engine, version, by=make_actor("test"), now=wall()), publish.Begun
    )
    assert isinstance(
        await publish.publish(engine, 99, by=make_actor("test"), now=wall()), publish.Unknown
    )
    assert isinstance(
        await publish.publish(engine, 1, by=make_actor("test"), now=wall()), publish.Live
    )


# Silence across the switch
# --------------------------------------------------------------------------------------------


async def silent_alerts(engine: AsyncEngine) -> list[Any]:
    return await rows(engine, "select customer_id, state from alerts where kind = 'silent'")


async def has_silent(engine: AsyncEngine) -> bool:
    return bool(await silent_alerts(engine))


@pytest.mark.parametrize("told", ["before the switch", "after the switch"])
@pytest.mark.parametrize("document", ["the same", "another"])
async def test_silence_that_falls_due_around_the_switch_is_told_once(
    engine, database_url, told, document
):
    appender, clock = await installed(engine), Clock(wall())
    last = clock.at - timedelta(days=1)
    use = [
        make_event("feature.used", id=f"u{n}", customer_id="quiet", data={"feature": "export"})
        | {"occurred_at": (last - timedelta(hours=n)).isoformat()}
        for n in range(5)
    ]
    async with processing(engine, database_url, clock):
        await append(appender, use)
        await until(lambda: reached(engine, 5))
        if told == "before the switch":
            clock.at = last + timedelta(days=14, minutes=1)
            await until(lambda: has_silent(engine))
    if document == "the same":
        await publish.rebuild(engine, by=make_actor("t"), now=clock())
    else:
        await published(engine, second_document())
    if told == "after the switch":
        clock.at = last + timedelta(days=14, minutes=1)
    assert await supervisor.build_what_is_asked(
        engine, worker_id="b", limits=LIMITS, now=clock, stop=asyncio.Event()
    )
    recorded = await scalar(engine, "select count(*) from history where 'silent' = any(flags)")

    async with processing(engine, database_url, clock):
        clock.advance(minutes=5)
        await until(lambda: has_silent(engine))
        await append(appender, [use[0] | {"id": "new", "customer_id": "other"}])
        await until(lambda: reached(engine, 6))

    assert await silent_alerts(engine) == [("quiet", "open")]
    assert recorded == (1 if told == "before the switch" else 0)


async def test_an_archived_event_that_isnt_understood_gives_the_building_up(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(5, 50))
    async with engine.begin() as conn:
        await conn.exec_driver_sql("update archive set event = '{}' where sequence = 3")
    await publish.rebuild(engine, by=make_actor("t"), now=wall())

    assert not await build(engine)
    told = (await publish.progress(engine))[0]
    assert (told.state, told.live_at) == ("retired", None)
    assert "can't be read" in (told.failure or "")
    assert await live_id(engine) == 1


async def test_a_worker_that_slept_through_the_switch_can_write_nothing(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(5, 50))
    sleeper = Leases(engine, 1, "sleeper")
    held = (await sleeper.tick()).acquired
    await publish.rebuild(engine, by=make_actor("t"), now=wall())
    assert await build(engine)

    move = Move(
        partition=0,
        epoch=held[0].epoch,
        table_from=held[0].table_offset,
        table_to=held[0].table_offset + 1,
        kafka_from=-1,
        kafka_to=-1,
        applied_from=held[0].applied,
        applied_to=held[0].applied + 1,
    )
    with pytest.raises(Fenced):
        async with engine.begin() as conn:
            await compare_and_set(conn, projection=1, owner=sleeper.owner, moves=[move])
    changes = await sleeper.tick()
    assert (set(changes.acquired), changes.lost) == (set(), {0, 1, 2, 3})


@pytest.mark.parametrize("broken", [Fenced({0}), Overtaken(), ValueError("a fault of ours")])
async def test_a_builder_that_lost_its_claim_gives_up_nothing_of_anothers(
    engine, database_url, monkeypatch, broken
):
    await installed(engine)
    await publish.rebuild(engine, by=make_actor("t"), now=wall())
    async with engine.begin() as conn:
        assert await building.claim(conn, 2, "another", 60)

    async def breaks(*_: Any) -> bool:
        raise broken

    with monkeypatch.context() as patched:
        patched.setattr(Builder, "build", breaks)
        assert not await build(engine, "late")
    async with engine.begin() as conn:
        assert await publications.building(conn) is not None
        await building.leave(conn, 2, "another")
    assert await build(engine)
