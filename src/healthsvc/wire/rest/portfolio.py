"""The portfolio: what became of all customers, or of a segment, a tier, an owner's, in a period."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonValue

from healthsvc.wire.rest.exports import FormatAsked, csv_rows, ndjson
from healthsvc.wire.rest.shapes import Instant, Queried, Told, example

_FIGURE: dict[str, JsonValue] = {"value": 0.9375, "previous": 0.95, "change": -0.0125}
_UNKNOWN: dict[str, JsonValue] = {"value": None, "previous": None, "change": None}
_PART: dict[str, JsonValue] = {
    "group": None,
    "customers_at_start": 160,
    "customers_at_end": 171,
    "retained": 150,
    "lost": 12,
    "mrr_at_start": 81200.0,
    "mrr_at_end": 86900.0,
    "nps_answers": 48,
    "csat_answers": 130,
    "ces_answers": 0,
    "tickets_answered": 201,
    "tickets_resolved": 188,
    "functions_owned": 812,
    "retention_rate": _FIGURE,
    "churn_rate": {"value": 0.075, "previous": 0.0625, "change": 0.0125},
    "grr": {"value": 0.9512, "previous": 0.9601, "change": -0.0089},
    "nrr": {"value": 1.0213, "previous": 1.0402, "change": -0.0189},
    "nps": {"value": 31.25, "previous": 28.0, "change": 3.25},
    "csat": {"value": 0.8692, "previous": 0.8411, "change": 0.0281},
    "ces": _UNKNOWN,
    "hours_to_first_answer": {"value": 3.2, "previous": 4.1, "change": -0.9},
    "hours_to_resolution": {"value": 31.6, "previous": 35.2, "change": -3.6},
    "adoption": {"value": 0.41, "previous": 0.38, "change": 0.03},
}


class PortfolioAsked(Queried):
    """Which period, and by what the customers are told apart."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Annotated[
        Instant | None,
        Field(alias="from", description="The period's start. Default: 30 days before its end."),
    ] = None
    end: Annotated[
        Instant | None, Field(alias="to", description="Its end, itself not included. Default: now.")
    ] = None
    by: Annotated[
        Literal["segment", "tier", "owner"] | None,
        Field(
            description="Also by these groups; customers are in the group that they are in today."
        ),
    ] = None
    trials: Annotated[
        bool,
        Field(description="Count trials that pay nothing, too. Test accounts never count."),
    ] = False
    format: FormatAsked = None


class Measured(Told):
    """A measure, the same over the period of the same length just before, and the difference; null:
    not known."""

    value: float | None
    previous: float | None
    change: float | None


class PortfolioPart(Told):
    """All customers, or one group of them. Counts are null where the period isn't kept."""

    group: Annotated[
        str | None, Field(description="Null in the total, and for customers that are in no group.")
    ]
    customers_at_start: int | None
    customers_at_end: int | None
    retained: Annotated[int | None, Field(description="There at the start and at the end.")]
    lost: Annotated[
        int | None, Field(description="There at some time of the period and not at its end.")
    ]
    mrr_at_start: float | None
    mrr_at_end: Annotated[
        float | None, Field(description="Of all customers there at the end, new ones too.")
    ]
    nps_answers: int | None
    csat_answers: int | None
    ces_answers: int | None
    tickets_answered: int | None
    tickets_resolved: int | None
    functions_owned: Annotated[
        int | None, Field(description="Of the customers whose profile says `features_owned`.")
    ]
    retention_rate: Annotated[Measured, Field(description="retained / customers_at_start")]
    churn_rate: Annotated[Measured, Field(description="lost / customers_at_start")]
    grr: Annotated[
        Measured,
        Field(
            description=(
                "Recurring revenue at the end of those there at the start, each at most as before /"
                " before."
            )
        ),
    ]
    nrr: Annotated[Measured, Field(description="The same with what they pay more.")]
    nps: Annotated[
        Measured, Field(description="% promoters (9-10) - % detractors (0-6), -100 to 100.")
    ]
    csat: Annotated[Measured, Field(description="Share of answers from 4 on.")]
    ces: Annotated[Measured, Field(description="Mean answer, 1 to 7.")]
    hours_to_first_answer: Annotated[
        Measured, Field(description="Mean over tickets first answered in the period.")
    ]
    hours_to_resolution: Annotated[
        Measured, Field(description="Mean over tickets resolved in the period.")
    ]
    adoption: Annotated[
        Measured, Field(description="Features used in the 28 days before the end / features owned.")
    ]


class Portfolio(Told):
    """The figures of a period, each with its trend: the period of the same length just before."""

    model_config = example(
        **{"from": "2026-07-01T00:00:00Z", "to": "2026-10-01T00:00:00Z"},
        by="tier",
        total=_PART,
        items=[{**_PART, "group": "high"}],
        next_cursor=None,
        first_event_at="2025-02-03T08:00:00Z",
        kept_from=None,
        as_of="2026-11-20T09:30:00Z",
        events_waiting=0,
    )

    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime, Field(alias="to")]
    by: str | None
    total: PortfolioPart
    items: Annotated[
        list[PortfolioPart], Field(description="The groups by name; empty without `by`.")
    ]
    next_cursor: Annotated[
        None, Field(description="Always null: all groups are in one answer.")
    ] = None
    first_event_at: Annotated[
        datetime | None, Field(description="The first event that is known of any customer.")
    ]
    kept_from: Annotated[
        datetime | None,
        Field(
            description=(
                "Not all events logged before are kept: periods that begin earlier have no figures."
            )
        ),
    ]
    as_of: Annotated[datetime | None, Field(description="Everything logged up to here is counted.")]
    events_waiting: Annotated[
        int, Field(description="Counted events that aren't in the figures yet; 0 but for bursts.")
    ]


def to_response(figures: Any) -> Portfolio:
    """The shape of a portfolio as the flow has it."""
    return Portfolio.model_validate(
        {"from": figures.start, "to": figures.end, "by": figures.by}
        | {"total": _part(figures.total), "items": [_part(part) for part in figures.parts]}
        | {"first_event_at": figures.first_event_at, "kept_from": figures.kept_from}
        | {"as_of": figures.as_of, "events_waiting": figures.events_waiting}
    )


def _part(part: Any) -> dict[str, Any]:
    measures = {
        name: {"value": f.value, "previous": f.previous, "change": f.change}
        for name, f in part.measures.items()
    }
    return {"group": part.name, **part.counts, **measures}


def as_csv(portfolio: Portfolio) -> str:
    """The total and the groups, a row each; of every measure its value and the one before. Instants
    are in all rows, so that periods can be put together."""
    measures = [
        name for name, field in PortfolioPart.model_fields.items() if field.annotation is Measured
    ]
    counts = [
        name for name in PortfolioPart.model_fields if name not in measures and name != "group"
    ]
    previous = [f"{name}_previous" for name in measures]
    pairs = zip(measures, previous, strict=True)
    rows: list[Sequence[object]] = [
        ["from", "to", "group", *counts, *(name for pair in pairs for name in pair)]
    ]
    for name, part in [
        ("(all)", portfolio.total),
        *((each.group or "(none)", each) for each in portfolio.items),
    ]:
        figures = [
            value for m in measures for value in (getattr(part, m).value, getattr(part, m).previous)
        ]
        numbers: Sequence[object] = [*(getattr(part, count) for count in counts), *figures]
        rows.append([portfolio.start.isoformat(), portfolio.end.isoformat(), name, *numbers])
    return csv_rows(rows)


def as_ndjson(portfolio: Portfolio) -> bytes:
    """The same parts, a JSON object a line."""
    answer = portfolio.model_dump(by_alias=True)
    span = {"from": answer["from"], "to": answer["to"]}
    return ndjson(span | part for part in (answer["total"], *answer["items"]))
