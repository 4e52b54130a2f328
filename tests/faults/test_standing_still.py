"""A service that stands still says so: at /readyz, in the lag, by an operations alert; and goes on
by itself."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from confluent_kafka import Producer

from healthsvc.store.database.engine import connect
from tests.support.kafka_broker import KafkaBroker
from tests.support.makers import as_json, make_event
from tests.support.ports import free_ports
from tests.support.service import Service, command
from tests.support.waiting import PATIENCE_SECONDS, eventually

STALL_SECONDS = "2"
BREAK = """
    create function breaks() returns trigger language plpgsql as
        $$ begin raise exception 'broken' using errcode = '{sqlstate}'; end $$;
    create trigger breaks before update of table_offset on partitions
        for each statement execute function breaks()
"""
MEND = "drop trigger breaks on partitions; drop function breaks()"


def sql(url: str, *statements: str) -> None:
    async def run() -> None:
        conn = await connect(url)
        for statement in statements:
            await conn.execute(statement)
        await conn.close()

    asyncio.run(run())


@pytest.fixture
def shared(database_url: str) -> dict[str, str]:
    """The variables of a service on the test's database."""
    variables = {
        "DATABASE_URL": database_url,
        "ADMIN_KEY": "a-key-of-any-form",
        "STALL_SECONDS": STALL_SECONDS,
    }
    assert command("migrate", variables=variables).returncode == 0
    return variables


@pytest.fixture
def broker() -> Iterator[KafkaBroker]:
    made = KafkaBroker()
    made.start()
    yield made
    made.close()


def counted(client: httpx.Client, customer_id: str) -> int:
    answer = client.get(f"/v1/customers/{customer_id}")
    return int(answer.json()["events_total"]) if answer.status_code == 200 else 0


def pointers(client: httpx.Client) -> list[str]:
    """What /readyz lists."""
    answer = client.get("/readyz").json()
    return [each["pointer"] for each in answer.get("errors", answer.get("warnings", []))]


def alerts(client: httpx.Client) -> dict[tuple[str, str], str]:
    """The states of the operations alerts, by kind and scope; the newest counts."""
    items = client.get("/v1/alerts", params={"about": "operations"}).json()["items"]
    return {(a["kind"], a["scope"]): a["state"] for a in reversed(items)}


def lags(client: httpx.Client, source: str) -> list[str]:
    lines = client.get("/metrics").text.splitlines()
    return [
        line.split()[1]
        for line in lines
        if line.startswith("healthsvc_log_lag") and f'"{source}"' in line
    ]


def send(client: httpx.Client, customer_id: str) -> None:
    assert client.post("/v1/events", json=[make_event(customer_id=customer_id)]).status_code == 202


@pytest.mark.parametrize(
    ("sqlstate", "also"),
    [("P0001", "/step_failing/processing"), ("53100", "/database_fault/disk_full")],
)
def test_an_input_that_stands_makes_it_not_ready_until_the_cause_is_gone(
    shared: dict[str, str], sqlstate: str, also: str
) -> None:
    with Service(**shared) as service, service.client() as client:
        eventually(lambda: client.get("/readyz").json(), lambda answer: answer == {"status": "ok"})
        sql(shared["DATABASE_URL"], BREAK.format(sqlstate=sqlstate))
        send(client, "acme")

        eventually(
            lambda: pointers(client), lambda found: {"/input_stalled/table", also} <= set(found)
        )
        assert client.get("/readyz").status_code == 503
        assert "1.0" in lags(client, "table")
        eventually(
            lambda: alerts(client), lambda found: found.get(("input_stalled", "table")) == "open"
        )

        sql(shared["DATABASE_URL"], MEND)

        eventually(lambda: client.get("/readyz").json(), lambda answer: answer == {"status": "ok"})
        eventually(lambda: alerts(client), lambda found: set(found.values()) == {"resolved"})
        assert counted(client, "acme") == 1
        assert set(lags(client, "table")) == {"0.0"}


def test_a_kafka_partition_that_stands_and_a_broker_that_is_away_are_told_and_recover(
    shared: dict[str, str], broker: KafkaBroker
) -> None:
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": broker.address, "EVENTS_TOPIC": "events"}
    with Service(**shared, **kafka) as service, service.client() as client:
        eventually(lambda: lags(client, "kafka"), lambda found: set(found) == {"0.0"})
        sql(shared["DATABASE_URL"], BREAK.format(sqlstate="P0001"))
        producer = Producer({"bootstrap.servers": broker.address})
        producer.produce("events", as_json(make_event(customer_id="acme")).encode(), "acme")
        assert producer.flush(PATIENCE_SECONDS) == 0

        eventually(lambda: pointers(client), lambda found: "/input_stalled/kafka" in found)
        assert "1.0" in lags(client, "kafka")
        eventually(
            lambda: alerts(client), lambda found: found.get(("input_stalled", "kafka")) == "open"
        )
        sql(shared["DATABASE_URL"], MEND)
        eventually(lambda: client.get("/readyz").json(), lambda answer: answer == {"status": "ok"})
        assert counted(client, "acme") == 1

        broker.stop()
        eventually(lambda: pointers(client), lambda found: "/kafka_unreachable/kafka" in found)
        assert client.get("/readyz").status_code == 503
        assert set(lags(client, "kafka")) == {"NaN"}
        eventually(
            lambda: alerts(client),
            lambda found: found.get(("kafka_unreachable", "kafka")) == "open",
        )

        broker.start()
        eventually(lambda: client.get("/readyz").json(), lambda answer: answer == {"status": "ok"})
        eventually(lambda: alerts(client), lambda found: set(found.values()) == {"resolved"})


def test_a_worker_that_is_silent_is_told_by_the_others_which_stay_ready(
    shared: dict[str, str],
) -> None:
    (port,) = free_ports(1)
    short = shared | {"LEASE_SECONDS": "2"}
    with (
        Service("api", **short) as api,
        Service("process", **short, METRICS_PORT=str(port)) as process,
        api.client() as client,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as worker,
    ):
        eventually(lambda: worker.get("/readyz").json(), lambda answer: answer == {"status": "ok"})
        send(client, "acme")
        eventually(lambda: counted(client, "acme"), lambda n: n == 1)
        os.kill(process.pid, signal.SIGSTOP)
        send(client, "acme")

        eventually(lambda: pointers(client), lambda found: found == ["/partitions_unowned/workers"])
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        eventually(
            lambda: alerts(client),
            lambda found: found.get(("partitions_unowned", "workers")) == "open",
        )

        os.kill(process.pid, signal.SIGCONT)
        eventually(lambda: client.get("/readyz").json(), lambda answer: answer == {"status": "ok"})
        eventually(lambda: alerts(client), lambda found: set(found.values()) == {"resolved"})
        assert counted(client, "acme") == 2


def test_a_worker_whose_input_stands_is_not_ready_and_the_api_beside_it_is_and_names_it(
    shared: dict[str, str],
) -> None:
    (port,) = free_ports(1)
    with (
        Service("api", **shared) as api,
        Service("process", **shared, METRICS_PORT=str(port)),
        api.client() as client,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as worker,
    ):
        eventually(lambda: worker.get("/readyz").json(), lambda answer: answer == {"status": "ok"})
        sql(shared["DATABASE_URL"], BREAK.format(sqlstate="P0001"))
        send(client, "acme")

        eventually(lambda: worker.get("/readyz").status_code, lambda status: status == 503)
        eventually(lambda: pointers(client), lambda found: "/input_stalled/table" in found)
        assert client.get("/readyz").status_code == 200

        sql(shared["DATABASE_URL"], MEND)
        for each in (worker, client):
            eventually(lambda each=each: ready(each), lambda answer: answer == {"status": "ok"})


def ready(client: httpx.Client) -> Any:
    return client.get("/readyz").json()
