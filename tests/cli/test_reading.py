"""Commands that read a running service print tables for people and JSON for machines."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from healthsvc.cli import app as command
from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY, app, draining, url_checker
from tests.api.rows import AT, add_alert, add_customer
from tests.api.serve import served

__all__ = ["app", "draining", "url_checker"]
RENEWS = {
    "mrr": 4900.0,
    "currency": "EUR",
    "renewal_at": AT + timedelta(days=10),
    "flags": ["cancel_intent"],
}
Run = Callable[..., Awaitable[Result]]


@pytest.fixture
async def run(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Run]:
    """Runs a command beside the service that it reads."""
    async with served(app) as port:
        monkeypatch.setenv("HEALTHSVC_API_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("HEALTHSVC_API_KEY", ADMIN_KEY)

        async def invoke(*arguments: str) -> Result:
            return await asyncio.to_thread(CliRunner().invoke, command, list(arguments))

        yield invoke


async def test_customers_are_a_table_of_the_riskiest_first(run: Run, engine: AsyncEngine) -> None:
    await add_customer(engine, "acme", name="Açaí [bold]& Co", risk=0.9, **RENEWS)
    await add_customer(engine, "calm", risk=0.1, score=None, owner="ana")

    everybody = await run("customers")
    some = await run("customers", "--owner", "ana", "--json")

    head, _, first, second = everybody.stdout.splitlines()
    assert head.split() == [
        *("Customer", "Name", "Band", "Score", "Risk", "MRR", "Renewal", "Owner", "Reason")
    ]
    assert first.split("  ")[0] == "acme"
    assert "Açaí [bold]& Co" in first
    assert "4,900 EUR   2026-03-11" in first
    assert first.rstrip().endswith("Visited the cancellation page")
    assert second.split()[0:5] == ["calm", "Calm", "watch", "-", "0.10"]
    assert [item["customer_id"] for item in json.loads(some.stdout)["items"]] == ["calm"]


async def test_a_limit_is_kept_and_all_reads_every_page(run: Run, engine: AsyncEngine) -> None:
    for number in range(252):
        await add_customer(engine, f"c{number:03}")

    some = await run("customers", "-n", "3", "--sort", "customer_id", "--json")
    everybody = await run("customers", "--all", "--sort", "customer_id", "--json")

    assert [item["customer_id"] for item in json.loads(some.stdout)["items"]] == [
        "c000",
        "c001",
        "c002",
    ]
    assert len(json.loads(everybody.stdout)["items"]) == 252


async def test_alerts_are_listed_in_the_language_that_is_asked(
    run: Run, engine: AsyncEngine
) -> None:
    await add_customer(engine, "acme")
    await add_alert(engine, "al_1")
    await add_alert(engine, "al_2", kind="silent", state="resolved", raised_at=AT + timedelta(1))

    done = await run("alerts", "--state", "open", "--language", "pt-BR")

    (row,) = done.stdout.splitlines()[2:]
    assert row.split()[:5] == ["al_1", "acme", "critical", "open", "2026-03-01"]
    assert "visitou a página de cancelamento" in row


async def test_nothing_to_list_is_said(run: Run) -> None:
    assert (await run("customers")).stdout == "No customer matches.\n"
    assert (await run("alerts")).stdout == "No alert matches.\n"
    assert (await run("worklist")).stdout == "Nobody needs a call.\n"
    assert (await run("endpoints")).stdout == "There are no endpoints.\n"


async def test_a_mistake_in_a_filter_ends_with_the_services_own_words(run: Run) -> None:
    wrong = await run("customers", "--where", "limt=3")
    shapeless = await run("customers", "--where", "limit")

    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "/query/limt" in wrong.stderr
    assert shapeless.exit_code == 2
    assert "NAME=VALUE" in shapeless.stderr


async def test_a_customer_that_is_missing_is_told_in_one_line(run: Run) -> None:
    done = await run("explain", "nobody")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "404 Not found: There is no such customer.\n"


def test_a_service_that_is_away_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["customers", "--url", "http://127.0.0.1:1", "--key", "k"]

    done = CliRunner().invoke(command, arguments)

    assert done.exit_code == 69
    assert done.stderr.startswith("No answer from http://127.0.0.1:1/v1/customers: ")
    assert len(done.stderr.splitlines()) == 1


def test_without_a_key_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEALTHSVC_ADMIN_KEY", raising=False)

    done = CliRunner().invoke(command, ["customers"])

    assert done.exit_code == 2
    assert "HEALTHSVC_API_KEY" in done.stderr
