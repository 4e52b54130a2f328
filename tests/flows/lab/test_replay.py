"""The health score over the past: what the service told then, to the bit, whatever came later."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from healthsvc.core.arrays import Instants
from healthsvc.core.fit.bands import UNSCORED
from healthsvc.core.instants import to_us
from healthsvc.flows.customers.health import CustomerHealth, customer_health
from healthsvc.flows.lab import runs
from healthsvc.flows.lab.replay import (
    LACKING,
    Cards,
    KnownBy,
    Past,
    ReplayJob,
    SequenceCoverage,
    of_archive,
    replayed_blocks,
)
from healthsvc.flows.lab.replay_loop import ReplayLoop, Timetable, Track
from healthsvc.flows.projections import publish
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.flows.projections.test_rebuild import folded, reached, second_document, story
from tests.flows.spine import Event, append, installed, processing, rows, wall
from tests.support.makers import make_actor, make_event
from tests.support.waiting import until

CUSTOMERS = 8


def quiet(*_: Any) -> None: ...


async def lived(engine: AsyncEngine, url: str) -> AsyncIterator[datetime]:
    """Events in six batches, most of them late; yields an instant when each has been counted."""
    appender, count = await installed(engine), 0
    async with processing(engine, url, wall):
        for n in range(6):
            batch: list[Event] = [
                *story(CUSTOMERS, 100, seed=n),
                cancel_page(n, f"c{n}"),
                *signed_in(n),
            ]
            if n == 4:
                batch.append(
                    make_event("subscription.cancelled", id="bye", customer_id="c1", data={})
                    | just_now()
                )
            await append(appender, batch)
            count += len(batch)
            await until(lambda wanted=count: reached(engine, wanted))
            yield wall()
            await asyncio.sleep(0.05)


def just_now() -> dict[str, str]:
    """What is decided is as of what had been read, a moment ago."""
    return {"occurred_at": (wall() - timedelta(minutes=1)).isoformat()}


def signed_in(n: int) -> list[Event]:
    """Whoever has nothing new isn't decided while old events come in."""
    return [
        make_event("session.started", id=f"s{n}-{c}", customer_id=f"c{c}", data={}) | just_now()
        for c in range(CUSTOMERS)
    ]


def cancel_page(n: int, customer_id: str) -> Event:
    page = make_event(
        "page.viewed",
        id=f"x{n}",
        customer_id=customer_id,
        data={"url": "https://x.test/account/cancel"},
    )
    return page | just_now()


async def flushed(engine: AsyncEngine) -> Instants:
    """When events were counted: the service decides whom they touch then."""
    found = await rows(
        engine, "select distinct (extract(epoch from counted_at) * 1000000)::bigint us from archive"
    )
    return np.array(sorted(r.us for r in found))


async def replayed(engine: AsyncEngine, timetable: Timetable) -> tuple[ReplayLoop, Track]:
    """All customers by the default scorecard, by what had been counted."""
    program = compile_document("").program
    (walk,) = [
        w
        async for w in replayed_blocks(
            engine, [program], timetable, as_counted=True, say=quiet, coverage=SequenceCoverage()
        )
    ]
    return walk, walk.tracks[0]


async def test_score_risk_and_band_at_an_instant_are_those_that_the_service_told_then(
    engine: AsyncEngine, database_url: str
) -> None:
    told: dict[int, dict[str, CustomerHealth]] = {}
    async for instant in lived(engine, database_url):
        seen = {f"c{n}": await customer_health(engine, f"c{n}", instant) for n in range(CUSTOMERS)}
        told[to_us(instant)] = {c: t for c, t in seen.items() if t is not None}

    flushes = await flushed(engine)
    for instant_us, said in told.items():
        steps = np.append(flushes[flushes < instant_us], instant_us)
        walk, lane = await replayed(engine, Timetable.of(steps, steps[-1:]))
        course, bands = lane.course, [b.name for b in lane.program.scorecard.bands]
        for i, customer_id in enumerate(walk.customer_ids):
            live = said[customer_id]
            assert live.raw_score == lane.raw[i]
            assert live.score == course.score[i, -1]
            assert live.risk == (None if np.isnan(lane.risk[i]) else lane.risk[i])
            if live.risk is not None:  # who has left keeps the band it had
                assert live.band == bands[course.band[i, -1]]
    assert any(t.risk is None for t in told[max(told)].values())


async def test_decided_at_the_instants_of_the_service_a_customer_goes_through_the_same_bands(
    engine: AsyncEngine, database_url: str
) -> None:
    async for _ in lived(engine, database_url):
        pass
    instants = await flushed(engine)
    history = await rows(
        engine,
        "select c.customer_id, h.band, (extract(epoch from h.recorded_at) * 1000000)::bigint us"
        " from history h join customers c on c.key = h.customer_key where h.cause = 'events' order"
        " by h.decided_at",
    )

    walk, lane = await replayed(engine, Timetable.of(instants, instants))

    names = [*(b.name for b in lane.program.scorecard.bands), None]
    path = {c: lane.course.band[i] for i, c in enumerate(walk.customer_ids)}
    compared = 0
    for decision in history:
        place = np.searchsorted(
            instants, decision.us
        )  # a flush writes its decisions before its events
        band = int(path[decision.customer_id][place])
        if band >= UNSCORED:
            assert names[band] == decision.band
            compared += 1
    assert compared > 15
    assert len({d.band for d in history}) > 2


async def test_what_comes_later_changes_nothing(engine: AsyncEngine, database_url: str) -> None:
    instants = [instant async for instant in lived(engine, database_url)]
    cards, past = Cards.of("", second_document()), Past(dates=4, known_by="counted")
    before = await of_archive(engine, cards, past, instants[2], quiet)

    async with engine.begin() as conn:
        gone = await conn.execute(
            text("delete from archive where counted_at > :at"), {"at": instants[2]}
        )

    assert gone.rowcount > 100
    assert await of_archive(engine, cards, past, instants[2], quiet) == before
    assert before["live"] is not None


@pytest.mark.parametrize("rule", ["counted", "occurred"])
async def test_an_archive_whose_beginning_is_gone_is_said_to_lack_events(
    engine: AsyncEngine, database_url: str, rule: KnownBy
) -> None:
    await folded(engine, database_url, await installed(engine), story(CUSTOMERS, 200))
    past = Past(dates=2, known_by=rule)
    whole = await of_archive(engine, Cards.of("", None), past, wall(), quiet)

    async with engine.begin() as conn:
        await conn.execute(text("delete from archive where sequence = 0"))

    assert LACKING not in whole["warnings"]
    assert (
        LACKING in (await of_archive(engine, Cards.of("", None), past, wall(), quiet))["warnings"]
    )


async def test_an_imported_history_is_known_when_it_happened(
    engine: AsyncEngine, database_url: str
) -> None:
    await folded(engine, database_url, await installed(engine), story(CUSTOMERS, 600))

    by_itself = await of_archive(engine, Cards.of("", None), Past(dates=5), wall(), quiet)
    as_counted = await of_archive(
        engine, Cards.of("", None), Past(dates=5, known_by="counted"), wall(), quiet
    )

    assert (by_itself["known_by"]["rule"], as_counted["known_by"]["rule"]) == (
        "occurred",
        "counted",
    )
    assert by_itself["live"]["by_date"][0]["customers"] == CUSTOMERS
    assert [d["customers"] for d in as_counted["live"]["by_date"]] == [0, 0, 0, 0, CUSTOMERS]


async def test_blocks_of_customers_add_up_to_all(
    engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await folded(engine, database_url, await installed(engine), story(CUSTOMERS, 600))
    cards, past, now = Cards.of("", second_document()), Past(), wall()
    whole = await of_archive(engine, cards, past, now, quiet)
    monkeypatch.setattr("healthsvc.flows.lab.replay.CUSTOMERS_AT_ONCE", 3)

    in_blocks = await of_archive(engine, cards, past, now, quiet)

    for side in ("live", "scorecard"):
        for name in ("shares", "moves", "alerts_by_kind", "unfed"):
            assert in_blocks[side][name] == whole[side][name]
    assert in_blocks["against_live"] == whole["against_live"]


async def test_a_run_replays_a_draft_beside_the_live_version_and_says_how_far_it_is(
    engine: AsyncEngine, database_url: str
) -> None:
    events = story(CUSTOMERS, 600)
    await folded(engine, database_url, await installed(engine), events)
    draft, _ = await publish.keep(
        engine,
        default_document().replace("healthy: 70", "healthy: 95"),
        by=make_actor("kim"),
        now=wall(),
    )
    run = await runs.ask(
        engine, ReplayJob(version=draft.version, dates=8), by=make_actor("kim"), now=wall()
    )

    assert await runs.execute_next(
        engine, database_url, worker_id="w", now=wall, stop=asyncio.Event()
    )

    done = await runs.find(engine, run.id)
    assert done is not None
    assert (done.state, done.failure, done.progress) == ("done", None, 1.0)
    result: dict[str, Any] = done.result or {}
    assert result["events"]["folded"] == len(events)
    fewer = result["scorecard"]["shares_on_the_last_date"]["healthy"]
    assert fewer < result["live"]["shares_on_the_last_date"]["healthy"]
    moved = result["against_live"]["moved"]
    assert len(moved) == result["against_live"]["changed_on_the_last_date"] > 0
    assert {m["band_live"] for m in moved} == {"healthy"}
    assert all(m["score"] == m["score_live"] for m in moved)


async def test_progress_rises_to_the_end(engine: AsyncEngine, database_url: str) -> None:
    await folded(engine, database_url, await installed(engine), story(CUSTOMERS, 5000))
    said: list[float] = []

    await of_archive(
        engine, Cards.of("", None), Past(), wall(), lambda _, progress: said.append(progress)
    )

    assert len(said) > 2
    assert said == sorted(said)
    assert 0 < said[0] < said[-1] < 1
