"""`lab replay`: the health score over the past: bands at dates gone by, by one scorecard, or by a
candidate beside the live one.

The core that runs live folds, evaluates and decides; what was known at an instant is told in the
result (`known_by`). Customers hang on nobody else, so they are taken in blocks, each through the
whole past.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np

from healthsvc.core.arrays import Instants
from healthsvc.core.decisions.changes import ALERT_MAX_AGE_US
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.instants import to_us
from healthsvc.flows.lab.findings import Findings
from healthsvc.flows.lab.recorded_decisions import Record
from healthsvc.flows.lab.replay_loop import FOREVER_US, KnownEvents, ReplayLoop, Timetable
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.lab import archive_export
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.files.event_file import EventFile
from healthsvc.wire.files.file_lines import FileRefusedError, Line
from healthsvc.wire.scorecards.document import Compiled, compile_document

KnownBy = Literal["auto", "counted", "occurred"]
Say = Callable[[str, float], None]
"""Says what is being done and how much of it is done, 0..1."""

CUSTOMERS_AT_ONCE: Final = 20_000
LACKING: Final = (
    "the archive lacks events that were counted (it was off, or its retention dropped them): what"
    " the service told then rested on more than is replayed here"
)
REPLAYING: Final = "replaying the score"
SAMPLE: Final = 20_000
IMPORTED_SHARE: Final = 0.5
AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Which past is replayed."""

    dates: int = 26
    every_days: int = 7
    horizon_days: float = 28.0
    """Within which leaving counts as foretold."""
    known_by: KnownBy = "auto"
    """auto: when it was counted, unless most of the archive was imported (counted days after it
    happened)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayJob(Past):
    """A run of this kind: the version to be held against the live one, if any."""

    kind: Literal["replay"] = "replay"
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """The live scorecard, and one to be held against it."""

    live: Compiled
    candidate: Compiled | None = None

    @classmethod
    def of(cls, live: str, candidate: str | None) -> "Cards":
        """Raises ScorecardError."""
        return cls(
            live=compile_document(live),
            candidate=None if candidate is None else compile_document(candidate),
        )


async def of_archive(
    engine: AsyncEngine,
    cards: Cards,
    past: Past,
    until: datetime,
    say: Say,
    record: Record | None = None,
) -> dict[str, Any]:
    """The result on the service's own archive, up to an instant; ready for JSON. record: takes each
    decision by the live scorecard."""
    until_us = to_us(until)
    timetable = Timetable.daily(until_us, past.dates, past.every_days)
    findings = Findings(cards.live, cards.candidate, timetable, past.horizon_days)
    async with engine.connect() as conn:
        late = await archive_export.share_counted_late(conn, until_us, ALERT_MAX_AGE_US, SAMPLE)
    lived = late is not None and late <= IMPORTED_SHARE
    as_counted = past.known_by == "counted" or (past.known_by == "auto" and lived)
    coverage = SequenceCoverage()
    async for loop in replayed_blocks(
        engine,
        findings.programs,
        timetable,
        as_counted=as_counted,
        say=say,
        coverage=coverage,
        records=record is not None,
    ):
        findings.add(loop)
        if record is not None:
            record(loop.tracks[0].decisions)
    known_by = {
        "rule": "counted" if as_counted else "occurred",
        "asked": past.known_by,
        "counted_late": late,
    }
    result = findings.summary()
    if coverage.lacking(all_counted=as_counted):
        result["warnings"].append(LACKING)
    return {"known_by": known_by, **result}


class SequenceCoverage:
    """Which places of each partition's fold order were met: numbered without gaps, so what is
    lacking shows."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._count: Counter[int] = Counter()

    def add(self, partitions: Sequence[int], sequences: Sequence[int]) -> None:
        partition_of_event, at = np.array(partitions), np.array(sequences)
        for partition in np.unique(partition_of_event).tolist():
            mine = at[partition_of_event == partition]
            self._first[partition] = min(int(mine.min()), self._first.get(partition, FOREVER_US))
            self._last[partition] = max(int(mine.max()), self._last.get(partition, -1))
            self._count[partition] += len(mine)

    def lacking(self, *, all_counted: bool) -> bool:
        """Whether the beginning is lacking; or, where all that was counted by an instant was met,
        anything at all."""
        return any(
            first or (all_counted and self._count[partition] != self._last[partition] + 1)
            for partition, first in self._first.items()
        )


async def replayed_blocks(
    engine: AsyncEngine,
    programs: Sequence[CompiledScorecard],
    timetable: Timetable,
    *,
    as_counted: bool,
    say: Say,
    coverage: SequenceCoverage,
    records: bool = False,
) -> AsyncIterator[ReplayLoop]:
    """All customers of the archive, block by block, each replayed to the last step."""
    until_us, customers_done = int(timetable.steps_us[-1]), 0
    async with engine.connect() as conn:
        block = await archive_export.customers(conn, -1, CUSTOMERS_AT_ONCE)
    while block.keys:
        loop = ReplayLoop(programs, block.ids, timetable, records=records)
        keys = np.array(block.keys)
        async with engine.connect() as conn:
            following = await archive_export.customers(conn, block.keys[-1], CUSTOMERS_AT_ONCE)
            of = customers_done + len(block.keys) + len(following.keys)
            async for part in archive_export.events_known_by(
                conn, block, until_us, by_counting=as_counted
            ):
                coverage.add(part.partitions, part.sequences)
                rows = np.searchsorted(keys, np.array(part.keys))
                loop.feed(
                    KnownEvents(np.array(part.known_us), rows, [e.encode() for e in part.events])
                )
                say(REPLAYING, (customers_done + loop.progress * len(block.keys)) / of)
        loop.finish()
        yield loop
        customers_done += len(block.keys)
        block = following


def of_file(
    file: EventFile,
    cards: Cards,
    past: Past,
    until: datetime | None,
    say: Say,
    record: Record | None = None,
) -> dict[str, Any]:
    """The result on a file of events, which is read whole into memory, up to an instant (its last
    event, if None); ready for JSON. record: takes each decision by the live scorecard. Raises
    FileRefusedError.

    An event is known when it happened: a file doesn't tell when it was counted. One that is there
    twice counts once.
    """
    if past.known_by == "counted":
        raise FileRefusedError(
            "a file doesn't tell when its events were counted: --known-by occurred"
        )
    say("reading the file", 0.0)
    file_events = _FileEvents.of(file)
    if not len(file_events.events):
        raise FileRefusedError(f"{file.path}: has no events")
    until_us = int(file_events.us[-1]) if until is None else to_us(until)
    timetable = Timetable.daily(until_us, past.dates, past.every_days)
    findings = Findings(cards.live, cards.candidate, timetable, past.horizon_days)
    ids = list(dict.fromkeys(file_events.customer_ids))
    for first in range(0, len(ids), CUSTOMERS_AT_ONCE):
        block = ids[first : first + CUSTOMERS_AT_ONCE]
        loop = ReplayLoop(findings.programs, block, timetable, records=record is not None)
        for part in file_events.of_customers(block, until_us):
            loop.feed(part)
            say(REPLAYING, (first + loop.progress * len(block)) / len(ids))
        loop.finish()
        findings.add(loop)
        if record is not None:
            record(loop.tracks[0].decisions)
    result = findings.summary()
    result["events"]["set_aside"] += file_events.bad
    result["events"]["repeated"] = file_events.repeated
    return {
        "known_by": {"rule": "occurred", "asked": past.known_by, "counted_late": None},
        **result,
    }


@dataclass(frozen=True, slots=True)
class _FileEvents:
    """The valid events of a file in the order in which they happened."""

    us: Instants
    customer_ids: Sequence[str]
    events: Sequence[bytes]
    bad: int
    repeated: int

    @classmethod
    def of(cls, file: EventFile) -> "_FileEvents":
        us, digests = [np.zeros(0, np.int64)], [np.zeros((0, 2), np.uint64)]
        ids: list[str] = []
        events: list[bytes] = []
        bad = 0
        for group in file.groups(AT_ONCE):
            lines = [line.value for line in group if isinstance(line, Line)]
            batch = decode_batch(lines, now_us=FOREVER_US)
            bad += len(group) - len(batch.events)
            us.append(batch.occurred_us)
            digests.append(batch.digests)
            ids += [event.customer_id for event in batch.events]
            events += batch.raws
        at = np.concatenate(us)
        _, once = np.unique(np.concatenate(digests), axis=0, return_index=True)
        order = np.sort(once)
        order = order[np.argsort(at[order], kind="stable")]
        places = order.tolist()
        columns = ([ids[i] for i in places], [events[i] for i in places])
        return cls(at[order], *columns, bad, len(at) - len(order))

    def of_customers(self, block: Sequence[str], until_us: int) -> Iterator[KnownEvents]:
        """What happened with some customers by an instant."""
        place = {customer_id: i for i, customer_id in enumerate(block)}
        places = np.fromiter([place.get(c, -1) for c in self.customer_ids], np.int64, len(self.us))
        mine = np.flatnonzero((places >= 0) & (self.us <= until_us))
        for first in range(0, len(mine), AT_ONCE):
            part = mine[first : first + AT_ONCE]
            yield KnownEvents(self.us[part], places[part], [self.events[i] for i in part.tolist()])


def sentence(result: dict[str, Any]) -> str:
    """What was replayed, by which rule, in one sentence."""
    rule = result["known_by"]["rule"]
    how = "when the service had counted it" if rule == "counted" else "when it had happened"
    first, last = (datetime.fromisoformat(result["dates"][name]) for name in ("first", "last"))
    return (
        f"{result['events']['folded']:,} events of {result['customers']:,} customers,"
        f" {result['dates']['count']} dates from {first:%Y-%m-%d} to {last:%Y-%m-%d}; an event was"
        f" known {how}."
    )
