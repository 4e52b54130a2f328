"""What a failing check says: what is wrong, and what to do about it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from healthsvc.flows.readiness.postponed import PostponedTimer
from healthsvc.flows.readiness.progress import Away, Stall
from healthsvc.flows.readiness.steps import Step
from healthsvc.store.database.outage import Outage

SHOWN: Final = 8
_INPUTS: Final = {"table": "the table log", "kafka": "Kafka"}
_OUTAGES: Final = {
    Outage.UNREACHABLE: (
        "The database can't be reached. Start it, or mend HEALTHSVC_DATABASE_URL and the network; "
        "work goes on by itself."
    ),
    Outage.DISK_FULL: (
        "The database's disk is full (53100): nothing can be written. Free space on it or enlarge"
        " it; work goes on by itself, nothing is lost."
    ),
    Outage.IO_ERROR: (
        "The database can't read or write its disk (58030). Look at the disk and PostgreSQL's log"
        " before anything else."
    ),
    Outage.OUT_OF_MEMORY: (
        "The database is out of memory (53200). Give it more, or lower work_mem or max_connections."
    ),
    Outage.TOO_MANY_CONNECTIONS: (
        "The database takes no more connections (53300). Raise max_connections, or put a "
        "pooler in front; work goes on by itself."
    ),
    Outage.READ_ONLY: (
        "The database is read-only (25006): a standby, or default_transaction_read_only. Point "
        "HEALTHSVC_DATABASE_URL at the primary."
    ),
}


def outage(kind: Outage, steps: Sequence[str]) -> str:
    return f"{_OUTAGES[kind]} Met by: {', '.join(sorted(steps))}."


def unreachable(away: Away) -> str:
    kind = away.why.partition("(")[0]
    return (
        f"Kafka hasn't answered for {away.seconds:.0f} seconds ({kind}). Start the brokers, or mend"
        " HEALTHSVC_KAFKA_BOOTSTRAP_SERVERS and the network; reading goes on where it stopped."
    )


def stalled(source: str, stalls: Sequence[Stall], error: str | None) -> str:
    records = sum(s.end - max(s.offset, 0) for s in stalls)
    longest = max(s.seconds for s in stalls)
    wait = "1 record waits" if records == 1 else f"{records:,} records wait"
    because = f" The last error was {error}." if error else ""
    return (
        f"The input {_INPUTS[source]} makes no progress in"
        f" {_partitions([s.partition for s in stalls])}: {wait}, none was counted for {longest:.0f}"
        f" seconds.{because} Look for flush.failed, records.rejected and step.failed in the"
        " worker's log. Nothing is skipped: it goes on once the cause is gone."
    )


def flush_slow(seconds: float) -> str:
    return (
        f"A flush has been under way for {seconds:.0f} seconds: the database is slow, or a lock"
        " holds it up (pg_stat_activity). Scores are behind until it ends."
    )


def unowned(partitions: Sequence[int], waiting: int) -> str:
    return (
        f"No worker reads {_partitions(partitions)}, and {waiting:,} records of the table log wait"
        " there. Start `healthsvc process`, or look why it doesn't renew its leases."
    )


def failing(step: Step) -> str:
    if step.stands_still:
        return (
            f"The background step {step.name} hasn't finished for {step.idle_seconds:.0f} seconds."
            " Look whether a lock holds it up (pg_stat_activity), else restart the process."
        )
    return (
        f"The background step {step.name} has failed {step.failures} times in a row"
        f" ({step.error_kind}). It is tried again by itself; mend what step.failed in the log"
        " names."
    )


def behind(waiting: int, seconds: float) -> str:
    return (
        f"The portfolio's ledger is behind: {waiting:,} counted events aren't in its figures, and"
        f" none was taken in for {seconds:.0f} seconds. `as_of` of /v1/portfolio says up to when"
        " they are right. Look for the step ledger."
    )


def postponed(timers: Sequence[PostponedTimer]) -> str:
    customers = "1 customer" if len(timers) == 1 else f"{len(timers):,} customers"
    kinds = ", ".join(sorted({timer.error.partition(":")[0] for timer in timers}))
    return (
        f"The decision of {customers} fails whenever their timer is due ({kinds}), so the timer was"
        " postponed; all others are decided in time. It is tried again by itself. Look for"
        " timer.postponed in the worker's log and report it."
    )


def disk_low(folder: Path, free: int) -> str:
    return (
        f"Only {free >> 20:,} MiB are free where {folder} is: the database stops when its disk is"
        " full. Free some, or lower HEALTHSVC_ARCHIVE_RETENTION_DAYS."
    )


def _partitions(numbers: Sequence[int]) -> str:
    listed = ", ".join(str(n) for n in numbers[:SHOWN])
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"partition {listed}" if len(numbers) == 1 else f"partitions {listed}{more}"
