"""The past, what moved a score, and somebody's own judgement, over REST."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from healthsvc.store.database.engine import AsyncEngine
from tests.api.rows import add_customer, fetch
from tests.flows.spine import append, processing, reaches
from tests.flows.spine import installed as appender_of
from tests.support.clock import Clock
from tests.support.makers import make_event
from tests.support.waiting import until


@pytest.fixture
async def acme(
    api: httpx.AsyncClient, engine: AsyncEngine, database_url: str, clock: Clock
) -> datetime:
    """A customer that uses a function; answers an instant before it looked at the cancel page."""
    clock.at = datetime.now(UTC)
    used = [
        make_event("feature.used", id=f"u{n}", data={"feature": "export"})
        | {"occurred_at": (clock.at - timedelta(hours=n)).isoformat()}
        for n in range(10)
    ]
    appender = await appender_of(engine)
    async with processing(engine, database_url, lambda: datetime.now(UTC)):
        await append(appender, used)
        await until(lambda: reaches(engine, "acme", 10))
        before = clock.at = datetime.now(UTC)
        cancel = make_event("page.viewed", id="p", data={"url": "https://x.test/account/cancel"})
        await append(appender, [cancel | {"occurred_at": datetime.now(UTC).isoformat()}])
        await until(lambda: reaches(engine, "acme", 11))
    clock.at = datetime.now(UTC)
    return before


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def test_the_past_is_told_and_the_change_adds_up(
    api: httpx.AsyncClient, acme: datetime
) -> None:
    then = (await api.get(f"/v1/customers/acme/health/explanation?at={text(acme)}")).json()
    now = (await api.get("/v1/customers/acme/health/explanation?language=pt")).json()
    moved = (await api.get(f"/v1/customers/acme/health/diff?from={text(acme)}&language=pt")).json()

    assert then["score"] > 70
    assert now["score"] == 20
    assert now["sentence"].startswith("A saúde de acme está em 20 de 100")
    assert sum(p["points"] for p in moved["parts"]) == pytest.approx(20 - then["score"], abs=1e-9)
    assert [e["id"] for p in moved["parts"] for e in p["events"]] == ["p"]
    assert "perdeu" in moved["sentence"]


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("explanation?at=2199-01-01T00:00:00Z", "/query/at"),
        ("explanation?at=yesterday", "/query/at"),
        ("explanation?language=de", "/query/language"),
        ("diff", "/query/from"),
        ("diff?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/query/from"),
        ("diff?from=2026-01-02T00:00:00Z&to=2199-01-01T00:00:00Z", "/query/to"),
    ],
)
async def test_instants_that_make_no_sense_are_refused(
    api: httpx.AsyncClient, path: str, pointer: str
) -> None:
    answer = await api.get(f"/v1/customers/acme/health/{path}")

    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == [pointer]


async def test_a_past_that_isnt_kept_is_a_problem_of_its_own(
    api: httpx.AsyncClient, engine: AsyncEngine, acme: datetime
) -> None:
    async with engine.begin() as conn:
        await conn.exec_driver_sql(
            "delete from archive where ctid in (select ctid from archive limit 1)"
        )
    for path in (f"explanation?at={text(acme)}", f"diff?from={text(acme)}"):
        answer = await api.get(f"/v1/customers/acme/health/{path}")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/past-not-kept")
    assert (
        await api.get("/v1/customers/nobody/health/diff?from=2026-01-01T00:00:00Z")
    ).status_code == 404


async def test_an_override_is_accepted_shown_lifted_and_counted_to_its_author(
    api: httpx.AsyncClient, engine: AsyncEngine, database_url: str, clock: Clock, acme: datetime
) -> None:
    wish: dict[str, Any] = {
        "score": 75,
        "reason": "They only looked for the address",
        "author": "kim",
        "expires_at": text(clock.at + timedelta(days=7)),
    }
    accepted = await api.post("/v1/customers/acme/override", json=wish)
    async with processing(engine, database_url, lambda: datetime.now(UTC)):
        await until(lambda: reaches(engine, "acme", 12))
    clock.at = datetime.now(UTC)
    shown = (await api.get("/v1/customers/acme")).json()
    records = (await api.get("/v1/overrides/authors")).json()["items"]
    lifted = await api.delete("/v1/customers/acme/override")
    async with processing(engine, database_url, lambda: datetime.now(UTC)):
        await until(lambda: reaches(engine, "acme", 13))
    clock.at = datetime.now(UTC)
    after = (await api.get("/v1/customers/acme")).json()

    assert accepted.status_code == 202
    assert accepted.json()["position"]
    assert (shown["score"], shown["own_score"]) == (75, 20)
    assert shown["override"]["author"] == "kim"
    assert "cancel_intent" in shown["flags"]
    assert [(r["author"], r["overrides"], r["raised"], r["open"]) for r in records] == [
        ("kim", 1, 1, 1)
    ]
    assert lifted.status_code == 202
    assert (after["score"], after["override"]) == (20, None)
    written = await fetch(
        engine, "select action, target, actor_detail->>'kind' as kind from audit order by id"
    )
    assert [tuple(row.values()) for row in written if row["action"].startswith("override.")] == [
        ("override.set", "acme", "key"),
        ("override.lifted", "acme", "key"),
    ]


async def test_an_override_needs_a_customer_a_reason_and_an_end(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await add_customer(engine, "known")
    good = {"score": 75, "reason": "x", "expires_at": text(clock.at + timedelta(days=7))}

    assert (await api.post("/v1/customers/nobody/override", json=good)).status_code == 404
    for change in (
        {"score": 101},
        {"reason": ""},
        {"expires_at": text(clock.at)},
        {"expires_at": None},
    ):
        answer = await api.post("/v1/customers/known/override", json=good | change)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(change))}"
