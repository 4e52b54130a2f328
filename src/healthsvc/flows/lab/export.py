"""Exports the service's archive as a log for the lab: a CSV in time order, with types as the live
risk model maps them."""

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from healthsvc.core.folding.compiled_scorecard import value_of
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.lab import archive_export
from healthsvc.wire.events.catalogue import type_of
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.files.columns import EVENT_COLUMNS

FOREVER_US: Final = 1 << 62


async def write(
    engine: AsyncEngine,
    path: Path,
    risk_type: Callable[[str, Any], str],
    on_progress: Callable[[int, int], None],
) -> int:
    """Write all archived events; answers how many. risk_type: an event's type as the risk knows it;
    on_progress: after each piece, events written and about how many there are.

    The file is in the lab's form. Events are taken as of when they happened; when they were counted
    isn't looked at.
    """
    event_count = 0
    async with engine.connect() as conn:
        about = await archive_export.count(conn)
        with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(EVENT_COLUMNS)
            async for part in archive_export.by_time(conn):
                batch = decode_batch([e.event.encode() for e in part], now_us=FOREVER_US)
                times = np.datetime_as_string(
                    batch.occurred_us.astype("datetime64[us]"), timezone="UTC"
                ).tolist()
                owners = [part[i].customer_id for i in batch.index]
                for owner, time, event in zip(owners, times, batch.events, strict=True):
                    value = value_of(event)
                    rows.writerow(
                        (
                            owner,
                            time,
                            risk_type(type_of(event), event),
                            "" if value != value else repr(value),
                        )
                    )
                event_count += len(owners)
                on_progress(event_count, max(about, event_count))
    return event_count


async def segments(engine: AsyncEngine) -> dict[str, str]:
    """Segment of each customer whose profile tells one."""
    async with engine.connect() as conn:
        return await archive_export.segments(conn)
