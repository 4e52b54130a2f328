"""Quarantine: one poison record becomes a dead letter and its partition moves past it, in a
transaction of its own.

It works from the record's bytes, partition and position alone; nothing of what folds or flushes is
used.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from healthsvc.flows.operations_alerts import raise_alert
from healthsvc.flows.processing.faults.poison_records import PoisonRecord
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.database.outage import is_content, is_outage
from healthsvc.store.intake.log import FAULTS
from healthsvc.store.processing import partitions
from healthsvc.store.processing.dead_letter_writes import NewDeadLetter, dead_letter
from healthsvc.store.processing.partitions import Fenced, Move, Ownership
from healthsvc.telemetry import DEAD_LETTERS, EVENTS, LogEvent

KIND: Final = "record_quarantined"
CAUSE_CHARACTERS: Final = 500


async def quarantine(
    engine: AsyncEngine,
    projection: int,
    owner: str,
    owned: Mapping[int, Ownership],
    poison: PoisonRecord,
    topic: str,
    now: datetime,
) -> dict[int, Ownership]:
    """Set the record aside; answers what is owned, the partition's offset behind the record.

    An operator is told once of each partition, until the alert is resolved. A partition that is
    owned no longer stays as it is. Raises Fenced and the database's errors.
    """
    ownership = owned.get(poison.partition)
    if ownership is None or not _is_next(ownership, poison):
        return dict(owned)
    letter = poison.letter(topic if poison.source == "kafka" else "")
    trouble = _trouble(poison, letter.topic, now)
    behind = _behind(ownership, poison)
    move = _move(poison.partition, ownership, behind)
    try:
        await _write(engine, projection, owner, move, letter, trouble)
    except Exception as error:
        if isinstance(error, (*FAULTS, Fenced)) and not is_content(error):
            raise
        bare = replace(letter, raw=None, headers="{}", errors="[]")
        await _write(engine, projection, owner, move, bare, trouble)
    DEAD_LETTERS.labels(letter.reason).inc()
    EVENTS.labels(poison.source, "rejected").inc()
    structlog.get_logger().error(
        LogEvent.RECORD_QUARANTINED,
        input=poison.source, partition=poison.partition, position=poison.position,
        error=poison.error,
    )  # fmt: skip
    return {**owned, poison.partition: behind}


def _is_next(ownership: Ownership, poison: PoisonRecord) -> bool:
    """Whether everything before the record is flushed, and the record isn't."""
    offset = ownership.kafka_offset if poison.source == "kafka" else ownership.table_offset
    return offset <= poison.position


def _behind(ownership: Ownership, poison: PoisonRecord) -> Ownership:
    if poison.source == "kafka":
        return replace(ownership, kafka_offset=poison.next)
    return replace(ownership, table_offset=poison.next)


def _move(partition: int, before: Ownership, after: Ownership) -> Move:
    return Move(
        partition=partition,
        epoch=before.epoch,
        table_from=before.table_offset,
        table_to=after.table_offset,
        kafka_from=before.kafka_offset,
        kafka_to=after.kafka_offset,
        applied_from=before.applied,
        applied_to=before.applied,
    )


def _trouble(poison: PoisonRecord, topic: str, now: datetime) -> Trouble:
    """The alert; one is open at a time for a partition."""
    where = f"{topic or poison.source}[{poison.partition}]"
    return Trouble(
        kind=KIND,
        scope=where,
        severity="warning",
        summary=(
            f"Processing failed twice at record {poison.position} of {where}, which is a dead"
            " letter now."
        ),
        onset_at=now,
        detail={
            "input": poison.source,
            "topic": topic,
            "partition": poison.partition,
            "position": poison.position,
            "cause": poison.error[:CAUSE_CHARACTERS].replace("\0", "\\0"),
        },
    )


async def _write(
    engine: AsyncEngine,
    projection: int,
    owner: str,
    move: Move,
    letter: NewDeadLetter,
    trouble: Trouble,
) -> None:
    async with engine.begin() as conn:
        await partitions.compare_and_set(conn, projection=projection, owner=owner, moves=[move])
        await dead_letter(conn, [letter])
        await _tell(conn, trouble)


async def _tell(conn: AsyncConnection, trouble: Trouble) -> None:
    """Raise the alert. What breaks that, and perhaps broke the flush before, doesn't keep the
    record from its place."""
    try:
        async with conn.begin_nested():
            await raise_alert(conn, trouble, trouble.onset_at)
    except Exception as error:
        if is_outage(error):
            raise
        structlog.get_logger().error(
            LogEvent.RECORD_QUARANTINED, alert=trouble.kind, error=repr(error)
        )
