"""A role without an API says on a port of its own whether it lives, whether it is ready, and what
it measured."""

from collections.abc import Iterator

import asyncpg
import httpx
import pytest

from healthsvc.flows.readiness.checks import LOOKING, Readiness
from healthsvc.runtime.probe_server import serve_probes


@pytest.fixture
def readiness() -> Readiness:
    return Readiness(process="here", roles=frozenset({"process"}))


@pytest.fixture
def client(readiness: Readiness) -> Iterator[httpx.Client]:
    server = serve_probes("127.0.0.1", 0, readiness)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as made:
        yield made
    server.shutdown()
    server.server_close()


def test_a_worker_that_is_well_says_so(client: httpx.Client) -> None:
    for path in ("/livez", "/healthz", "/readyz"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "healthsvc_log_lag_records" in client.get("/metrics").text
    assert client.get("/v1/customers").status_code == 404


def test_a_step_beside_it_that_fails_degrades_it(
    client: httpx.Client, readiness: Readiness
) -> None:
    step = readiness.steps.register("ledger", 30.0)
    for _ in range(3):
        step.failed(ValueError("odd"))

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert [warning["pointer"] for warning in answer.json()["warnings"]] == ["/step_failing/ledger"]


@pytest.mark.parametrize(
    ("error", "pointer", "word"),
    [
        (asyncpg.DiskFullError("x"), "/database_fault/disk_full", "53100"),
        (asyncpg.PostgresIOError("x"), "/database_fault/io_error", "58030"),
        (asyncpg.OutOfMemoryError("x"), "/database_fault/out_of_memory", "53200"),
        (asyncpg.TooManyConnectionsError("x"), "/database_fault/too_many_connections", "53300"),
        (asyncpg.ReadOnlySQLTransactionError("x"), "/database_fault/read_only", "25006"),
        (ConnectionRefusedError("x"), "/database_fault/unreachable", "reached"),
    ],
)
def test_each_outage_of_the_database_makes_it_not_ready_and_says_what_to_do(
    client: httpx.Client, readiness: Readiness, error: Exception, pointer: str, word: str
) -> None:
    step = readiness.steps.register(LOOKING, 5.0)
    step.failed(error)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    (told,) = answer.json()["errors"]
    assert told["pointer"] == pointer
    assert word in told["detail"]

    step.succeeded()
    assert client.get("/readyz").json() == {"status": "ok"}
