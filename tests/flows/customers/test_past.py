"""The past as it was told then, and what moved a score since: parts that add up to the change."""

import asyncio
import json
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from healthsvc.flows.customers import diff, overrides, past
from healthsvc.flows.customers.explanation import explain
from healthsvc.flows.customers.health import customer_health
from healthsvc.flows.customers.overrides import Wish
from healthsvc.flows.customers.past import PastNotKept
from healthsvc.flows.projections import publish
from healthsvc.store.database.engine import AsyncEngine
from tests.flows.projections.test_rebuild import (
    build,
    folded,
    published,
    reached,
    scores,
    second_document,
    states_of,
    story,
)
from tests.flows.spine import append, installed, processing, wall
from tests.support.makers import make_actor, make_event
from tests.support.waiting import until


def held(score: float, now: datetime, *, days: float = 30, author: str = "kim") -> Wish:
    return Wish(
        score=score, reason="They told me so", author=author, expires_at=now + timedelta(days=days)
    )


def as_event(text: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(text)
    return event


async def told(engine: AsyncEngine, customers: int) -> tuple[datetime, dict[str, Any]]:
    """What is said of each customer now, and when."""
    now = wall()
    found = {f"c{n}": await explain(engine, f"c{n}", now) for n in range(customers)}
    await asyncio.sleep(0.05)
    return now, {c: e for c, e in found.items() if e is not None}


async def test_an_explanation_at_an_instant_is_the_one_that_was_given_then(engine, database_url):
    appender = await installed(engine)
    events = story(8, 600, seed=3)
    events[40] |= {"type": "subscription.cancelled", "data": {}, "customer_id": "c1"}
    chance, given, count = random.Random(3), [], 0
    async with processing(engine, database_url, wall):
        for start in range(0, 600, 100):
            batch = events[start : start + 100]
            if start == 300:
                batch = [
                    as_event(overrides.set_event("c2", "ov1", held(90, wall()), 40, wall())),
                    *batch,
                ]
            await append(appender, batch)
            count += len(batch)
            await until(lambda wanted=count: reached(engine, wanted))
            given.append(await told(engine, 8))
            await asyncio.sleep(chance.random() / 20)
    await published(engine, second_document())
    assert await build(engine)
    given.append(await told(engine, 8))
    await folded(engine, database_url, appender, story(8, 50, seed=4))

    for at, said in given:
        for customer_id, explanation in said.items():
            assert await past.explanation(engine, customer_id, at) == explanation
    assert {e.scorecard_version for _, said in given for e in said.values()} == {1, 2}


async def test_the_parts_of_a_change_add_up_to_it(engine, database_url):
    appender = await installed(engine)
    instants = [wall() - timedelta(days=20)]
    await folded(engine, database_url, appender, story(10, 500, seed=6))
    instants.append(wall())
    low = as_event(overrides.set_event("c3", "ov1", held(15, wall()), 60, wall()))
    await folded(engine, database_url, appender, [*story(10, 300, seed=7), low])
    instants.append(wall())
    await published(engine, second_document())
    assert await build(engine)
    instants.append(wall())
    gone = [
        make_event("subscription.cancelled", id="bye", customer_id="c4", data={})
        | {"occurred_at": wall().isoformat()}
    ]
    fresh = [e | {"occurred_at": wall().isoformat()} for e in story(10, 100, seed=8)]
    await folded(engine, database_url, appender, [*fresh, *gone])
    instants += [wall(), wall() + timedelta(days=40)]

    kinds: set[str] = set()
    for n in range(2, 6):
        for i, at in enumerate(instants):
            then = await past.explanation(engine, f"c{n}", at)
            assert then is not None
            for since in instants[: i + 1]:
                found = await diff.between(engine, f"c{n}", since, at, "pt" if n % 2 else "en")
                assert found is not None
                total = sum(p.points for p in found.parts)
                if found.change is None:
                    assert found.parts == []
                    continue
                assert total == pytest.approx(found.change, abs=1e-9)
                for part in found.parts:
                    assert part.points == pytest.approx(
                        sum(m.points for m in part.measures), abs=1e-9
                    )
                    kinds |= {part.kind} if abs(part.points) > 0.5 else set()
                assert found.last.score == then.score
    assert kinds == {"new_events", "ageing", "late_data", "configuration", "override"}


async def test_the_sentence_names_what_moved_it_in_both_languages(engine, database_url):
    appender = await installed(engine)
    now = wall()
    use = [
        make_event("feature.used", id=f"u{n}", data={"feature": "export"})
        | {"occurred_at": (now - timedelta(hours=n)).isoformat()}
        for n in range(20)
    ]
    named = make_event("customer.updated", id="n", data={"name": "Acme Ltd"}) | {
        "occurred_at": now.isoformat()
    }
    await folded(engine, database_url, appender, [*use, named])
    since = wall()
    cancel = make_event("page.viewed", id="p", data={"url": "https://x.test/account/cancel"})
    await folded(engine, database_url, appender, [cancel | {"occurred_at": wall().isoformat()}])

    english = await diff.between(engine, "acme", since, wall(), "en")
    portuguese = await diff.between(engine, "acme", since, wall(), "pt")
    why = await explain(engine, "acme", wall(), "pt")

    assert english is not None
    assert "The health of Acme Ltd fell by 60 points, from 80 to 20" in english.sentence
    assert (
        "lost 60.3 points through what has happened since (a visit to the cancellation page)"
        in english.sentence
    )
    assert portuguese is not None
    assert "A saúde de Acme Ltd caiu 60 pontos" in portuguese.sentence
    assert (
        "perdeu 60,3 pontos pelo que aconteceu desde então (visita à página de cancelamento)"
        in portuguese.sentence
    )
    assert why is not None
    assert "limitada pela visita à página de cancelamento" in why.sentence


async def test_over_an_import_the_change_goes_by_when_things_happened(engine, database_url):
    appender = await installed(engine)
    before_import = wall()
    since = before_import - timedelta(days=30)
    await folded(engine, database_url, appender, story(6, 400, seed=6))

    found = await diff.between(engine, "c2", since, wall(), "en")
    assert found is not None
    assert (found.compared_by, found.first.score is not None) == ("occurred", True)
    assert found.imported_at is not None
    assert found.imported_at > before_import
    assert found.change == pytest.approx(sum(part.points for part in found.parts), abs=1e-9)
    kinds = {part.kind: part for part in found.parts}
    assert (kinds["late_data"].points, kinds["late_data"].events_total) == (0.0, 0)
    assert kinds["new_events"].events_total > 0
    assert "was imported on" in found.sentence

    later = await diff.between(engine, "c2", wall(), wall(), "en")
    assert later is not None
    assert (later.compared_by, later.imported_at) == ("counted", None)


async def test_a_past_that_the_archive_lacks_is_refused_not_guessed(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(3, 60))
    async with engine.begin() as conn:
        await conn.exec_driver_sql(
            "delete from archive where ctid in (select ctid from archive limit 5)"
        )

    refused = 0
    for n in range(3):
        try:
            await past.explanation(engine, f"c{n}", wall())
        except PastNotKept:
            refused += 1
    assert refused


# Overrides
# --------------------------------------------------------------------------------------------------


async def test_an_override_stands_survives_a_rebuild_and_ends_by_itself(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(4, 200))
    before = await customer_health(engine, "c1", wall())
    event = as_event(overrides.set_event("c1", "ov1", held(88, wall(), days=10), 50, wall()))
    await folded(engine, database_url, appender, [event, *story(4, 50, seed=2)])
    await publish.rebuild(engine, by=make_actor("t"), now=wall())
    live = await states_of(engine, 1)
    assert await build(engine)

    found = await customer_health(engine, "c1", wall())
    explained = await explain(engine, "c1", wall())
    later = await customer_health(engine, "c1", wall() + timedelta(days=11))

    assert await states_of(engine, 2) == live
    assert before is not None
    assert found is not None
    assert (found.score, found.band) == (88, "healthy")
    assert found.own_score != 88
    assert found.override is not None
    assert found.override.author == "kim"
    assert found.override.reason == "They told me so"
    assert "override" not in found.profile
    assert explained is not None
    last = explained.contributions[-1]
    assert (last.measure, last.why) == ("override", "kim: They told me so")
    assert [e.id for e in last.events] == ["ov1"]
    assert sum(c.points for c in explained.contributions) == pytest.approx(88, abs=1e-9)
    assert later is not None
    assert later.override is None
    assert later.score == later.own_score
    assert [e.author for e in await overrides.records(engine, wall())] == ["kim"]


async def test_an_override_can_be_lifted_and_makes_no_alert(engine, database_url):
    appender = await installed(engine)
    use = [
        make_event("feature.used", id=f"u{n}", data={"feature": "export"})
        | {"occurred_at": (wall() - timedelta(hours=n)).isoformat()}
        for n in range(20)
    ]
    await folded(engine, database_url, appender, use)
    await folded(
        engine,
        database_url,
        appender,
        [as_event(overrides.set_event("acme", "o", held(5, wall()), 90, wall()))],
    )
    low = await customer_health(engine, "acme", wall())
    await folded(
        engine,
        database_url,
        appender,
        [as_event(overrides.lift_event("acme", "l", "kim", None, wall()))],
    )
    lifted = await customer_health(engine, "acme", wall())

    assert low is not None
    assert (low.score, low.band) == (5, "critical")
    assert lifted is not None
    assert lifted.score == lifted.own_score > 75
    async with engine.connect() as conn:
        assert (await conn.exec_driver_sql("select count(*) from alerts")).scalar() == 0
    assert await scores(engine, wall(), 0) == {}


def test_authors_are_judged_by_what_became_of_the_customers():
    at, day = wall() - timedelta(days=400), timedelta(days=1)
    made = [
        overrides.SetOverride(
            customer_key=1, author="kim", score=90, replaces=40, set_at=at
        ),  # left: wrong
        overrides.SetOverride(
            customer_key=2, author="kim", score=90, replaces=40, set_at=at
        ),  # stayed: right
        overrides.SetOverride(
            customer_key=1, author="jo", score=10, replaces=40, set_at=at
        ),  # left: right
        overrides.SetOverride(customer_key=2, author="jo", score=10, replaces=None, set_at=at),
        overrides.SetOverride(
            customer_key=2, author="jo", score=10, replaces=50, set_at=wall() - day
        ),
    ]

    kim, jo = sorted(
        overrides.with_outcomes(made, {1: at + 30 * day}, wall()), key=lambda r: r.overrides
    )

    assert (kim.author, kim.raised, kim.left, kim.right, kim.wrong) == ("kim", 2, 1, 1, 1)
    assert (jo.lowered, jo.left, jo.right, jo.open, jo.unknown) == (2, 1, 1, 1, 1)
