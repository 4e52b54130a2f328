"""`healthsvc up` as a person meets it: one command, one clear sentence when it can't, a clean end,
and a way back."""

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.makers import make_event
from tests.support.service import Service, command
from tests.support.waiting import PATIENCE_SECONDS, eventually


@pytest.fixture
def service(data_dir: Path) -> Iterator[Service]:
    """One that the test may end."""
    with Service(by_command=True, DATA_DIR=str(data_dir)) as running:
        yield running


@pytest.fixture(scope="module")
def standing() -> Iterator[Service]:
    """One that goes on for the next test."""
    with tempfile.TemporaryDirectory(
        prefix="healthsvc-data-", ignore_cleanup_errors=True
    ) as folder:
        with Service(by_command=True, DATA_DIR=folder) as running:
            yield running


def counted(client: httpx.Client, customer_id: str) -> int:
    answer = client.get(f"/v1/customers/{customer_id}")
    return int(answer.json()["events_total"]) if answer.status_code == 200 else 0


def send(client: httpx.Client, *events: object) -> list[str]:
    answer = client.post("/v1/events", json=list(events))
    assert answer.status_code == 202, answer.text
    return [result["status"] for result in answer.json()["results"]]


def postgres_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def test_a_first_start_that_is_not_on_a_terminal_names_the_file_of_its_key(
    standing: Service,
) -> None:
    (path,) = Path(standing.variables["DATA_DIR"]).glob("first-admin-key")
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(path.resolve()) in standing.output
    assert "hsk_" not in standing.output


def test_one_command_serves_everything_and_its_printed_key_opens_it(standing: Service) -> None:
    assert httpx.get(f"{standing.url}/readyz").status_code == 200
    assert httpx.get(f"{standing.url}/docs").status_code == 200
    assert httpx.get(f"{standing.url}/v1/customers").status_code == 401
    with standing.client() as client:
        assert send(client, make_event(customer_id="acme")) == ["accepted"]
        eventually(lambda: counted(client, "acme"), lambda n: n == 1)


def test_a_second_one_on_the_same_data_refuses_in_one_sentence_that_names_the_first(
    standing: Service,
) -> None:
    second = command("up", variables={"DATA_DIR": standing.variables["DATA_DIR"], "PORT": "0"})
    assert second.returncode == 2
    (sentence,) = second.stderr.strip().splitlines()
    assert f"process {standing.pid}" in sentence


def test_sigterm_ends_it_cleanly_with_its_database_and_the_next_start_goes_on(
    service: Service, data_dir: Path
) -> None:
    with service.client() as client:
        key = service.key
        send(client, make_event(customer_id="acme"))
    assert service.stop() == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists()

    service.start()
    assert key not in service.output
    assert "keys create" in service.output
    with service.client(key) as client:
        eventually(lambda: counted(client, "acme"), lambda n: n == 1)


def test_after_kill_9_the_next_start_has_everything_acknowledged_once(service: Service) -> None:
    key = service.key
    with service.client() as client:
        for number in range(20):
            send(
                client,
                *(make_event(customer_id="acme", id=f"{number}-{each}") for each in range(5)),
            )
    service.stop(signal.SIGKILL)

    service.start()
    with service.client(key) as client:
        eventually(lambda: counted(client, "acme"), lambda n: n >= 100)
        assert counted(client, "acme") == 100


def test_a_database_that_dies_takes_the_process_down_with_its_reason(
    service: Service, data_dir: Path
) -> None:
    os.kill(postgres_pid(data_dir), signal.SIGKILL)
    assert service.process is not None
    assert service.process.wait(PATIENCE_SECONDS) == 70
    assert "PostgreSQL ended by itself" in service.output


def test_a_key_made_on_the_command_line_opens_a_running_service(standing: Service) -> None:
    made = command(
        "keys",
        "create",
        "--name",
        "crm",
        "--scope",
        "customers:read",
        "--json",
        variables={"DATA_DIR": standing.variables["DATA_DIR"]},
    )
    key = json.loads(made.stdout)["key"]
    with standing.client(key) as client:
        assert client.get("/v1/customers").status_code == 200
        assert client.post("/v1/events", json=[make_event()]).status_code == 403


def test_an_admin_key_from_the_configuration_holds_from_the_start(data_dir: Path) -> None:
    with (
        Service(DATA_DIR=str(data_dir), ADMIN_KEY="a-key-of-any-form") as service,
        service.client() as client,
    ):
        assert client.get("/v1/customers").status_code == 200
        assert "hsk_" not in service.output


def test_a_port_in_use_is_told_in_one_sentence(standing: Service, data_dir: Path) -> None:
    port = standing.url.rsplit(":", 1)[1]
    second = command("up", variables={"DATA_DIR": str(data_dir), "PORT": port})
    assert second.returncode == 2
    (sentence,) = second.stderr.strip().splitlines()
    assert "HEALTHSVC_PORT" in sentence


def test_the_roles_work_as_processes_of_their_own(database_url: str) -> None:
    shared = {"DATABASE_URL": database_url, "ADMIN_KEY": "a-key-of-any-form"}
    assert command("migrate", variables=shared).returncode == 0
    with (
        Service("api", **shared) as api,
        Service("process", **shared) as process,
        Service("deliver", **shared) as deliver,
    ):
        with api.client() as client:
            send(client, make_event(customer_id="acme"))
            eventually(lambda: counted(client, "acme"), lambda n: n == 1)
        assert [each.stop() for each in (deliver, process, api)] == [0, 0, 0]
