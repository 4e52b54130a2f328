"""Reports of the processes about themselves, and the state of the log's partitions and of the
ledger."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text

from healthsvc.core.severity import Severity
from healthsvc.store.alerts import lifecycle_sql
from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """A check that fails."""

    process: str
    kind: str
    scope: str
    severity: Severity
    summary: str
    detail: Mapping[str, Any]
    since: datetime
    confirmed: bool = False
    """Whether it has been reported for some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition of the live projection."""

    partition: int
    owned: bool
    """Whether somebody holds a lease that hasn't ended."""
    table_offset: int
    head: int
    reads_kafka: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """How far the ledger is."""

    entries: int
    waiting: int


async def partitions(conn: AsyncConnection) -> list[Partition]:
    """The live projection's partitions: who reads them, and what the table log has for them."""
    rows = await conn.execute(
        text("""
            select p.partition, p.owner is not null and coalesce(p.lease_until > clock_timestamp(),
                false) as owned,
                p.table_offset, coalesce(h.head, 0) as head, p.kafka_offset >= 0 as reads_kafka
            from partitions p left join log_heads h using (partition)
            where p.projection = (select id from projections where state = 'live')
                order by p.partition
        """)
    )
    return [Partition(**row) for row in rows.mappings()]


async def ledger(conn: AsyncConnection) -> Ledger:
    """How many events are in the ledger, and how many aren't yet."""
    row = (
        await conn.execute(
            text("""
                select coalesce(sum(m.sequence), 0)::bigint as taken,
                    coalesce(sum(greatest(p.applied - coalesce(m.sequence, 0), 0)),
                        0)::bigint as waiting
                from partitions p left join ledger_marks m using (partition)
                where p.projection = (select id from projections where state = 'live')
            """)
        )
    ).one()
    return Ledger(entries=row.taken, waiting=row.waiting)


async def something_to_settle(conn: AsyncConnection, kinds: Sequence[str]) -> bool:
    """Whether a report or an open alert of these kinds is there."""
    exists: bool = await conn.scalar(
        text(f"""
            select exists (select from check_reports) or exists (
                select from alerts
                where scope is not null and {lifecycle_sql.unresolved("state")}
                    and kind = any(cast(:kinds as text[]))
            )
        """),
        {"kinds": list(kinds)},
    )
    return exists


async def alone(conn: AsyncConnection) -> None:
    """Wait until no other process exchanges reports; to the transaction's end."""
    await conn.execute(text("select pg_advisory_xact_lock(hashtext('healthsvc_check_reports'))"))


_REPORT_2: Final = text("""
    insert into check_reports
        (process, kind, scope, severity, summary, detail, since, reported_at, seen_until)
    values (:process, :kind, :scope, :severity, :summary, cast(:detail as jsonb), :since,
        clock_timestamp(), clock_timestamp() + make_interval(secs => :seconds))
    on conflict (process, kind, scope) do update set severity = excluded.severity,
        summary = excluded.summary, detail = excluded.detail, seen_until = excluded.seen_until
""")


async def report(
    conn: AsyncConnection, process: str, failing: Sequence[CheckReport], seconds: float
) -> None:
    """Replace what a process reported; it holds for so many seconds. Reports that have ended are
    dropped."""
    await conn.execute(
        text("""
            delete from check_reports where seen_until < clock_timestamp()
                or process = :process and (kind, scope) not in (
                    select * from unnest(cast(:kinds as text[]), cast(:scopes as text[]))
                )
        """),
        {
            "process": process,
            "kinds": [r.kind for r in failing],
            "scopes": [r.scope for r in failing],
        },
    )
    for each in failing:
        await conn.execute(
            _REPORT_2,
            {
                "process": process,
                "kind": each.kind,
                "scope": each.scope,
                "severity": each.severity,
                "summary": each.summary,
                "detail": json.dumps(dict(each.detail)),
                "since": each.since,
                "seconds": seconds,
            },
        )


async def reports(conn: AsyncConnection, confirm_seconds: float) -> list[CheckReport]:
    """What all processes report now; confirmed where it was reported so many seconds ago."""
    rows = await conn.execute(
        text("""
            select process, kind, scope, severity, summary, detail, since,
                reported_at < clock_timestamp() - make_interval(secs => :confirm) as confirmed
            from check_reports where seen_until >= clock_timestamp() order by since, process
        """),
        {"confirm": confirm_seconds},
    )
    return [CheckReport(**row) for row in rows.mappings()]


async def open_alerts(conn: AsyncConnection, kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Kind and scope of the open operations alerts of these kinds."""
    rows = await conn.execute(
        text(f"""
            select kind, scope from alerts
            where scope is not null and {lifecycle_sql.unresolved("state")}
                and kind = any(cast(:kinds as text[]))
        """),
        {"kinds": list(kinds)},
    )
    return [(row.kind, row.scope) for row in rows]
