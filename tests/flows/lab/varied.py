"""Synthetic logs of many shapes with a known truth: customers who slow down, or have more trouble,
leave more often.

One recipe, turned by its knobs: time scale, sizes, types' names, values, how often and how clearly
customers leave.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from healthsvc.core.instants import DAY_US, from_us
from tests.flows.lab.logs import Event, Log, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The knobs; spans in horizons."""

    horizon_days: float = 28.0
    starts_us: int = 1_672_531_200_000_000
    customers: int = 250
    spans: float = 8.0
    """Length of the log."""
    dates: int = 10
    acts_per_horizon: float = 6.0
    acts: tuple[str, ...] = ("feature_used",)
    trouble: tuple[str, ...] = ("error",)
    values: tuple[str, ...] = ("",)
    stay: float = 6.0
    """Mean time until a customer leaves."""
    fading: float = 4.0
    """How many times slower a customer gets before it leaves; 1: behaviour tells nothing."""


USUAL: Final = Shape()


def make(shape: Shape = USUAL, seed: int = 1) -> Log:
    """Events in time order; a row for each customer that is there, on each date, with its
    outcome."""
    rng = np.random.default_rng(seed)
    unit = shape.horizon_days * DAY_US
    events: list[tuple[int, Event]] = []
    rows: list[tuple[int, Row]] = []
    dates = np.linspace(0.2 * shape.spans, shape.spans - 1.0, shape.dates)

    def text(at: float) -> str:
        return from_us(shape.starts_us + round(at * unit)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def add(at: float, name: str, types: tuple[str, ...]) -> None:
        value = shape.values[len(events) % len(shape.values)]
        events.append(
            (round(at * unit), (name, text(at), types[int(rng.integers(len(types)))], value))
        )

    for c in range(shape.customers):
        name, gap = f"c{c:04d}", float(np.exp(rng.normal(0, 0.7))) / shape.acts_per_horizon
        came = float(rng.uniform(0, shape.spans / 2))
        left = came + float(rng.exponential(shape.stay))
        at = came
        while at < min(left, shape.spans):
            fades = left - at < 1.5
            add(at, name, shape.acts)
            if shape.trouble and rng.random() < (0.4 if fades and shape.fading > 1 else 0.04):
                add(at, name, shape.trouble)
            at += float(rng.exponential(gap)) * (shape.fading if fades else 1.0)
        for date in dates.tolist():
            if came < date < left:
                churned = str(int(left <= date + 1.0))
                rows.append(
                    (round(date * unit), (name, text(date), f"{shape.horizon_days:g}", churned))
                )
    events.sort(key=lambda e: e[0])
    rows.sort(key=lambda r: r[0])
    return Log([e for _, e in events], [r for _, r in rows])


def halves(log: Log) -> tuple[list[Row], list[Row]]:
    """Rows of the earlier dates to fit on, and of the later ones to score."""
    dates = sorted({r[1] for r in log.rows})
    cut = dates[len(dates) * 2 // 3]
    return [r for r in log.rows if r[1] < cut], [r for r in log.rows if r[1] >= cut]


YEAR_1995: Final = 788_918_400_000_000
SHAPES: Final[dict[str, Shape]] = {
    "a day ahead, many acts": Shape(horizon_days=1, acts_per_horizon=20, customers=150),
    "an hour ahead": Shape(horizon_days=1 / 24, customers=150),
    "a year ahead, since 1995": Shape(horizon_days=365, starts_us=YEAR_1995, customers=250),
    "few acts": Shape(acts_per_horizon=0.5),
    "one type, no trouble": Shape(acts=("x",), trouble=()),
    "Portuguese": Shape(
        acts=("compra realizada", "acesso à conta"), trouble=("reclamação", "pagamento recusado")
    ),
    "Chinese": Shape(acts=("登录", "购买"), trouble=("投诉",)),
    "numbers for types": Shape(acts=("1", "2"), trouble=("99",)),
    "forty types": Shape(acts=tuple(f"act_{i}" for i in range(40))),
    "huge values": Shape(values=("1e308", "-1e308", "5", "inf", "nan", "", "abc")),
    "nobody leaves": Shape(stay=1e6),
    "everybody leaves soon": Shape(stay=0.8),
    "few customers": Shape(customers=8),
    "two dates": Shape(dates=2),
    "one date": Shape(dates=1),
    "rare churn": Shape(stay=80.0, customers=600, spans=6),
}
