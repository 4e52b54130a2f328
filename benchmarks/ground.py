"""The ground under a run: one Apache Kafka, one PostgreSQL, and databases made from templates.

PostgreSQL is the product's own embedded one, on its own settings. Everything lies in .bench/ beside
the sources; the database of the large fleet is kept there between runs.
"""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from tests.support.kafka_broker import KafkaBroker

from healthsvc.runtime.embedded import EmbeddedPostgres, hold

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".bench"
COMMAND = Path(sys.executable).with_name("healthsvc")
BROKER_JVM = ("-Xms512m", "-Xmx512m", "-XX:+UseSerialGC")


class BenchmarkError(RuntimeError):
    """A measurement that can't be trusted, or couldn't be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Addresses, and the ids of the servers, whose processor time is told apart."""

    kafka: str
    kafka_pid: int
    postgres_pid: int
    postgres: EmbeddedPostgres
    empty: str  # name of the migrated, empty template database


@contextmanager
def ground() -> Iterator[Ground]:
    """Start both servers, make the empty template, and stop all at the end."""
    with hold(WORK):
        broker = KafkaBroker(jvm=BROKER_JVM)
        postgres = EmbeddedPostgres(WORK)
        try:
            broker.start()
            postgres.start()
            drop_leftovers(postgres)
            yield Ground(kafka=broker.address, kafka_pid=broker.pid, postgres_pid=postgres.pid or 0,
            postgres=postgres,
                         empty=make_empty(postgres))  # fmt: skip
        finally:
            postgres.stop()
            broker.close()


def environment(**variables: str) -> dict[str, str]:
    """Ours without the operator's settings of the product, and with `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEALTHSVC_")}
    kept.pop(
        "OPENBLAS_CORETYPE", None
    )  # images set it for reproducible builds; it would slow numpy
    return {**kept, "PYTHONWARNINGS": "ignore", **variables}


def make_empty(postgres: EmbeddedPostgres) -> str:
    name = "bench_empty"
    _run_sql(postgres, f"create database {name} template template0")
    migrate = [str(COMMAND), "migrate"]
    done = subprocess.run(
        migrate,
        env=environment(HEALTHSVC_DATABASE_URL=postgres.url(name)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkError(f"healthsvc migrate failed:\n{done.stdout}{done.stderr}")
    return name


@contextmanager
def database(postgres: EmbeddedPostgres, *, template: str) -> Iterator[str]:
    """A fresh copy of `template`, dropped at the end; yields its address."""
    name = f"bench_run_{uuid.uuid4().hex[:12]}"
    _run_sql(
        postgres, f"create database {name} template {template} strategy file_copy", "checkpoint"
    )
    try:
        yield postgres.url(name)
    finally:
        _run_sql(postgres, f"drop database {name} with (force)")


def has_database(postgres: EmbeddedPostgres, name: str) -> bool:
    return bool(_query(postgres, f"select 1 from pg_database where datname = '{name}'"))


def databases(postgres: EmbeddedPostgres, prefix: str) -> list[str]:
    return [
        row[0]
        for row in _query(
            postgres, f"select datname from pg_database where starts_with(datname, '{prefix}')"
        )
    ]


def create(postgres: EmbeddedPostgres, name: str, *, template: str) -> None:
    _run_sql(postgres, f"create database {name} template {template}")


def rename(postgres: EmbeddedPostgres, name: str, to: str) -> None:
    _run_sql(postgres, f"alter database {name} rename to {to}")


def drop(postgres: EmbeddedPostgres, name: str) -> None:
    _run_sql(postgres, f"drop database if exists {name} with (force)")


def forget_reading(postgres: EmbeddedPostgres, name: str) -> None:
    """Make a filled database one that never read from Kafka (the next topic is another), tidy as at
    rest."""
    statements = (
        "update partitions set kafka_offset = -1, owner = null, lease_until = null",
        "delete from workers",
        "vacuum (analyze)",
        "checkpoint",
    )
    asyncio.run(_on_postgres(postgres, statements, database=name))


def drop_leftovers(postgres: EmbeddedPostgres) -> None:
    """Databases of a run that was killed, and the empty template, whose schema may have changed
    since."""
    for prefix in ("bench_run_", "bench_empty", "bench_filling"):
        for name in databases(postgres, prefix):
            drop(postgres, name)


def versions(ground_: Ground) -> dict[str, str]:
    """Facts about the machine and the servers, for the report."""
    java = subprocess.run(
        ["java", "-version"], capture_output=True, text=True, check=False
    ).stderr.splitlines()[0]
    return {
        "cores": str(os.cpu_count()),
        "Python": sys.version.split()[0],
        "PostgreSQL": (
            str(_query(ground_.postgres, "show server_version")[0][0])
            + " (embedded, on the product's settings)"
        ),
        "Apache Kafka": "4.3.0, one node, " + java,
    }


def _run_sql(postgres: EmbeddedPostgres, *statements: str) -> None:
    asyncio.run(_on_postgres(postgres, statements))


def _query(postgres: EmbeddedPostgres, statement: str) -> list[asyncpg.Record]:
    return asyncio.run(_on_postgres(postgres, (statement,)))


async def _on_postgres(
    postgres: EmbeddedPostgres, statements: tuple[str, ...], database: str = "postgres"
) -> list[asyncpg.Record]:
    conn = await asyncpg.connect(postgres.url(database))
    try:
        rows: list[asyncpg.Record] = []
        for statement in statements:
            rows = await conn.fetch(statement)
        return rows
    finally:
        await conn.close()
