"""An owner's day: whom to call first, why, when, and what to know; the rest stays reachable."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY, Switch, UrlChecker, client_of, make_app
from tests.flows.spine import append, applied, installed, processing, scalar, wall
from tests.support.clock import Clock
from tests.support.makers import make_event
from tests.support.waiting import until

CANCEL = {"url": "https://app.example.com/account/cancel"}


def story(now: datetime) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []

    def happened(type: str, customer: str, ago: timedelta, **data: Any) -> None:
        at = (now - ago).isoformat()
        events.append(
            make_event(type, id=f"e{len(events)}", customer_id=customer, occurred_at=at, data=data)
        )

    for customer, mrr in (
        ("small", 50),
        ("large", 5000),
        ("leaving", 100),
        ("called", 900),
        ("theirs", 100),
    ):
        owner = "jo" if customer == "theirs" else "kim"
        zone = {"timezone": "Europe/Berlin"} if customer == "leaving" else {}
        happened(
            "customer.updated",
            customer,
            timedelta(days=2),
            owner=owner,
            mrr=mrr,
            name=customer.title(),
            **zone,
        )
        for hours in range(40):
            happened("feature.used", customer, timedelta(hours=hours, minutes=7), feature="export")
    for customer in ("small", "large", "theirs"):
        happened("complaint.filed", customer, timedelta(hours=5), complaint_id="1")
    happened("complaint.filed", "called", timedelta(days=2), complaint_id="1")
    for day in (1.2, 1.6):
        happened("contact.logged", "called", timedelta(days=day), outcome="positive")
    happened("page.viewed", "leaving", timedelta(minutes=2), **CANCEL)
    return events


async def test_a_day_begins_with_whoever_is_most_worth_a_call_and_the_rest_is_on_the_next_page(
    engine: AsyncEngine, database_url: str
) -> None:
    appender, now = await installed(engine, 1), datetime.now(UTC)
    events = story(now)

    async def done() -> bool:
        return await applied(engine) == len(events)

    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(done)
    clock = Clock(now + timedelta(minutes=1))
    async with client_of(
        make_app(engine, appender, clock, UrlChecker(), Switch()), ADMIN_KEY
    ) as api:
        first = await asked(api, "/v1/worklist", owner="kim", limit="2")
        second = await asked(
            api, "/v1/worklist", owner="kim", limit="2", cursor=first["next_cursor"]
        )
        back = await asked(
            api, "/v1/worklist", owner="kim", limit="2", cursor=second["prev_cursor"]
        )
        ranked = await asked(api, "/v1/alerts", owner="kim", sort="rank", kind="complaint_open")
        everybody = await asked(api, "/v1/worklist")
        customer = await asked(api, "/v1/customers/leaving")
        portuguese = await asked(api, "/v1/worklist", owner="kim", limit="1", language="pt-BR")

    assert [i["customer_id"] for i in first["items"]] == ["leaving", "large"]
    assert [i["customer_id"] for i in second["items"]] == ["small", "called"]
    assert [i["customer_id"] for i in back["items"]] == ["leaving", "large"]
    assert first["waiting"] == 4
    assert second["next_cursor"] is None
    leaving, called = first["items"][0], second["items"][1]
    assert leaving["rank"]["why"].startswith("Critical; began ")
    assert leaving["alert"]["kind"] == "cancel_intent"
    assert (
        leaving["alert"]["summary"]
        == "Leaving: visited the cancellation page. Call within the hour."
    )
    assert leaving["briefing"]["question"]["pt"].endswith("?")
    assert (leaving["contact"]["timezone"], leaving["contact"]["timezone_from"]) == (
        "Europe/Berlin",
        "profile",
    )
    assert (called["contact"]["contacts"], called["contact"]["over_cap"]) == (2, True)
    assert (
        "someone has spoken with them since; contacted often enough lately"
        in (called["rank"]["why"])
    )
    assert [part["part"] for part in called["rank"]["parts"]] == ["money", "urgency", "chance"]
    assert [a["customer_id"] for a in ranked["items"]] == ["large", "small", "called"]
    assert len(everybody["items"]) == 5
    (item,) = portuguese["items"]
    assert item["rank"]["why"].startswith("Crítico; começou há ")
    assert (
        item["alert"]["summary"]
        == "Leaving: visitou a página de cancelamento. Ligue dentro de uma hora."
    )
    assert item["alert"]["detail"]["play"].startswith("Ligue dentro de uma hora.")
    assert (
        item["alert"]["detail"]["briefing"]["happened"][0]["title"]
        == "Visitou a página de cancelamento"
    )
    assert item["briefing"]["happened"][0]["title"] == "Visitou a página de cancelamento"
    assert item["alert"] | {"summary": "", "detail": ""} == leaving["alert"] | {
        "summary": "",
        "detail": "",
    }
    assert customer["contact"]["windows_from"] in ("activity", "default")


LONG_AGO = timedelta(days=40)


def imported(now: datetime) -> list[dict[str, Any]]:
    """A past in which everything that matters began weeks ago, as an import brings it."""
    events: list[dict[str, Any]] = []

    def happened(type: str, customer: str, ago: timedelta, **data: Any) -> None:
        at = (now - ago).isoformat()
        events.append(
            make_event(type, id=f"i{len(events)}", customer_id=customer, occurred_at=at, data=data)
        )

    def used(customer: str, mrr: float, until_ago: timedelta) -> None:
        happened("customer.updated", customer, timedelta(days=90), mrr=mrr, name=customer.title())
        for day in range(60):
            ago = until_ago + timedelta(days=day)
            happened("feature.used", customer, ago, feature="export")

    used("complaining", 5000, timedelta(hours=2))
    happened("complaint.filed", "complaining", timedelta(days=20), complaint_id="1")
    used("reader", 300, timedelta(hours=2))
    for visit in range(6):
        url = "https://example.com/pricing"
        happened("page.viewed", "reader", timedelta(days=4, hours=visit), url=url, kind="pricing")
    used("silent", 800, LONG_AGO)
    used("left", 9000, timedelta(days=30))
    happened("subscription.cancelled", "left", timedelta(days=30))
    used("sound", 700, timedelta(hours=2))
    used("spoken", 600, LONG_AGO)
    happened("contact.logged", "spoken", timedelta(minutes=1), outcome="positive")
    return events


async def test_after_an_import_the_list_is_made_of_what_stands_now_alert_or_not(
    engine: AsyncEngine, database_url: str
) -> None:
    appender, now = await installed(engine, 1), datetime.now(UTC)
    events = imported(now)

    async def done() -> bool:
        return await applied(engine) == len(events)

    async def silence_decided() -> bool:
        flags = "select flags from standings where customer_id = 'silent'"
        return "silent" in (await scalar(engine, flags) or [])

    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(done)
        await until(silence_decided)
    clock = Clock(wall())
    async with client_of(
        make_app(engine, appender, clock, UrlChecker(), Switch()), ADMIN_KEY
    ) as api:
        worklist = await asked(api, "/v1/worklist", limit="50")
        critical = await asked(api, "/v1/customers", band="critical")
        at_risk = await asked(api, "/v1/customers", band="at_risk")
        alerts = await asked(api, "/v1/alerts", sort="rank")

    listed = [item["customer_id"] for item in worklist["items"]]
    low = {c["customer_id"] for c in (*critical["items"], *at_risk["items"])}
    assert low - {"spoken", "left"} <= set(listed)
    assert "complaining" in low
    assert listed.index("complaining") < listed.index("reader")
    assert "silent" in listed
    assert not {"left", "sound", "spoken"} & set(listed)
    assert "left" not in {alert["customer_id"] for alert in alerts["items"]}
    complaining = worklist["items"][listed.index("complaining")]
    assert complaining["alert"] is None
    assert complaining["summary"].startswith("Complaining: ")
    assert complaining["briefing"]["question"]["en"].endswith("?")
    assert worklist["waiting"] == len(listed)


async def test_who_was_called_today_comes_back_when_something_critical_begins_afterwards(
    engine: AsyncEngine, database_url: str
) -> None:
    appender, now = await installed(engine, 1), datetime.now(UTC)
    events = [e for e in imported(now) if e["customer_id"] == "spoken"]
    page = make_event(
        "page.viewed", id="p", customer_id="spoken", occurred_at=now.isoformat(), data=CANCEL
    )
    events.append(page)

    async def done() -> bool:
        return await applied(engine) == len(events)

    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(done)
    async with client_of(
        make_app(engine, appender, Clock(now), UrlChecker(), Switch()), ADMIN_KEY
    ) as api:
        worklist = await asked(api, "/v1/worklist")

    assert [item["customer_id"] for item in worklist["items"]] == ["spoken"]


async def test_the_list_honours_what_was_done_with_alerts(
    engine: AsyncEngine, database_url: str
) -> None:
    appender, now = await installed(engine, 1), datetime.now(UTC)
    events = story(now)

    async def done() -> bool:
        return await applied(engine) == len(events)

    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(done)
    async with client_of(
        make_app(engine, appender, Clock(wall()), UrlChecker(), Switch()), ADMIN_KEY
    ) as api:

        async def listed(owner: str) -> set[str]:
            items = (await asked(api, "/v1/worklist", owner=owner, limit="50"))["items"]
            return {item["customer_id"] for item in items}

        async def act(customer: str, step: str, **body: Any) -> None:
            for alert in (await asked(api, "/v1/alerts", customer_id=customer))["items"]:
                answer = await api.post(f"/v1/alerts/{alert['id']}/{step}", json=body)
                assert answer.status_code == 200, answer.text

        assert {"small", "large", "leaving"} <= await listed("kim")
        await act("small", "assign", assignee="jo")
        await act("large", "resolve", outcome="saved")
        await act("leaving", "snooze", until=(wall() + timedelta(days=2)).isoformat())

        assert not {"small", "large", "leaving"} & await listed("kim")
        assert {"small", "theirs"} <= await listed("jo")


async def asked(api: httpx.AsyncClient, path: str, **query: str) -> dict[str, Any]:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said
