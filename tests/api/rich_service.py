"""A service that holds some of everything, and what it answers: a demo fleet, customers made by
hand for what a fleet seldom holds, alerts, dead letters, endpoints with attempts, a publication, a
shadow."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import httpx
import yaml

from healthsvc.core.instants import to_us
from healthsvc.demo import history
from healthsvc.flows import operations_alerts
from healthsvc.flows.intake.append import Appender
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.scorecards.document import default_document
from tests.api.conftest import ADMIN_KEY, PARTITIONS, Switch, UrlChecker, client_of, make_app
from tests.flows.projections.test_rebuild import looking_after, second_document
from tests.flows.spine import (
    another_database,
    append,
    applied,
    installed,
    processing,
    rows,
    scalar,
    wall,
)
from tests.support.makers import make_event
from tests.support.waiting import until

CUSTOMER = "/v1/customers/{customer_id}"
BY_HAND = ("acme", "acme/fr", "group", "judged", "leaver", "lost")
FLEET = 60
BROKEN = '{"id": "e-broken", "source": "site", "type": "survey.answered", "customer_id": "acme"}'


STREAM: Final = "/v1/changes/stream"
"""Ends when the service drains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an operation answered."""

    method: str
    path: str
    status: int
    body: Any
    """None: it has no body, or one that isn't JSON."""


@dataclass
class Recorder:
    """Asks a service, and keeps what it answers."""

    client: httpx.AsyncClient
    document: dict[str, Any]
    answers: list[Answer] = field(default_factory=list)

    async def __call__(
        self, method: str, path: str, *, body: Any = None, query: Any = None, **places: Any
    ) -> Any:
        """The body of a good answer. path: as the API's description has it, filled with the
        places."""
        filled = path.format(**{name: quote(str(value), safe="") for name, value in places.items()})
        answer = await self.client.request(method, filled, json=body, params=query)
        assert answer.is_success, (method, filled, answer.text)
        said = (
            answer.json()
            if answer.headers.get("content-type", "").startswith("application/json")
            else None
        )
        self.answers.append(Answer(method=method, path=path, status=answer.status_code, body=said))
        return said


def gather(postgres_url: str) -> tuple[dict[str, Any], list[Answer]]:
    """The description of the API, and at least one answer of each of its operations."""
    return asyncio.run(_gather(postgres_url))


async def _gather(postgres_url: str) -> tuple[dict[str, Any], list[Answer]]:
    async with another_database(postgres_url) as (url, engine):
        appender = await installed(engine, PARTITIONS)
        draining = Switch()
        app = make_app(engine, appender, wall, UrlChecker(), draining)
        async with (
            client_of(app, ADMIN_KEY) as client,
            processing(engine, url, wall),
            looking_after(engine),
        ):
            ask = Recorder(client=client, document=app.openapi())
            between = await _fill(ask, engine, appender)
            await _operate(ask, engine)
            await _read(ask, engine, between)
            await _end(ask)
            draining.on = True
            await ask("get", STREAM)
        await appender.close()
    return ask.document, ask.answers


async def _fill(ask: Recorder, engine: AsyncEngine, appender: Appender) -> datetime:
    """Events of the fleet and of the customers by hand; answers an instant at which half of these
    were counted."""
    endpoint = {"url": "https://crm.example.com/hooks", "event_types": [], "description": "CRM"}
    await ask("post", "/v1/webhooks/endpoints", body=endpoint)
    lines = history.lines(history.Demo(seed=7, customers=FLEET, end_us=to_us(wall())))
    ids = [event.customer_id for event in decode_batch(lines, now_us=1 << 62).events]
    entries = [(customer, line.decode()) for customer, line in zip(ids, lines, strict=True)]
    for start in range(0, len(entries), 1000):
        await appender.append(entries[start : start + 1000])
    first = _stories()
    await append(appender, first)
    await appender.append([("acme", BROKEN)])
    await until(lambda: _counted(engine, len(entries) + len(first)))
    between = wall()
    later = _later()
    await append(appender, later)
    bad = {"id": "e-bad", "type": "survey.answered"}
    await ask(
        "post", "/v1/events", body=[make_event("session.started", customer_id="acme", data={}), bad]
    )
    override = {
        "score": 80,
        "reason": "They renewed by phone",
        "expires_at": (wall() + timedelta(days=9)).isoformat(),
    }
    await ask("post", f"{CUSTOMER}/override", body=override, customer_id="judged")
    await ask("delete", f"{CUSTOMER}/override", customer_id="acme")
    await until(lambda: _counted(engine, len(entries) + len(first) + len(later) + 3))
    await until(
        lambda: scalar(engine, "select count(*) > 0 from alerts where customer_id = 'leaver'")
    )
    return between


async def _counted(engine: AsyncEngine, events: int) -> bool:
    return await applied(engine) >= events


def _event(customer_id: str, type: str, days_ago: float, **data: Any) -> dict[str, Any]:
    """An event of a customer, so many days ago."""
    occurred_at = (wall() - timedelta(days=days_ago)).isoformat()
    return make_event(type, customer_id=customer_id, occurred_at=occurred_at, data=data)


def _stories() -> list[dict[str, Any]]:
    """A customer that looks at prices and for help, its parent and its sister, one that is judged
    by somebody, one that left."""
    acme: dict[str, Any] = {
        "name": "Acme",
        "owner": "kim",
        "segment": "smb",
        "tier": "low",
        "mrr": 90_000,
        "seats": 20,
        "features_owned": 12,
        "parent_id": "group",
        "timezone": "Europe/Berlin",
        "attributes": {"industry": "software", "champion": "ada@example.com"},
    }
    branch = {"name": "Acme France", "parent_id": "group", "mrr": 100, "features_owned": ["sso"]}
    told = [
        _event("group", "customer.updated", 500, name="Group"),
        _event("acme", "customer.updated", 500, **acme),
        _event("acme/fr", "customer.updated", 500, **branch),
        *(_event(c, "session.started", 0.5 + n) for c in ("acme/fr", "judged") for n in range(20)),
        *(_event("acme", "feature.used", 2 * n, feature=f"f{n % 4}") for n in range(1, 40)),
        *(_event("acme", "subscription.renewed", days) for days in (400, 30)),
        *(
            _event(
                "acme", "page.viewed", n / 10, url="https://example.com/support", feature="reports"
            )
            for n in range(5)
        ),
        _event("acme", "survey.answered", 9, survey="nps", score=2),
        _event("acme", "ticket.opened", 8, ticket_id="t-1", feature="reports"),
        _event("acme", "ticket.answered", 7.5, ticket_id="t-1"),
        _event("acme", "ticket.resolved", 7, ticket_id="t-1"),
        _event("acme", "contact.logged", 2, outcome="positive"),
        *(_event("lost", "session.started", 40 + n) for n in range(20)),
        _event("lost", "subscription.cancelled", 20, reason="Too dear"),
    ]
    return sorted(told, key=lambda event: str(event["occurred_at"]))


def _later() -> list[dict[str, Any]]:
    """What came after the first half, one of it late."""
    return [
        _event("acme", "complaint.filed", 5, complaint_id="c-1", severity="major"),
        *(_event("acme", "page.viewed", 0, url="https://example.com/pricing") for _ in range(4)),
        *(_event("acme", "feature.used", 0, feature="f1") for _ in range(3)),
        _event("leaver", "session.started", 1),
        _event("leaver", "page.viewed", 0, url="https://example.com/account/cancel"),
    ]


def _document() -> str:
    """The default scorecard with an ideal profile."""
    data = yaml.safe_load(default_document())
    data["icp"] = [
        {"attribute": "industry", "is": ["software"], "weight": 2, "why": "They stay longest."}
    ]
    return yaml.safe_dump(data, sort_keys=False)


async def _operate(ask: Recorder, engine: AsyncEngine) -> None:
    """What an operator does: publishes, looks at a shadow, settles alerts, tries letters again,
    tests an endpoint."""
    await ask("post", "/v1/scorecards/rebuild")
    await ask("post", "/v1/scorecards/cancel")
    await ask("post", "/v1/scorecards/validate", body={"document": _document()})
    made = await ask("post", "/v1/scorecards", body={"document": _document()})
    await ask("post", "/v1/scorecards/{version}/publish", version=made["version"])
    await until(lambda: _is_live(engine, made["version"]))
    await _settle(ask, engine)
    shadow = await ask("post", "/v1/scorecards", body={"document": second_document()})
    await ask("post", "/v1/scorecards/{version}/shadow", version=shadow["version"])
    await until(lambda: _is_ready(ask.client))
    await ask("post", "/v1/lab/runs", body={"kind": "fit"})
    await ask("put", "/v1/lab/schedule", body={"refit": "monthly"})
    await _connect(ask)
    await ask("post", "/v1/keys", body={"name": "crm", "scopes": ["customers:read"]})


async def _connect(ask: Recorder) -> None:
    """A source with a call of each outcome, and a link."""
    source, link = "/v1/sources/{name}", "/v1/links/{namespace}/{external_id}"
    await ask("put", source, body={"mode": "live"}, name="segment")
    track = {"type": "track", "event": "report viewed", "timestamp": "2026-01-02T10:00:00Z"}
    batch = [track | {"messageId": f"m-{user}", "userId": user} for user in ("u1", "u2")]
    call = {"batch": [*batch, track, {"type": "alias"}]}
    await ask("post", source, body=call, name="segment")
    user = {"namespace": "user", "external_id": "u1"}
    await ask("put", link, body={"customer_id": "acme"}, **user)
    await ask("delete", link, **user)
    await ask("put", link, body={"customer_id": "acme"}, **user)
    await ask("post", f"{source}/calls/retry", name="segment")
    await ask("post", source, body=call, name="segment")


async def _settle(ask: Recorder, engine: AsyncEngine) -> None:
    trouble = Trouble(
        kind="fleet_guard",
        scope="source:web",
        severity="critical",
        summary="No events from web",
        onset_at=wall(),
        detail={"got": 0},
    )
    async with engine.begin() as conn:
        await operations_alerts.raise_alert(conn, trouble, wall())
        await conn.exec_driver_sql(
            "insert into guards (scope, since, began_at, alert_id) values ('fleet', now(), now(),"
            " 'x')"
        )
    alerts = [
        row[0]
        for row in await rows(
            engine, "select id from alerts where state = 'open' and customer_id <> 'acme'"
        )
    ]
    await ask("post", "/v1/alerts/{alert_id}/acknowledge", alert_id=alerts[0])
    await _work_at_the_desk(ask, alerts[0])
    await ask(
        "post", "/v1/alerts/bulk", body={"ids": [alerts[0], "al_x"], "assign": {"assignee": "ana"}}
    )
    await ask(
        "post", "/v1/alerts/{alert_id}/resolve", alert_id=alerts[1], body={"note": "Called them"}
    )
    (endpoint,) = await _column(engine, "select id from endpoints")
    place = "/v1/webhooks/endpoints/{endpoint_id}"
    await ask("patch", place, endpoint_id=endpoint, body={"filter": {"mrr_from": 0}})
    await ask("post", f"{place}/test", endpoint_id=endpoint)
    await ask("post", f"{place}/rotate-secret", endpoint_id=endpoint)
    async with engine.begin() as conn:
        await conn.exec_driver_sql(
            "insert into attempts select id, 1, now(), .1, 503, 'failed', '' from deliveries"
        )
        await conn.exec_driver_sql(
            "update endpoints set state = 'disabled', disabled_reason = 'gone'"
        )
    await ask("post", f"{place}/enable", endpoint_id=endpoint)
    delivery = (await _column(engine, "select id from deliveries order by id limit 1"))[0]
    again = f"{place}/deliveries/{{delivery_id}}/resend"
    await ask("post", again, endpoint_id=endpoint, delivery_id=delivery)
    letters = await _column(engine, "select id from dead_letters")
    await ask("post", "/v1/dead-letters/{letter_id}/replay", letter_id=letters[0])
    await ask("post", "/v1/dead-letters/replay", body={"ids": letters})


async def _work_at_the_desk(ask: Recorder, alert: str) -> None:
    """Every step of one alert."""
    steps: dict[str, dict[str, Any] | None] = {
        "assign": {"assignee": "ana", "priority": "urgent"},
        "snooze": {"until": (wall() + timedelta(days=2)).isoformat()},
        "comment": {"note": "On leave"},
        "resolve": {"outcome": "saved", "note": "They stay"},
        "reopen": {"note": "They don't"},
    }
    for step, body in steps.items():
        await ask("post", f"/v1/alerts/{{alert_id}}/{step}", alert_id=alert, body=body)


async def _is_live(engine: AsyncEngine, version: int) -> bool:
    live = "select scorecard_version = :version from projections where state = 'live'"
    return bool(await scalar(engine, live, version=version))


async def _is_ready(client: httpx.AsyncClient) -> bool:
    found = await client.get("/v1/scorecards/shadow")
    return found.status_code == 200 and bool(found.json()["ready"])


async def _column(engine: AsyncEngine, sql: str) -> list[Any]:
    return [row[0] for row in await rows(engine, sql)]


async def _read(ask: Recorder, engine: AsyncEngine, between: datetime) -> None:
    """Every GET of the description, about each of its kind."""
    places = {
        "customer_id": [
            *BY_HAND,
            *(await _column(engine, "select customer_id from customers order by 1"))[::8],
        ],
        "alert_id": await _column(engine, "select id from alerts order by raised_at desc limit 20"),
        "version": [1, 2, 3],
        "run_id": [1],
        "endpoint_id": await _column(engine, "select id from endpoints"),
        "letter_id": await _column(engine, "select id from dead_letters"),
        "name": ["segment", "stripe"],
    }
    for path, methods in ask.document["paths"].items():
        for query in _queries(path, between) if "get" in methods and path != STREAM else ():
            name, *more = [part.partition("}")[0] for part in path.split("{")[1:]] or [None]
            assert not more, f"{path} has two places"
            for value in [None] if name is None else places[name]:
                await ask("get", path, query=query, **({} if name is None else {name: value}))


def _queries(path: str, between: datetime) -> Sequence[dict[str, Any]]:
    """With which parameters a path is asked."""
    before, now = {"from": (between - timedelta(days=30)).isoformat()}, wall().isoformat()
    some: dict[str, Sequence[dict[str, Any]]] = {
        f"{CUSTOMER}/health/diff": [{"from": between.isoformat()}, {**before, "language": "pt-BR"}],
        f"{CUSTOMER}/health/explanation": [{}, {"language": "pt-BR"}, {"at": now}],
        CUSTOMER: [{}, {"language": "pt-BR"}],
        "/v1/portfolio": [{}, {"by": "owner"}],
        "/v1/renewals": [{"to": "2030-01-01T00:00:00Z"}, {"language": "pt-BR"}],
        "/v1/features/unused": [{}, {"idle": "true"}],
        "/v1/portfolio/series": [{}, {"by": "tier", "step": "month"}],
        "/v1/pages/test": [{"url": "https://example.com/account/cancel"}],
        "/v1/alerts": [
            {"limit": 250},
            {"sort": "rank"},
            {"about": "operations"},
            {"language": "pt-BR"},
        ],
        "/v1/worklist": [{"limit": 250}, {"language": "pt-BR"}],
    }
    return some.get(path, [{}])


async def _end(ask: Recorder) -> None:
    """What takes something away, at the end."""
    await ask("delete", "/v1/scorecards/shadow")
    for run in (await ask("get", "/v1/lab/runs"))["items"]:
        await ask("delete", "/v1/lab/runs/{run_id}", run_id=run["id"])
    for key in (await ask("get", "/v1/keys"))["items"]:
        await ask("delete", "/v1/keys/{key_id}", key_id=key["id"])
    for endpoint in (await ask("get", "/v1/webhooks/endpoints"))["items"]:
        await ask("delete", "/v1/webhooks/endpoints/{endpoint_id}", endpoint_id=endpoint["id"])
