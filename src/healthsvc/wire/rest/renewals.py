"""Subscriptions that come up for renewal, and what is at risk."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.exports import FormatAsked
from healthsvc.wire.rest.languages import Worded
from healthsvc.wire.rest.shapes import AnyShortText, Instant, ListAnswer, Paging, Told, example

_RENEWAL: JsonDict = {
    "customer_id": "acme",
    "name": "Acme Ltd",
    "renewal_at": "2027-01-15T00:00:00Z",
    "mrr": 4900.0,
    "currency": "EUR",
    "mrr_at_risk": 4900.0,
    "band": "at_risk",
    "score": 41.5,
    "risk": 0.38,
    "risk_to_renewal": 0.54,
    "reasons": ["Visited the cancellation page"],
    "owner": "kim",
    "assignee": "ana",
    "alert_id": "al_5f0c1d2e3b4a5968",
    "last_contact_at": "2026-11-17T09:12:00Z",
    "segment": "smb",
    "tier": "low",
    "stage": "renewal",
}
_TOTAL: JsonDict = {
    "currency": "EUR",
    "renewals": 12,
    "without_mrr": 1,
    "mrr": 18400.0,
    "renewals_at_risk": 2,
    "mrr_at_risk": 5200.0,
}


class RenewalsAsked(Paging, Worded):
    """Which period, and whose customers."""

    model_config = ConfigDict(populate_by_name=True)

    start: Annotated[
        Instant | None,
        Field(alias="from", description="Renewals from here on. Default: today at midnight, UTC."),
    ] = None
    end: Annotated[
        Instant | None,
        Field(alias="to", description="Renewals before this. Default: 90 days after `from`."),
    ] = None
    owner: Annotated[AnyShortText | None, Field(description="Only customers of this owner.")] = None
    format: FormatAsked = None


class RenewalTold(Told):
    """A customer whose subscription renews; as last decided."""

    customer_id: str
    name: str | None
    renewal_at: datetime
    mrr: Annotated[float | None, Field(description="Monthly recurring revenue; null: not known.")]
    currency: str | None
    mrr_at_risk: Annotated[
        float | None,
        Field(description="The MRR, where the band is in the lower half; 0 in the upper half."),
    ]
    band: str | None
    score: float | None
    risk: Annotated[float | None, Field(description="Over the risk's horizon, as elsewhere.")]
    risk_to_renewal: Annotated[
        float | None,
        Field(
            description=(
                "The chance that it leaves before the renewal, if it goes on as over the horizon."
                " Null while the risk is a ranking and no probability of churn, and after the date."
            )
        ),
    ]
    reasons: Annotated[
        list[str], Field(description="Flags that are bad news, in words, the most severe first.")
    ]
    owner: str | None
    assignee: Annotated[
        str | None,
        Field(description="Who is on it: whoever has an alert that waits, or acknowledged it."),
    ]
    alert_id: Annotated[
        str | None, Field(description="That alert, else the most severe one; null: none waits.")
    ]
    last_contact_at: datetime | None
    segment: str | None
    tier: str | None
    stage: str


RENEWAL_COLUMNS: Final = tuple(RenewalTold.model_fields)


class RenewalTotalTold(Told):
    """All renewals of the period in one currency; nothing is converted."""

    currency: Annotated[str | None, Field(description="Null: nobody named it.")]
    renewals: int
    without_mrr: Annotated[int, Field(description="Of them, those whose MRR isn't known.")]
    mrr: float
    renewals_at_risk: Annotated[int, Field(description="In the lower half of the bands.")]
    mrr_at_risk: float


class Renewals(ListAnswer[RenewalTold]):
    """Renewals by date, and the totals of the period."""

    model_config = example(
        **{"from": "2026-12-01T00:00:00Z", "to": "2027-03-01T00:00:00Z"},
        as_of="2026-12-01T09:30:00Z",
        totals=[_TOTAL],
        items=[_RENEWAL],
        next_cursor=None,
        prev_cursor=None,
    )

    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime, Field(alias="to")]
    as_of: Annotated[
        datetime | None,
        Field(description="Everything logged up to here is counted; null: not read once yet."),
    ]
    totals: Annotated[
        list[RenewalTotalTold],
        Field(description="By currency, of the whole period, not of the page alone."),
    ]


def to_renewal(renewal: Any) -> RenewalTold:
    """The shape of a renewal as the flow has it."""
    names = set(RenewalTold.model_fields)
    own = {name: getattr(renewal, name) for name in names if hasattr(renewal, name)}
    row = {name: getattr(renewal.row, name) for name in names - own.keys()}
    return RenewalTold(**own, **row)
