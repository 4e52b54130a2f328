"""Fixtures for all tests: real PostgreSQL and real Kafka, shared by the session, started when first
needed."""

import logging
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.store.database.engine import AsyncEngine, create_engine
from tests.support import kafka_broker, postgres_server, shared
from tests.support.clock import Clock

TESTS = Path(__file__).parent
LONG = ("faults", "e2e", "log/test_kafka.py", "test_layers.py", "flows/lab/test_runs.py")

# An example that takes long says that the machine is busy, no more.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shared.open_session()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shared.close_session()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones stand in front: one worker begins with them, and those that are done early take
    some off it."""
    items.sort(key=lambda item: not any(item.path.is_relative_to(TESTS / part) for part in LONG))


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Commands that run within a test configure logging, onto a stream that ends with the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The session's PostgreSQL (its database `postgres`)."""
    return postgres_server.shared_server()


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """A fresh, migrated database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield await postgres_server.create_database(
        postgres_url, name, template=postgres_server.TEMPLATE
    )
    await postgres_server.drop_database(postgres_url, name)


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """A fresh database without any table."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield await postgres_server.create_database(postgres_url, name)
    await postgres_server.drop_database(postgres_url, name)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on `database_url`."""
    made = create_engine(database_url, application="tests")
    yield made
    await made.dispose()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder for an embedded PostgreSQL.

    Not below pytest's own temporary folder: its next session closes that to other users, and as
    root the server is one.
    """
    with tempfile.TemporaryDirectory(
        prefix="healthsvc-data-", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@pytest.fixture
def own_postgres(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A durable PostgreSQL of the test's own, not started, not migrated; the test may stop, kill
    and start it."""
    server = postgres_server.own_server(data_dir)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kafka() -> str:
    """The bootstrap address of a real Apache Kafka."""
    return kafka_broker.shared_broker()


@pytest.fixture
def kafka_topic(kafka: str) -> Iterator[Callable[..., str]]:
    """Makes topics with fresh names: `kafka_topic(partitions=4) -> name`."""
    names: list[str] = []

    def make(partitions: int = 4, config: dict[str, str] | None = None) -> str:
        name = f"test.{uuid.uuid4().hex[:12]}"
        kafka_broker.create_topic(kafka, name, partitions=partitions, config=config)
        names.append(name)
        return name

    yield make
    for name in names:
        kafka_broker.delete_topic(kafka, name)


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()
