"""What the lab does by itself, and which of it is due."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection

BY: Final = "schedule"
"""Who asks for the runs that the schedule asks for."""
EVERY: Final = {
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often; None: never. `options` are those of the refits, and tell drift what an outcome
    is."""

    refit: Literal["weekly", "monthly"] | None
    drift: Literal["daily", "weekly"] | None
    options: dict[str, Any]
    set_by: str | None = None
    set_at: datetime | None = None

    def every(self, kind: str) -> timedelta | None:
        """The interval of the runs of a kind."""
        name = self.refit if kind == "fit" else self.drift
        return None if name is None else EVERY[name]


UNSET: Final = Schedule(refit=None, drift="weekly", options={})


async def get(conn: AsyncConnection) -> Schedule:
    row = (
        (
            await conn.execute(
                text(
                    "select refit, drift, options::text as options, set_by, set_at from"
                    " lab_schedule"
                )
            )
        )
        .mappings()
        .first()
    )
    return UNSET if row is None else Schedule(**{**row, "options": json.loads(row["options"])})


async def put(conn: AsyncConnection, schedule: Schedule) -> None:
    """Set it, in place of what was set before."""
    await conn.execute(
        text("""
            insert into lab_schedule (refit, drift, options, set_by, set_at)
            values (:refit, :drift, cast(:options as jsonb), :by, :at)
            on conflict (only_one) do update set refit = excluded.refit, drift = excluded.drift,
                options = excluded.options, set_by = excluded.set_by, set_at = excluded.set_at
        """),
        {
            "refit": schedule.refit,
            "drift": schedule.drift,
            "options": json.dumps(schedule.options),
            "by": schedule.set_by,
            "at": schedule.set_at,
        },
    )


async def last_asked(conn: AsyncConnection, kind: str) -> datetime | None:
    """When the schedule last queued a run of a kind."""
    requested_at: datetime | None = await conn.scalar(
        text("select max(requested_at) from lab_runs where kind = :kind and requested_by = :by"),
        {"kind": kind, "by": BY},
    )
    return requested_at


async def ask_alone(conn: AsyncConnection) -> None:
    """Make other schedulers wait until the end of the transaction."""
    await conn.execute(text("select pg_advisory_xact_lock(hashtext('healthsvc_lab_schedule'))"))
