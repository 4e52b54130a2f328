"""Replays: order, resumption, bad lines, pace; into the table of a real PostgreSQL."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from healthsvc.flows.intake.replay import RETRY_SECONDS, BadLineError, Replay
from healthsvc.flows.intake.replay_output import OutputAwayError, ReplayBatch, SendResult
from healthsvc.flows.intake.replay_pace import ReplayPace
from healthsvc.flows.intake.replay_progress import ReplayProgress, ReplayTally
from healthsvc.flows.intake.table_output import TableOutput
from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.installation import NotInstalledError
from healthsvc.store.intake import log_reader
from healthsvc.store.processing.customer_homes import claim
from healthsvc.wire.files.file_lines import BadLine, Group, Line
from tests.support.makers import make_event

NOW_US = 1_790_000_000_000_000


@dataclass
class MemoryOutput:
    """An output that keeps what it got, and fails when told to."""

    got: list[bytes] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    fail_at: set[int] = field(default_factory=set)
    refuse: dict[int, str] = field(default_factory=dict)
    calls: int = 0
    identity: str = "memory"

    async def send(self, batch: ReplayBatch) -> SendResult:
        self.calls += 1
        if self.calls in self.fail_at:
            raise OutputAwayError("away")
        self.got += batch.events
        self.batches.append(len(batch))
        return SendResult(
            accepted=len(batch) - len(self.refuse), rejected=list(self.refuse.items())
        )

    async def close(self) -> None: ...


def event_line(
    number: int, *, occurred_at: str = "2024-01-01T00:00:00Z", customer_id: str = "c1"
) -> Line:
    return Line(
        number,
        json.dumps(
            make_event(id=f"e-{number}", occurred_at=occurred_at, customer_id=customer_id)
        ).encode(),
    )


def grouped(lines: Group, size: int = 2, *, after: int = 0) -> Iterator[Group]:
    rest = [line for line in lines if line.number > after]
    return iter([rest[start : start + size] for start in range(0, len(rest), size)])


def make_replay(
    output: MemoryOutput, progress: ReplayProgress | None = None, **options: object
) -> Replay:
    async def sleep(_: float) -> None: ...

    return Replay(
        output=output,
        progress=progress or ReplayProgress(),
        now_us=lambda: NOW_US,
        sleep=sleep,
        **options,
    )  # type: ignore[arg-type]


def ids(raws: list[bytes]) -> list[str]:
    return [json.loads(raw)["id"] for raw in raws]


async def test_events_arrive_in_the_order_of_the_file() -> None:
    output = MemoryOutput()

    tally = await make_replay(output).run(grouped([event_line(n) for n in range(1, 8)], 3))

    assert ids(output.got) == [f"e-{n}" for n in range(1, 8)]
    assert tally == ReplayTally(line=7, accepted=7, finished=True)


async def test_an_interrupted_replay_goes_on_after_the_last_acknowledged_batch(
    tmp_path: Path,
) -> None:
    lines: Group = [event_line(n) for n in range(1, 8)]
    output, state = MemoryOutput(fail_at=set(range(3, 30))), tmp_path / "replay" / "x.json"
    with pytest.raises(OutputAwayError):
        await make_replay(output, ReplayProgress.load(state)).run(grouped(lines))

    rest, progress = MemoryOutput(), ReplayProgress.load(state)
    tally = await make_replay(rest, progress).run(grouped(lines, after=progress.tally.line))

    assert ids(output.got + rest.got) == [f"e-{n}" for n in range(1, 8)]
    assert tally.accepted == 7
    assert ReplayProgress.load(state).tally.finished


async def test_restarting_or_a_broken_state_file_begins_anew(tmp_path: Path) -> None:
    state = tmp_path / "x.json"
    await make_replay(MemoryOutput(), ReplayProgress.load(state)).run(grouped([event_line(1)]))

    assert ReplayProgress.load(state).tally.line == 1
    assert ReplayProgress.load(state, restart=True).tally == ReplayTally()
    state.write_text("{")
    assert ReplayProgress.load(state).tally == ReplayTally()


async def test_a_batch_is_sent_again_while_the_log_is_away() -> None:
    output = MemoryOutput(fail_at=set(range(1, len(RETRY_SECONDS) + 1)))

    tally = await make_replay(output).run(grouped([event_line(1)]))

    assert tally.accepted == 1


async def test_bad_lines_are_set_aside_with_number_and_reason(tmp_path: Path) -> None:
    lines: Group = [
        event_line(1),
        Line(2, b"{"),
        BadLine(3, "invalid_csv", "2 fields"),
        event_line(4),
    ]
    output, progress = MemoryOutput(), ReplayProgress.load(tmp_path / "x.json")

    tally = await make_replay(output, progress).run(grouped(lines, 4))

    assert ids(output.got) == ["e-1", "e-4"]
    assert [(bad.number, bad.reason) for bad in progress.bad] == [
        (2, "invalid_json"),
        (3, "invalid_csv"),
    ]
    assert (tally.rejected, tally.line) == (2, 4)
    assert progress.bad_path is not None
    kept = [json.loads(line) for line in progress.bad_path.read_text().splitlines()]
    assert [line["number"] for line in kept] == [2, 3]


async def test_what_the_service_refuses_is_told_by_line() -> None:
    progress = ReplayProgress()

    await make_replay(MemoryOutput(refuse={1: "/data: too odd"}), progress).run(
        grouped([event_line(5), event_line(9)])
    )

    assert progress.bad == [BadLine(9, "refused", "/data: too odd")]
    assert progress.tally.accepted == 1


async def test_a_strict_replay_stops_at_the_first_bad_line_and_sends_all_before_it() -> None:
    output, progress = MemoryOutput(), ReplayProgress()
    lines: Group = [event_line(1), event_line(2), Line(3, b"[]"), event_line(4)]

    with pytest.raises(BadLineError, match="line 3"):
        await make_replay(output, progress, strict=True).run(grouped(lines, 4))

    assert ids(output.got) == ["e-1", "e-2"]
    assert progress.tally.line == 2


@dataclass
class Watch:
    """A stopwatch that only sleeping moves."""

    at: float = 0.0

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


async def test_compressed_time_keeps_the_history_s_distances() -> None:
    watch, arrivals = Watch(), []
    hours = [
        "00:00",
        "01:00",
        "00:30",
        "03:00",
    ]  # the third is late: it travels with its predecessor
    lines: Group = [
        event_line(n, occurred_at=f"2024-01-01T{hour}:00Z") for n, hour in enumerate(hours, 1)
    ]

    class TimedOutput(MemoryOutput):
        async def send(self, batch: ReplayBatch) -> SendResult:
            arrivals.extend([round(watch.at, 3)] * len(batch))
            return await super().send(batch)

    pace = ReplayPace(speed=3600, now=watch.now, sleep=watch.sleep)
    await make_replay(TimedOutput(), pace=pace).run(grouped(lines))

    assert arrivals == [0.0, 1.0, 1.0, 3.0]


async def test_a_cancelled_replay_leaves_its_progress(tmp_path: Path) -> None:
    @dataclass
    class Stuck(MemoryOutput):
        reached: asyncio.Event = field(default_factory=asyncio.Event)

        async def send(self, batch: ReplayBatch) -> SendResult:
            if self.got:
                self.reached.set()
                await asyncio.Event().wait()
            return await super().send(batch)

    state, stuck = tmp_path / "x.json", Stuck()
    task = asyncio.create_task(
        make_replay(stuck, ReplayProgress.load(state)).run(
            grouped([event_line(n) for n in range(1, 6)])
        )
    )
    await stuck.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ReplayProgress.load(state).tally == ReplayTally(line=2, accepted=2)


async def in_table(engine: AsyncEngine, partitions: int) -> list[list[str]]:
    async with engine.connect() as conn:
        entries = [
            await log_reader.read(conn, partition, 0, 1000) for partition in range(partitions)
        ]
    return [[json.loads(entry.event)["id"] for entry in of_partition] for of_partition in entries]


async def test_the_table_keeps_the_order_of_the_file_in_each_partition(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 3)
    lines: Group = [event_line(n, customer_id=f"c{n % 7}") for n in range(1, 60)]

    output = await TableOutput.open(engine)
    tally = await Replay(output=output, progress=ReplayProgress(), now_us=lambda: NOW_US).run(
        grouped(lines, 10)
    )

    partitions = await in_table(engine, 3)
    assert tally.accepted == sum(map(len, partitions)) == 59
    assert all(of == sorted(of, key=lambda id: int(id[2:])) for of in partitions)
    assert sum(bool(of) for of in partitions) > 1


async def test_a_customer_s_home_is_where_it_was_claimed(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 3)
        await claim(conn, [("c1", 2), ("c2", 2)])

    output = await TableOutput.open(engine)
    await output.send(
        ReplayBatch(customer_ids=["c1", "c2"], events=[event_line(1).value, event_line(2).value])
    )

    assert [len(of) for of in await in_table(engine, 3)] == [0, 0, 2]


async def test_another_database_is_another_log(engine: AsyncEngine) -> None:
    with pytest.raises(NotInstalledError):
        await TableOutput.open(engine)
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 1)

    first, second = await TableOutput.open(engine), await TableOutput.open(engine)

    assert first.identity == second.identity
