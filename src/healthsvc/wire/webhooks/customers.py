"""Webhooks about what was decided of a customer: its band, its risk, its flags."""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from healthsvc.wire.webhooks.webhook_type import (
    INSTANT,
    TEXT,
    CustomerId,
    Schema,
    Sequence,
    webhook_type,
)

BAND: Final[Schema] = {
    "type": ["string", "null"],
    "description": (
        "A band of the scorecard (healthy, watch, at_risk, critical); null: not enough evidence."
    ),
}
SCORE: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 100}
RISK: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class BandData:
    """Data of `customer.band.changed`."""

    customer_id: CustomerId
    score: Annotated[float | None, SCORE]
    risk: Annotated[
        float | None,
        {
            **RISK,
            "description": (
                "Churn risk over the scorecard's horizon; `risk_is` of the customer says whether it"
                " is a ranking or a probability."
            ),
        },
    ]
    band: Annotated[str | None, BAND]
    previous_band: Annotated[str | None, BAND]
    decided_at: Annotated[datetime, INSTANT]
    flags: Annotated[Many[str], {"type": "array", "items": TEXT, "uniqueItems": True}]
    scorecard_version: Annotated[int, {"type": "integer", "minimum": 1}]
    sequence: Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskData(BandData):
    """Data of `customer.risk.raised`."""

    previous_risk: Annotated[float | None, RISK]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagData:
    """Data of webhooks about a flag."""

    customer_id: CustomerId
    flag: Annotated[str, TEXT]
    decided_at: Annotated[datetime, INSTANT]
    sequence: Sequence


_AT: Final = datetime(2026, 11, 20, 9, 29, 58, tzinfo=UTC)
_BAND: Final = BandData(
    customer_id="acme",
    score=41.5,
    risk=0.31,
    band="at_risk",
    previous_band="watch",
    decided_at=_AT,
    flags=["silent"],
    scorecard_version=1,
    sequence=7,
)
_FLAG: Final = FlagData(customer_id="acme", flag="silent", decided_at=_AT, sequence=7)

BAND_CHANGED: Final = webhook_type(
    "customer.band.changed", "A customer moved to another band.", _BAND
)
RISK_RAISED: Final = webhook_type(
    "customer.risk.raised",
    "A customer moved to a worse band.",
    RiskData(**{name: getattr(_BAND, name) for name in BandData.__slots__}, previous_risk=0.2),
)
FLAG_RAISED: Final = webhook_type("customer.flag.raised", "A flag was raised on a customer.", _FLAG)
FLAG_RELEASED: Final = webhook_type(
    "customer.flag.released", "A customer's flag was released.", _FLAG
)
