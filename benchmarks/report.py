"""Rows of a run, the table printed, and two files: latest.json (the rows), latest.md (the machine,
the details)."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.product import Measured

FOLDER = Path(__file__).parent
AIMS: Mapping[
    str, tuple[float, float]
] = {  # least and aim: of the ratio, or of the value where a lower one is better
    "pipeline_10k_vs_raw": (0.30, 0.45),
    "pipeline_10k_no_archive_vs_raw": (0.40, 0.60),
    "pipeline_10k_vs_quix": (2.5, 4.5),
    "pipeline_1m_vs_raw": (0.15, 0.35),
    "read_customer_vs_bare": (0.12, 0.25),
    "read_customer_busy_vs_bare": (0.10, 0.20),
    "read_customer_304_vs_bare": (0.5, 1.0),
    "read_explanation_vs_bare": (0.06, 0.10),
    "read_list_vs_bare": (0.18, 0.30),
    "worklist_vs_bare": (0.05, 0.15),
    "post_event_vs_bare": (0.2, 0.4),
    "webhook_drain_vs_httpx": (0.25, 0.5),
    "event_to_webhook_p99_ms": (1_000.0, 250.0),
    "rss_1m_customers_mib": (2_048.0, 2_048.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure; `reference` is the other program's and `ratio` ours to it, both null where there
    is no other."""

    name: str
    value: float
    unit: str
    reference: float | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The product and a reference, one straight after the other."""

    product: Measured
    reference: Measured

    @property
    def ratio(self) -> float:
        return self.product.rate / self.reference.rate

    @property
    def cpu_ratio(self) -> float:
        """How much more processor time per event the product's own process takes."""
        return _cpu_us(self.product) / _cpu_us(self.reference)


def compared(name: str, pairs: Sequence[Pair]) -> Row:
    """Medians of both speeds, and the median of the paired ratios (not the ratio of the
    medians)."""
    return Row(
        name=name,
        value=round(statistics.median(pair.product.rate for pair in pairs), 1),
        unit="events/s",
        reference=round(statistics.median(pair.reference.rate for pair in pairs), 1),
        ratio=round(statistics.median(pair.ratio for pair in pairs), 4),
    )


def write(
    rows: Sequence[Row],
    pairs: Mapping[str, Sequence[Pair]],
    facts: Mapping[str, str],
    folder: Path = FOLDER,
) -> None:
    (folder / "latest.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    (folder / "latest.md").write_text(_details(rows, pairs, facts))


def show(rows: Sequence[Row], console: Console) -> None:
    table = Table(title="healthsvc benchmarks: medians, ratios of paired runs")
    table.add_column("row")
    for column in ("value", "reference", "ratio", "least", "aim", "verdict"):
        table.add_column(column, justify="right")
    for row in rows:
        least, aim = AIMS.get(row.name, (None, None))
        table.add_row(
            row.name,
            f"{_number(row.value)} {row.unit}",
            _number(row.reference),
            _number(row.ratio),
            _number(least),
            _number(aim),
            _verdict(row),
        )
    console.print(table)


def _verdict(row: Row) -> str:
    if row.name not in AIMS:
        return ""
    least, aim = AIMS[row.name]
    if row.ratio is not None:
        return "aim met" if row.ratio >= aim else "ok" if row.ratio >= least else "[bold red]short"
    return "aim met" if row.value <= aim else "ok" if row.value <= least else "[bold red]short"


def _details(
    rows: Sequence[Row], pairs: Mapping[str, Sequence[Pair]], facts: Mapping[str, str]
) -> str:
    lines = [
        "# The latest run",
        "",
        (
            f"Made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by `make bench`. What the rows mean:"
            " README.md."
        ),
        "",
    ]
    lines += [f"- {name}: {fact}" for name, fact in facts.items()]
    lines += ["", "| row | value | reference | ratio |", "|---|---|---|---|"]
    lines += [
        f"| {row.name} | {_number(row.value)} {row.unit} | {_number(row.reference)} |"
        f" {_number(row.ratio)} |"
        for row in rows
    ]
    lines += [
        "",
        "Each round: events per second, and microseconds of processor time per event.",
        "",
    ]
    lines += [
        (
            "| row | ours | reference | ratio | our CPU | PostgreSQL | Kafka | reference's CPU |"
            " ratio of CPU | peak MiB |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_round(name, pair) for name, each in pairs.items() for pair in each]
    return "\n".join(lines) + "\n"


def _round(name: str, pair: Pair) -> str:
    ours, other = pair.product, pair.reference
    cells = [
        name,
        f"{ours.rate:,.0f}",
        f"{other.rate:,.0f}",
        f"{pair.ratio:.3f}",
        f"{_cpu_us(ours):.2f}",
        f"{ours.postgres_cpu_seconds / ours.events * 1e6:.2f}",
        f"{ours.kafka_cpu_seconds / ours.events * 1e6:.2f}",
        f"{_cpu_us(other):.2f}",
        f"{pair.cpu_ratio:.2f}",
        f"{ours.peak_mib:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _cpu_us(measured: Measured) -> float:
    return measured.cpu_seconds / measured.events * 1e6


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
