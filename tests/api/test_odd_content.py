"""Whatever an event holds beyond what its type knows: every answer about its customer is given,
every background step goes on, and the figures of others stay right."""

import asyncio
import json
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from healthsvc.api import ApiConfig, create_app
from healthsvc.flows.admin import retention
from healthsvc.flows.admin.keys import pepper_of
from healthsvc.flows.alerts import measure_coverage, outage_detection
from healthsvc.flows.intake.append import Appender
from healthsvc.flows.lab import export
from healthsvc.flows.projections import preview
from healthsvc.store.alerts import outages
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.secrets import Vault
from healthsvc.store.portfolio import ledger
from healthsvc.wire.files.columns import read_events
from healthsvc.wire.files.row_groups import RowTally
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.api.conftest import ADMIN_KEY, PARTITIONS, SECRET, Switch, UrlChecker, client_of
from tests.api.rich_service import STREAM
from tests.flows.projections.test_rebuild import build, published, second_document
from tests.flows.spine import another_database, applied, installed, processing, rows, scalar, wall
from tests.support import odd
from tests.support.makers import make_event
from tests.support.service import Service
from tests.support.waiting import eventually, until

AT = "2026-05-04T09:30:00Z"
PERIOD = {"from": "2026-05-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"}
GROUP = "keeper"
FIGURES = {
    "customers_at_start": 1,
    "mrr_at_start": 200,
    "mrr_at_end": 260,
    "nps": 100,
    "hours_to_resolution": 24,
    "adoption": 0.25,
    "nrr": 1.3,
}


def good_events(customer: str = "good") -> list[dict[str, Any]]:
    """Events of a customer with the `FIGURES`."""
    told = [
        ("2026-04-01", "customer.updated", {"owner": GROUP, "mrr": 200, "features_owned": 4}),
        ("2026-05-10", "survey.answered", {"survey": "nps", "score": 9}),
        ("2026-05-10", "ticket.opened", {"ticket_id": "t-1"}),
        ("2026-05-11", "ticket.resolved", {"ticket_id": "t-1"}),
        ("2026-05-20", "feature.used", {"feature": "x"}),
        ("2026-05-22", "subscription.changed", {"mrr": 260, "previous_mrr": 200}),
    ]
    dated = [
        make_event(type, customer_id=customer, data=data, occurred_at=f"{day}T00:00:00Z")
        for day, type, data in told
    ]
    return [
        *dated,
        make_event(
            "session.started", customer_id=customer, data={}, occurred_at=wall().isoformat()
        ),
    ]


def figures_of(portfolio: dict[str, Any]) -> dict[str, Any]:
    """What the group of the good customer comes to, as in `FIGURES`."""
    part = next(part for part in portfolio["items"] if part["group"] == GROUP)
    return {
        name: part[name]["value"] if isinstance(part[name], dict) else part[name]
        for name in FIGURES
    }


ROW_4 = (
    ("subscription.cancelled", {"previous_mrr": "x"}),
    ("ticket.answered", {"ticket_id": "t", "mrr": "x"}),
    ("survey.answered", {"survey": "nps", "score": 9, "mrr": [], "features_owned": {}}),
    ("customer.updated", {"previous_mrr": "NaN", "score": True, "effective_at": "2026-99-99"}),
    ("subscription.renewed", {"previous_mrr": "Infinity", "effective_at": 7}),
    ("feature.used", {"feature": "x", "mrr": "x"}),
)


def test_an_accepted_event_with_odd_fields_does_not_freeze_the_portfolio_of_a_running_server(
    database_url: str,
) -> None:
    with (
        Service(DATABASE_URL=database_url, ADMIN_KEY=ADMIN_KEY) as service,
        service.client() as client,
    ):
        odd_events = [make_event(type, customer_id="odd", data=data) for type, data in ROW_4]
        for event in odd_events:
            assert (
                client.post("/v1/events", json=event).json()["results"][0]["status"] == "accepted"
            )
        answer = client.post("/v1/events", json=good_events(), headers={"prefer": "wait=30"})
        assert answer.headers.get("preference-applied")

        def portfolio() -> dict[str, Any]:
            found: dict[str, Any] = client.get(
                "/v1/portfolio", params=PERIOD | {"by": "owner"}
            ).json()
            return found

        found = eventually(portfolio, lambda p: any(part["group"] == GROUP for part in p["items"]))
        assert figures_of(found) == FIGURES
        assert found["events_waiting"] == 0
        assert "ledger.fault" not in service.output


@settings(max_examples=2, phases=[Phase.generate])
@given(sent=st.lists(odd.events(AT), min_size=40, max_size=40))
def test_odd_content_fails_nothing_and_leaves_the_figures_of_others_right(
    postgres_url: str, sent: list[str]
) -> None:
    asyncio.run(_everything_goes_on(postgres_url, sent))


@pytest.mark.soak
@settings(max_examples=100)
@given(sent=st.lists(odd.events(AT), min_size=40, max_size=400))
def test_much_odd_content_fails_nothing_and_leaves_the_figures_of_others_right(
    postgres_url: str, sent: list[str]
) -> None:
    asyncio.run(_everything_goes_on(postgres_url, sent))


async def _everything_goes_on(postgres_url: str, sent: Sequence[str]) -> None:
    async with another_database(postgres_url) as (url, engine):
        appender = await installed(engine, PARTITIONS)
        app = _app(engine, appender)
        async with client_of(app, ADMIN_KEY) as client, processing(engine, url, wall):
            accepted = await _send(client, sent)
            await until(lambda: _all_counted(engine, accepted))
            await _answers(client, app, engine)
        assert await scalar(engine, "select count(*) from dead_letters") == 0
        await _background(engine, accepted)
        await appender.close()


def _app(engine: AsyncEngine, appender: Appender) -> FastAPI:
    config = ApiConfig(
        version="0.1.0",
        partitions=PARTITIONS,
        pepper=pepper_of(SECRET),
        vault=Vault(SECRET),
        check_url=UrlChecker(),
        admin_key=ADMIN_KEY,
        draining=Switch(),
    )
    return create_app(engine=engine, appender=appender, now=wall, config=config)


async def _send(client: httpx.AsyncClient, sent: Sequence[str]) -> int:
    """Odd and good events in turn; answers how many were accepted."""
    accepted, good = 0, good_events()
    for n, event in enumerate(sent):
        answer = await client.post(
            "/v1/events",
            content=f'{{"id":"o{n}",{event}',
            headers={"content-type": "application/json"},
        )
        assert answer.status_code < 500, (answer.text, event[:500])
        results = answer.json().get("results", [])
        accepted += sum(result["status"] == "accepted" for result in results)
        if n < len(good):
            assert (await client.post("/v1/events", json=good[n])).status_code == 202
    return accepted + len(good)


async def _all_counted(engine: AsyncEngine, events: int) -> bool:
    """Whether all are folded, and the good customer is decided."""
    decided = await scalar(
        engine, "select count(*) from standings where owner = :owner", owner=GROUP
    )
    return await applied(engine) >= events and decided == 1


async def _answers(client: httpx.AsyncClient, app: FastAPI, engine: AsyncEngine) -> None:
    """Every GET is answered, and the figures of the good customer are right."""
    known = set(await _column(engine, "select customer_id from customers"))
    since = {"from": (wall() - timedelta(days=1)).isoformat()}
    paths = [
        path
        for path, methods in app.openapi()["paths"].items()
        if "get" in methods and path != STREAM
    ]
    about_one = [path for path in paths if path.startswith("/v1/customers/{customer_id}")]
    assert {"/v1/portfolio", "/v1/worklist", "/v1/customers"} <= set(paths)
    assert len(about_one) >= 6
    for path in paths:
        if "{" not in path:
            answer = await client.get(path)
            assert answer.status_code < 500, (path, answer.text)
    for path, customer in product(about_one, sorted(known)):
        place = path.replace("{customer_id}", quote(customer, safe=""))
        answer = await client.get(place, params=since if path.endswith("/diff") else None)
        assert answer.status_code == 200, (place, answer.text)
        json.loads(answer.content, parse_constant=pytest.fail)
    for customer in sorted(known):
        path = f"/v1/customers/{quote(customer, safe='')}"
        past = await client.get(
            f"{path}/health/explanation", params={"at": wall().isoformat(), "language": "pt"}
        )
        typed = await client.get(f"{path}/events", params={"type": "customer.updated"})
        assert (past.status_code, typed.status_code) == (200, 200), customer
    for by in ("segment", "tier", "owner"):
        table = await client.get(
            "/v1/portfolio", params=PERIOD | {"by": by}, headers={"accept": "text/csv"}
        )
        assert table.status_code == 200
    found = (await client.get("/v1/portfolio", params=PERIOD | {"by": "owner"})).json()
    assert (found["events_waiting"], figures_of(found)) == (0, FIGURES)


async def _column(engine: AsyncEngine, sql: str) -> list[Any]:
    return [row[0] for row in await rows(engine, sql)]


async def _background(engine: AsyncEngine, events: int) -> None:
    """Every step that reads archived events comes to its end."""
    async with engine.begin() as conn:
        assert await ledger.catch_up(conn) == 0
        await conn.execute(
            text(
                "insert into guards (scope, since, began_at, alert_id)"
                " values ('source:crm', now(), now() - interval '1 minute', 'x')"
            )
        )
        await outages.concerned(conn, [*odd.CUSTOMERS, "good"], wall())
    await outage_detection.look(engine, wall(), 0)
    await measure_coverage.measures(engine, wall())
    await retention.drop_old_days(engine, 1, wall())
    await retention.trim_log(engine, timedelta(0))
    found = await preview.preview(engine, default_document(), wall(), sample=10)
    assert found.left_out == 0
    risk_type = compile_document(default_document()).program.risk_type
    with tempfile.TemporaryDirectory() as folder:
        path, tally = Path(folder) / "events.csv.gz", RowTally()
        assert await export.write(engine, path, risk_type, lambda _done, _about: None) == events
        assert sum(map(len, read_events(path, tally))) == events
        assert tally.bad == 0
    await published(engine, second_document())
    assert await build(engine)
