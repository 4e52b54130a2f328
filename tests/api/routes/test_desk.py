"""The desk: alerts given to somebody, put off, noted, resolved with an outcome, reopened."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from healthsvc.flows.alerts import desk_clock
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import alert_writes
from tests.api.rows import AT, add_alert, add_customer, add_subscriber, fetch
from tests.support.clock import Clock

KIM = {"x-actor": "Kim Park"}


async def take(api: httpx.AsyncClient, step: str, alert: str = "al_1", **body: Any) -> Any:
    answer = await api.post(
        f"/v1/alerts/{alert}/{step}", headers=KIM, **({"json": body} if body else {})
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def messages(engine: AsyncEngine) -> list[str]:
    return [
        row["type"] for row in await fetch(engine, "select type from changes order by position")
    ]


async def test_an_alert_is_given_to_ana_noted_put_off_resolved_and_reopened(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await add_subscriber(engine)
    await add_alert(engine, "al_1")

    given = await take(api, "assign", assignee="ana", priority="urgent")
    await take(api, "comment", note="On leave until Monday")
    until = (clock() + timedelta(days=3)).isoformat()
    off = await take(api, "snooze", until=until)
    done = await take(api, "resolve", outcome="saved", note="They stay")
    again = await take(api, "reopen", note="They don't")

    assert (given["state"], given["assignee"], given["priority"]) == (
        "acknowledged",
        "ana",
        "urgent",
    )
    assert off["state"] == "snoozed"
    assert (done["state"], done["outcome"], done["note"]) == ("resolved", "saved", "They stay")
    assert done["snoozed_until"] is None
    assert (again["state"], again["outcome"], again["assignee"]) == ("acknowledged", None, "ana")
    steps = (await api.get("/v1/alerts/al_1/steps")).json()["items"]
    assert [each["step"] for each in steps] == ["assign", "comment", "snooze", "resolve", "reopen"]
    assert {each["actor"]["name"] for each in steps} == {"Kim Park"}
    assert steps[3]["note"] == "They stay"
    assert [kind.removeprefix("alert.") for kind in await messages(engine)] == [
        "assigned",
        "commented",
        "snoozed",
        "resolved",
        "reopened",
    ]
    audited = await fetch(engine, "select action from audit where target = 'al_1' order by id")
    assert [row["action"] for row in audited] == [
        "alert.assigned",
        "alert.commented",
        "alert.snoozed",
        "alert.resolved",
        "alert.reopened",
    ]


async def test_doing_it_again_changes_nothing_and_of_two_people_the_first_ones_outcome_stands(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_alert(engine, "al_1")
    await take(api, "assign", assignee="ana")
    revision = (await take(api, "assign", assignee="ana"))["revision"]

    both = await asyncio.gather(
        take(api, "resolve", outcome="saved"), take(api, "resolve", outcome="churned")
    )

    assert revision == 2
    assert len({each["outcome"] for each in both}) == 1
    (count,) = await fetch(engine, "select count(*) as n from alert_steps where step = 'resolve'")
    assert count["n"] == 1


async def test_a_snooze_ends_at_its_time_also_if_the_service_was_down_meanwhile(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await add_subscriber(engine)
    await add_alert(engine, "al_1")
    await take(api, "snooze", until=(clock() + timedelta(hours=1)).isoformat())

    assert await desk_clock.look(engine, clock()) == 0
    later = clock() + timedelta(days=9)
    await asyncio.gather(desk_clock.look(engine, later), desk_clock.look(engine, later))

    alert = (await api.get("/v1/alerts/al_1")).json()
    assert (alert["state"], alert["snoozed_until"], alert["assignee"]) == (
        "acknowledged",
        None,
        "Kim Park",
    )
    assert await messages(engine) == ["alert.snoozed", "alert.woken"]


@pytest.mark.parametrize(("edge", "before", "after"), [("ends", ["silent"], []),
                                                       ("begins", [], ["silent"])])  # fmt: skip
async def test_a_snooze_ends_with_a_flag(
    api: httpx.AsyncClient,
    engine: AsyncEngine,
    clock: Clock,
    edge: str,
    before: list[str],
    after: list[str],
) -> None:
    key = await add_customer(engine, "acme", flags=before)
    await add_alert(engine, "al_1", customer_key=key)
    await take(api, "snooze", until_flag="silent", edge=edge)

    assert await desk_clock.look(engine, clock()) == 0
    async with engine.begin() as conn:
        await conn.exec_driver_sql("update standings set flags = $1", (after,))
    assert await desk_clock.look(engine, clock()) == 1
    assert (await api.get("/v1/alerts/al_1")).json()["state"] == "acknowledged"


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"until": "2020-01-01"}, "/until", "in the future"),
        ({"until": "2199-01-01T00:00:00Z"}, "/until", "within a year"),
        ({"until_flag": "slient"}, "/until_flag", "did you mean silent?"),
        ({}, "", "either `until` or `until_flag`"),
        ({"until": "monday"}, "/until", ""),
    ],
)
async def test_a_snooze_that_can_not_be_is_refused(
    api: httpx.AsyncClient, engine: AsyncEngine, body: dict[str, str], pointer: str, detail: str
) -> None:
    await add_alert(engine, "al_1")

    answer = await api.post("/v1/alerts/al_1/snooze", json=body)

    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    assert any(e["pointer"].startswith(pointer) and detail in e["detail"] for e in errors), errors


async def test_a_day_means_its_morning(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await add_alert(engine, "al_1")
    day = (clock() + timedelta(days=2)).date()

    alert = await take(api, "snooze", until=day.isoformat())

    assert alert["snoozed_until"] == f"{day.isoformat()}T08:00:00Z"


async def test_steps_that_the_state_does_not_allow_are_conflicts(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_alert(engine, "al_1")
    reopened = await api.post("/v1/alerts/al_1/reopen")
    await take(api, "resolve")
    given = await api.post("/v1/alerts/al_1/assign", json={"assignee": "ana"})
    nobody = await api.post("/v1/alerts/al_0/assign", json={"assignee": "ana"})

    assert [each.status_code for each in (reopened, given, nobody)] == [409, 409, 404]
    assert "Reopen it first" in given.json()["detail"]


async def test_a_step_with_an_older_revision_is_refused(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_alert(engine, "al_1")
    await take(api, "comment", note="x")

    answer = await api.post(
        "/v1/alerts/al_1/assign", json={"assignee": "ana"}, headers={"if-match": '"1"'}
    )

    assert answer.status_code == 412


async def test_many_at_once_are_each_by_themselves(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for number in range(30):
        await add_alert(engine, f"al_{number}", state="resolved" if number == 7 else "open")
    names = [f"al_{number}" for number in (*range(30), 3)]

    answer = await api.post(
        "/v1/alerts/bulk", json={"ids": [*names, "al_x"], "assign": {"assignee": "ana"}}
    )

    body = answer.json()
    assert (body["done"], body["refused"], len(body["items"])) == (29, 2, 31)
    refused = {each["id"]: each["problem"]["status"] for each in body["items"] if each["problem"]}
    assert refused == {"al_7": 409, "al_x": 404}
    mine = (await api.get("/v1/alerts", params={"assignee": "ana", "limit": 250})).json()["items"]
    assert len(mine) == 29


@pytest.mark.parametrize(
    "body", [{"ids": ["al_1"]}, {"ids": [], "acknowledge": True},
             {"ids": ["al_1"], "acknowledge": True, "resolve": {}}]
)  # fmt: skip
async def test_many_at_once_take_one_step(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await api.post("/v1/alerts/bulk", json=body)).status_code == 422


async def test_what_nobody_resolved_by_its_due_date_is_told_once(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await add_subscriber(engine)
    await add_alert(engine, "al_1", due_at=clock() - timedelta(minutes=1))
    await add_alert(engine, "al_2", due_at=clock() + timedelta(days=1))

    await desk_clock.look(engine, clock())
    await desk_clock.look(engine, clock())

    assert await messages(engine) == ["alert.overdue"]
    due = (await api.get("/v1/alerts", params={"due_before": clock().isoformat()})).json()
    assert [(each["id"], each["state"]) for each in due["items"]] == [("al_1", "open")]
    assert due["items"][0]["overdue_at"] is not None


async def test_a_condition_that_ends_closes_what_nobody_took_and_tells_the_others(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for number, state in enumerate(("open", "acknowledged", "snoozed")):
        await add_customer(engine, f"c{number}")
        await add_alert(
            engine, f"al_{number}", customer_id=f"c{number}", customer_key=number + 1, state=state
        )
    async with engine.begin() as conn:
        ended = await alert_writes.resolve_alerts(
            conn, [(key, "cancel_intent", AT) for key in (1, 2, 3)]
        )

    assert [alert.id for alert in ended] == ["al_0"]
    alerts = {a["id"]: a for a in (await api.get("/v1/alerts")).json()["items"]}
    assert [alerts[f"al_{n}"]["state"] for n in range(3)] == [
        "resolved",
        "acknowledged",
        "snoozed",
    ]
    assert all(alert["condition_ended_at"] is not None for alert in alerts.values())


async def test_operations_alerts_can_be_given_to_somebody_and_not_be_put_off(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_alert(
        engine, "al_1", customer_id=None, customer_key=None, scope="fleet", kind="fleet_guard"
    )

    off = await api.post("/v1/alerts/al_1/snooze", json={"until_flag": "silent"})
    given = await take(api, "assign", assignee="ana")

    assert off.status_code == 409
    assert "its cause alone ends it" in off.json()["detail"]
    assert given["assignee"] == "ana"
