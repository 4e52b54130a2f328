"""Runs of the lab: queued, claimed by one runner at a time, and their results."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import RowMapping, text

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place, newest

MOST_ATTEMPTS: Final = 3
"""A run that was begun so often and never ended isn't begun again."""
RunKind = Literal["backtest", "fit", "drift", "compare", "preview", "replay"]
RunState = Literal["queued", "running", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as it stands."""

    id: int
    kind: RunKind
    options: dict[str, Any]
    state: RunState
    phase: str
    progress: float
    result: dict[str, Any] | None
    failure: str | None
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int


_COLUMNS = """
    id, kind, options::text as options, state, phase, progress, result::text as result, failure,
        requested_by,
    requested_at, started_at, ended_at, attempts
"""


async def ask(
    conn: AsyncConnection, kind: RunKind, options: dict[str, Any], *, by: str, now: datetime
) -> Run:
    """Queue a run."""
    row = await conn.execute(
        text(f"""
            insert into lab_runs (kind, options, requested_by, requested_at)
            values (:kind, cast(:options as jsonb), :by, :now) returning {_COLUMNS}
        """),
        {"kind": kind, "options": json.dumps(options), "by": by, "now": now},
    )
    return _run(row.mappings().one())


async def get(conn: AsyncConnection, run: int) -> Run | None:
    row = (
        (await conn.execute(text(f"select {_COLUMNS} from lab_runs where id = :id"), {"id": run}))
        .mappings()
        .first()
    )
    return None if row is None else _run(row)


async def page(conn: AsyncConnection, place: Place) -> list[Run]:
    """Runs, the newest first."""
    rows = await newest(
        conn, f"select {_COLUMNS} from lab_runs", {"id": "cast(:k as bigint)"}, {}, place
    )
    return [_run(row) for row in rows]


async def is_due(conn: AsyncConnection) -> bool:
    """Whether there may be something to claim."""
    return bool(
        await conn.scalar(
            text("""
                select exists (select from lab_runs
                               where state = 'queued' or (state = 'running'
                                   and runner_until < clock_timestamp()))
            """)
        )
    )


async def claim(conn: AsyncConnection, runner: str, lease_seconds: float) -> Run | None:
    """Take the oldest run that waits, or whose runner is gone; None while another one is executed,
    or none waits.

    A run whose runners were lost too often fails here.
    """
    await conn.execute(text("select pg_advisory_xact_lock(hashtext('healthsvc_lab_runs'))"))
    await conn.execute(
        text("""
            update lab_runs set state = 'failed', ended_at = clock_timestamp(), failure =
                'The process that executed it ended ' || attempts
                || ' times; is there enough memory?'
            where state = 'running' and runner_until < clock_timestamp() and attempts >= :most
        """),
        {"most": MOST_ATTEMPTS},
    )
    row = await conn.execute(
        text(f"""
            update lab_runs set state = 'running', runner = :runner, attempts = attempts + 1,
                progress = 0,
                   started_at = coalesce(started_at, clock_timestamp()),
                   runner_until = clock_timestamp() + make_interval(secs => :lease)
            where id = (select min(id) from lab_runs
                        where state = 'queued' or (state = 'running'
                            and runner_until < clock_timestamp()))
              and not exists (select from lab_runs where state = 'running'
                  and runner_until >= clock_timestamp())
            returning {_COLUMNS}
        """),
        {"runner": runner, "lease": lease_seconds},
    )
    claimed = row.mappings().first()
    return None if claimed is None else _run(claimed)


async def renew(
    conn: AsyncConnection, run: int, runner: str, lease_seconds: float, phase: str, progress: float
) -> bool:
    """Say how far it is and keep the claim; False when it was cancelled or another runner has
    it."""
    renewed = await conn.execute(
        text("""
            update lab_runs set phase = :phase, progress = :progress,
                   runner_until = clock_timestamp() + make_interval(secs => :lease)
            where id = :id and runner = :runner and state = 'running' returning id
        """),
        {"id": run, "runner": runner, "lease": lease_seconds, "phase": phase, "progress": progress},
    )
    return renewed.first() is not None


async def release(conn: AsyncConnection, run: int, runner: str) -> None:
    """Leave an unfinished run to the next runner, as if it hadn't been begun."""
    await conn.execute(
        text("""
            update lab_runs set state = 'queued', runner = null, attempts = attempts - 1,
                phase = 'waiting'
            where id = :id and runner = :runner and state = 'running'
        """),
        {"id": run, "runner": runner},
    )


async def finish(
    conn: AsyncConnection, run: int, runner: str, result: dict[str, Any], model_key: str | None
) -> bool:
    """Keep what came of it; False when it was cancelled meanwhile."""
    finished = await conn.execute(
        text("""
            update lab_runs set state = 'done', phase = 'done', progress = 1,
                ended_at = clock_timestamp(),
                   result = cast(:result as jsonb), model_key = :key
            where id = :id and runner = :runner and state = 'running' returning id
        """),
        {
            "id": run,
            "runner": runner,
            "result": json.dumps(result, allow_nan=False),
            "key": model_key,
        },
    )
    return finished.first() is not None


async def fail(conn: AsyncConnection, run: int, why: str, runner: str | None = None) -> bool:
    """End a run that isn't over, with the reason; `runner`: only if it is still its own."""
    failed = await conn.execute(
        text("""
            update lab_runs set state = 'failed', failure = :why, ended_at = clock_timestamp()
            where id = :id and state in ('queued', 'running')
              and (cast(:runner as text) is null or runner = cast(:runner as text)) returning id
        """),
        {"id": run, "why": why, "runner": runner},
    )
    return failed.first() is not None


async def of_model(conn: AsyncConnection, model_key: str) -> Run | None:
    """The newest finished run about a model."""
    row = await conn.execute(
        text(
            f"select {_COLUMNS} from lab_runs where model_key = :key and state = 'done' order by id"
            " desc limit 1"
        ),
        {"key": model_key},
    )
    run = row.mappings().first()
    return None if run is None else _run(run)


def _run(row: RowMapping) -> Run:
    result = None if row["result"] is None else json.loads(row["result"])
    return Run(**{**row, "options": json.loads(row["options"]), "result": result})
