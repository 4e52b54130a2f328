"""Dead letters and operations alerts about records that an input can't read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from healthsvc.flows.processing.ports import Unreadable
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.processing.dead_letter_writes import NewDeadLetter
from healthsvc.wire.events.dead_letter_text import errors_json

REASON: Final = "unreadable"
KIND: Final = "records_unreadable"
LISTED: Final = 20
"""Ranges that one alert names; each has a dead letter."""


def unreadable_letter(source: str, topic: str, partition: int, lost: Unreadable) -> NewDeadLetter:
    """One dead letter for a range, at its first position, with the beginning of its bytes."""
    return NewDeadLetter(
        origin=source,
        topic=topic,
        partition=partition,
        position=lost.first,
        raw=lost.raw,
        raw_bytes=lost.raw_bytes,
        headers="{}",
        reason=REASON,
        errors=errors_json(
            [("", f"records {lost.first} to {lost.last} can't be read: {lost.detail}")]
        ),
    )


def unreadable_trouble(
    source: str, topic: str, partition: int, lost: Sequence[Unreadable], now: datetime
) -> Trouble:
    """The alert; one is open at a time for a partition."""
    first, last = lost[0].first, lost[-1].last
    where = f"{topic or source}[{partition}]"
    return Trouble(
        kind=KIND,
        scope=where,
        severity="warning",
        summary=(
            f"Records of {where} between {first} and {last} can't be read and were set aside as"
            " dead letters."
        ),
        onset_at=now,
        detail={
            "input": source,
            "topic": topic,
            "partition": partition,
            "ranges": [
                {"first": each.first, "last": each.last, "bytes": each.raw_bytes}
                for each in lost[:LISTED]
            ],
            "cause": lost[0].detail[:500].replace("\0", "\\0"),
        },
    )
