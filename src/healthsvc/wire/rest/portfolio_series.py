"""The portfolio as a series: health, revenue and who left, step by step."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.exports import FormatAsked, csv_rows, flattened, ndjson
from healthsvc.wire.rest.shapes import Instant, Queried, Switch, Told, example

_POINT: JsonDict = {
    "group": None,
    "customers": 171,
    "mrr": 86900.0,
    "mrr_at_risk": 9120.0,
    "score": 71.4,
    "bands": {"healthy": 121, "watch": 28, "at_risk": 14, "critical": 5},
    "without_band": 3,
    "gained": 4,
    "lost": 2,
    "mrr_lost": 640.0,
}


class PortfolioSeriesAsked(Queried):
    """Which period, in which steps, and by what the customers are told apart."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Annotated[
        Instant | None,
        Field(
            alias="from",
            description="The start. Default: 30 days, 12 weeks or 12 months before the end.",
        ),
    ] = None
    end: Annotated[
        Instant | None, Field(alias="to", description="The end, itself not included. Default: now.")
    ] = None
    step: Annotated[
        Literal["day", "week", "month"],
        Field(
            description=(
                "Steps end at midnight, on Mondays or at the first of a month, in UTC; the first"
                " and the last one may be shorter."
            )
        ),
    ] = "day"
    by: Annotated[
        Literal["segment", "tier", "owner"] | None,
        Field(
            description="Also by these groups; customers are in the group that they are in today."
        ),
    ] = None
    trials: Annotated[
        Switch,
        Field(description="Count trials that pay nothing, too. Test accounts never count."),
    ] = False
    format: FormatAsked = None


class PortfolioPoint(Told):
    """All customers, or one group of them: at the end of a step, and what came and went in it. Null
    where the events aren't all kept."""

    group: Annotated[
        str | None, Field(description="Null in the total, and for customers that are in no group.")
    ]
    customers: Annotated[int | None, Field(description="There at the end of the step.")]
    mrr: Annotated[
        float | None, Field(description="Their recurring revenue; currencies aren't converted.")
    ]
    mrr_at_risk: Annotated[
        float | None,
        Field(
            description="Of it, that of customers in the lower half of the bands; null: as `bands`."
        ),
    ]
    score: Annotated[float | None, Field(description="Mean of their scores; null: none has one.")]
    bands: Annotated[
        dict[str, int] | None,
        Field(
            description=(
                "How many are in each band, as decided by then; the best band first. Null where"
                " nothing had been decided about any of them, as in the time before an import."
            )
        ),
    ]
    without_band: Annotated[
        int | None, Field(description="How many are in none: too little evidence.")
    ]
    gained: Annotated[
        int | None, Field(description="There at the end of the step and not at its start.")
    ]
    lost: Annotated[
        int | None, Field(description="There at some time of the step and not at its end.")
    ]
    mrr_lost: Annotated[
        float | None, Field(description="What the lost paid at the start of the step.")
    ]


class PortfolioStep(Told):
    """One step of the series."""

    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime, Field(alias="to")]
    total: PortfolioPoint
    groups: Annotated[
        list[PortfolioPoint], Field(description="The groups by name; empty without `by`.")
    ]


class PortfolioSeries(Told):
    """The steps in the order of time."""

    model_config = example(
        **{"from": "2026-11-18T09:30:00Z", "to": "2026-11-20T09:30:00Z"},
        step="day",
        by="tier",
        bands=["healthy", "watch", "at_risk", "critical"],
        items=[
            {
                "from": "2026-11-18T09:30:00Z",
                "to": "2026-11-19T00:00:00Z",
                "total": _POINT,
                "groups": [{**_POINT, "group": "high"}],
            }
        ],
        next_cursor=None,
        kept_from=None,
        as_of="2026-11-20T09:30:00Z",
        events_waiting=0,
    )

    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime, Field(alias="to")]
    step: str
    by: str | None
    bands: Annotated[list[str], Field(description="Of the live scorecard, the best first.")]
    items: list[PortfolioStep]
    next_cursor: Annotated[None, Field(description="Always null: all steps are in one answer.")] = (
        None
    )
    kept_from: Annotated[
        datetime | None,
        Field(description="Not all events logged before are kept: what is earlier has no figures."),
    ]
    as_of: Annotated[datetime | None, Field(description="Everything logged up to here is counted.")]
    events_waiting: Annotated[
        int, Field(description="Counted events that aren't in the figures yet; 0 but for bursts.")
    ]


def to_series(series: Any, step: str, by: str | None) -> PortfolioSeries:
    """The shape of a series as the flow has it."""
    return PortfolioSeries.model_validate(
        {
            "from": series.steps[0].start,
            "to": series.steps[-1].end,
            "step": step,
            "by": by,
            "bands": series.bands,
            "items": [_step(each) for each in series.steps],
            "kept_from": series.kept_from,
            "as_of": series.as_of,
            "events_waiting": series.events_waiting,
        }
    )


def _step(step: Any) -> dict[str, Any]:
    return {"from": step.start, "to": step.end, "total": step.total, "groups": step.groups}


def series_rows(series: PortfolioSeries) -> list[dict[str, Any]]:
    """A row for everybody and one for each group of each step: `group` is `(all)`, or `(none)` for
    customers that are in no group."""
    rows: list[dict[str, Any]] = []
    for step in series.items:
        span = {"from": step.start, "to": step.end}
        for name, point in [
            ("(all)", step.total),
            *((g.group or "(none)", g) for g in step.groups),
        ]:
            rows.append({**span, **point.model_dump(), "group": name})
    return rows


def series_csv(series: PortfolioSeries) -> str:
    """The rows as CSV, with a column for each band."""
    plain = [name for name in PortfolioPoint.model_fields if name != "bands"]
    columns = ["from", "to", *plain, *(f"bands.{band}" for band in series.bands)]
    return csv_rows([columns, *(flattened(row, columns) for row in series_rows(series))])


def series_ndjson(series: PortfolioSeries) -> bytes:
    """The rows, a JSON object a line."""
    return ndjson(series_rows(series))
