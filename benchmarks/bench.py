"""`make bench`: the product and its references, alternating, in one run on one Kafka and one
PostgreSQL.

Every measurement is a fresh process on a fresh database. The result is the median, over rounds, of
the ratios of neighbours.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import (
    drain,
    ground,
    http_rates,
    lab,
    latency,
    load,
    million,
    product,
    references,
    report,
)
from benchmarks.ground import BenchmarkError, Ground
from benchmarks.product import Measured
from benchmarks.report import Pair, Row

EVENTS, QUICK_EVENTS = 500_000, 100_000
QUIX_EVENTS = 200_000
CORES = os.cpu_count() or 1
ORM_EVENTS, ORM_QUICK_EVENTS = 2_000, 500
LAB_EVENTS, LAB_QUICK_EVENTS = 2_000_000, 200_000
WEBHOOKS, QUICK_WEBHOOKS = 200, 50
SMALL_FLEET = 10_000
SEED = 20_261_122

SMALL, SMALL_NO_ARCHIVE, LARGE, LARGE_NO_ARCHIVE = (
    "pipeline_10k_vs_raw", "pipeline_10k_no_archive_vs_raw", "pipeline_1m_vs_raw",
    "pipeline_1m_no_archive_vs_raw",
)  # fmt: skip
ALONE = "pipeline_10k_one_process_vs_raw"
QUIX, ORM = "pipeline_10k_vs_quix", "pipeline_10k_vs_orm"
P50, P99, RSS = "event_to_webhook_p50_ms", "event_to_webhook_p99_ms", "rss_1m_customers_mib"
LAB = "lab_events_per_second"
DRAIN = "webhook_drain_vs_httpx"
NAMES = (
    *(SMALL, SMALL_NO_ARCHIVE, ALONE, QUIX, ORM, LARGE, P50, P99, RSS, LAB),
    *(*http_rates.NAMES, DRAIN),
)
ON_REQUEST = (LARGE_NO_ARCHIVE,)

Measure = Callable[[], Measured]


@dataclass(kw_only=True)
class Run:
    """What was asked for, and what has been measured so far."""

    base: Ground
    console: Console
    wanted: frozenset[str]
    rounds: int
    quick: bool
    partitions: int
    processes: int
    profile: str | None
    busy: float = field(default_factory=lambda: os.getloadavg()[0])
    pairs: dict[str, list[Pair]] = field(default_factory=dict)
    peaks: list[float] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def events(self) -> int:
        return QUICK_EVENTS if self.quick else EVENTS

    def wants(self, *names: str) -> bool:
        return not self.wanted.isdisjoint(names)


def small_fleet(run: Run) -> None:
    """10,000 customers: with the archive beside all references; without it, and by one process,
    beside the raw one."""
    events = load.make(count=run.events, customers=SMALL_FLEET, seed=SEED, end_us=_now_us())
    topic = _reference_topic(run, events)
    _raw(run, topic)()  # not counted: warms the broker and the disk's cache
    for number in range(run.rounds):
        with_archive, without = (
            _product(run, events, run.base.empty, archive=True),
            _product(run, events, run.base.empty, archive=False),
        )
        if run.wants(SMALL, QUIX, ORM):
            _compare(run, number, with_archive, _beside_with_archive(run, topic))
        if run.wants(SMALL_NO_ARCHIVE):
            _compare(run, number, without, {SMALL_NO_ARCHIVE: _raw(run, topic)})
        if run.wants(ALONE):
            alone = _product(run, events, run.base.empty, archive=True, processes=1)
            _compare(run, number, alone, {ALONE: _raw(run, topic)})
    load.delete_topic(run.base.kafka, topic)


def large_fleet(run: Run) -> None:
    """1,000,000 customers that are in the database before the first event is read."""
    with run.console.status("filling the database of a million customers") as status:
        filled = [0]

        def tell(more: int) -> None:
            filled[0] += more
            status.update(f"filling the database of a million customers: {filled[0]:,}")

        template = million.template(run.base, run.partitions, tell)
    events = load.make(count=run.events, customers=million.CUSTOMERS, seed=SEED, end_us=_now_us())
    topic = _reference_topic(run, events)
    _raw(run, topic)()  # not counted: warms the broker and the disk's cache
    for number in range(run.rounds):
        if run.wants(LARGE, RSS):
            measured = _compare(
                run,
                number,
                _product(run, events, template, archive=True),
                {LARGE: _raw(run, topic)},
            )
            run.peaks.append(measured.peak_mib)
        if run.wants(LARGE_NO_ARCHIVE):
            _compare(
                run,
                number,
                _product(run, events, template, archive=False),
                {LARGE_NO_ARCHIVE: _raw(run, topic)},
            )
    load.delete_topic(run.base.kafka, topic)


def laboratory(run: Run) -> None:
    """A year's replay with weekly scores, beside a bare decode loop over the same file."""
    events = LAB_QUICK_EVENTS if run.quick else LAB_EVENTS
    log, rows = lab.make(ground.WORK, events, SEED)
    for number in range(run.rounds):
        _compare(
            run, number, lambda: lab.scored(log, rows, events), {LAB: lambda: lab.bare(log, events)}
        )


def webhooks(run: Run) -> None:
    """An idle service: from event to webhook."""
    with run.console.status("event to webhook"):
        took = sorted(latency.measure(QUICK_WEBHOOKS if run.quick else WEBHOOKS))
    for name, quantile in ((P50, 50), (P99, 99)):
        run.rows.append(
            Row(
                name=name,
                value=round(statistics.quantiles(took, n=100, method="inclusive")[quantile - 1], 2),
                unit="ms",
            )
        )


def requests(run: Run) -> None:
    """An idle service of a demo fleet, beside a bare FastAPI application."""
    rates = [rate for rate in http_rates.RATES if run.wants(rate.name)]
    with http_rates.serving() as both:
        for number in range(run.rounds):
            for rate in rates:
                _compare_requests(run, number, both, rate)


def _compare_requests(
    run: Run, number: int, both: http_rates.Serving, rate: http_rates.Read | http_rates.Post
) -> None:
    _compare(run, number, lambda: both.measure(rate), {rate.name: lambda: both.reference(rate)})


def webhook_drain(run: Run) -> None:
    """A backlog of deliveries, beside a bare loop."""
    for number in range(run.rounds):
        _compare(run, number, drain.drain, {DRAIN: drain.loop})


def _beside_with_archive(run: Run, topic: str) -> dict[str, Measure]:
    return {
        name: measure
        for name, measure in (
            (SMALL, _raw(run, topic)),
            (QUIX, _quix(run, topic)),
            (ORM, _orm(run, topic)),
        )
        if run.wants(name)
    }


def _compare(run: Run, number: int, ours: Measure, others: dict[str, Measure]) -> Measured:
    """Measure ours and the others, in turns before and after each other, and keep the pairs."""
    names = list(others)
    if number % 2:
        theirs = {name: others[name]() for name in reversed(names)}
        measured = ours()
    else:
        measured = ours()
        theirs = {name: others[name]() for name in names}
    for name in names:
        pair = Pair(product=measured, reference=theirs[name])
        run.pairs.setdefault(name, []).append(pair)
        run.console.print(
            f"round {number + 1}  {name:32} {measured.rate:>9,.0f} events/s"
            f"  reference {theirs[name].rate:>9,.0f}  ratio {pair.ratio:.3f}"
            f"  cpu {measured.cpu_seconds / measured.events * 1e6:.2f} us"
        )
    return measured


def _product(
    run: Run, events: load.Load, template: str, *, archive: bool, processes: int | None = None
) -> Measure:
    def measure() -> Measured:
        with ground.database(run.base.postgres, template=template) as database:
            return product.measure(
                run.base,
                database,
                events,
                partitions=run.partitions,
                workers=processes or run.processes,
                archive=archive,
                profile=run.profile,
            )

    return measure


def _raw(run: Run, topic: str) -> Measure:
    return lambda: references.raw(
        run.base.kafka, topic, partitions=run.partitions, count=run.events
    )


def _quix(run: Run, topic: str) -> Measure:
    return lambda: references.quix(run.base.kafka, topic, count=min(QUIX_EVENTS, run.events))


def _orm(run: Run, topic: str) -> Measure:
    def measure() -> Measured:
        with ground.database(run.base.postgres, template=run.base.empty) as database:
            count = ORM_QUICK_EVENTS if run.quick else ORM_EVENTS
            return references.orm(run.base.kafka, topic, count=count, database=database)

    return measure


def _reference_topic(run: Run, events: load.Load) -> str:
    topic = f"bench.references.{time.time_ns()}"
    load.create_topic(run.base.kafka, topic, run.partitions)
    seconds = load.produce(run.base.kafka, topic, events)
    run.console.print(
        f"{len(events.values):,} events of {events.mean_bytes:.0f} bytes on average, written in"
        f" {seconds:.1f} s"
    )
    return topic


def _now_us() -> int:
    return time.time_ns() // 1_000


def _finish(run: Run) -> None:
    rows = [report.compared(name, pairs) for name, pairs in run.pairs.items()] + run.rows
    if run.peaks:
        rows.append(Row(name=RSS, value=round(max(run.peaks), 1), unit="MiB"))
    order = [*NAMES, *ON_REQUEST]
    rows.sort(key=lambda row: order.index(row.name))
    report.show(rows, run.console)
    facts = ground.versions(run.base) | {
        "load average at the start": (
            f"{run.busy:.2f} (anything much above 0 makes the figures noisy)"
        ),
        "load": f"{run.events:,} events, {run.partitions} partition(s), {run.rounds} round(s)",
        "healthsvc": f"{run.processes} processes side by side, a reference is one",
    }
    if run.wanted == frozenset(NAMES):
        report.write(rows, run.pairs, facts)
    else:
        report.write(rows, run.pairs, facts, ground.WORK)
        run.console.print(f"part of a run: written to {ground.WORK}, not to benchmarks/")


def bench(
    rounds: Annotated[int, typer.Option(min=1, help="How often each pair is measured.")] = 3,
    quick: Annotated[bool, typer.Option("--quick", help="One round of 100,000 events.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Rows to measure (may be repeated): {', '.join([*NAMES, *ON_REQUEST])}."
        ),
    ] = None,
    partitions: Annotated[
        int, typer.Option(min=1, max=64, help="Partitions of the Kafka topics.")
    ] = 4,
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="`healthsvc process` side by side.")
    ] = CORES,
    profile: Annotated[
        str | None,
        typer.Option(help="Record the product with py-spy into this file (folded stacks)."),
    ] = None,
) -> None:
    """Measure healthsvc beside its references, print a table, and write benchmarks/latest.json."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    wanted = frozenset(only or NAMES)
    if unknown := wanted - {*NAMES, *ON_REQUEST}:
        raise typer.BadParameter(f"unknown rows: {', '.join(sorted(unknown))}", param_hint="--only")
    try:
        with ground.ground() as base:
            run = Run(
                base=base,
                console=console,
                wanted=wanted,
                rounds=1 if quick else rounds,
                quick=quick,
                partitions=partitions,
                processes=processes,
                profile=profile,
            )
            for part in _parts(run):
                part(run)
            _finish(run)
    except BenchmarkError as error:
        console.print(f"[bold red]{error}")
        raise typer.Exit(1) from error


def _parts(run: Run) -> Iterable[Callable[[Run], None]]:
    if run.wants(P50, P99):
        yield webhooks
    if run.wants(*http_rates.NAMES):
        yield requests
    if run.wants(DRAIN):
        yield webhook_drain
    if run.wants(LAB):
        yield laboratory
    if run.wants(SMALL, SMALL_NO_ARCHIVE, ALONE, QUIX, ORM):
        yield small_fleet
    if run.wants(LARGE, LARGE_NO_ARCHIVE, RSS):
        yield large_fleet


def main() -> None:
    typer.run(bench)
