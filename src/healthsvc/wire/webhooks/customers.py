"""Webhooks about what was decided of a customer: its score, its band, its risk, its flags."""

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Final

from healthsvc.wire.webhooks.customer_object import CUSTOMER_EXAMPLE, CustomerObject
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
VERSION: Final[Schema] = {"type": "integer", "minimum": 1}
RISK: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class BandData:
    """Data of `customer.band.changed`."""

    customer_id: CustomerId
    customer: CustomerObject
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
    scorecard_version: Annotated[int, VERSION]
    sequence: Sequence = 0
    """The change gives it; so below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskData(BandData):
    """Data of `customer.risk.raised` and `customer.risk.cleared`."""

    previous_risk: Annotated[float | None, RISK]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreData:
    """Data of `customer.score.changed`."""

    customer_id: CustomerId
    customer: CustomerObject
    score: Annotated[float, {"type": "number", "minimum": 0, "maximum": 100}]
    previous_score: Annotated[
        float,
        {
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "description": "At the last such change, or when the score was first known.",
        },
    ]
    band: Annotated[str | None, BAND]
    decided_at: Annotated[datetime, INSTANT]
    scorecard_version: Annotated[int, VERSION]
    sequence: Sequence = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagData:
    """Data of webhooks about a flag."""

    customer_id: CustomerId
    customer: CustomerObject
    flag: Annotated[str, TEXT]
    decided_at: Annotated[datetime, INSTANT]
    scorecard_version: Annotated[int, VERSION]
    sequence: Sequence = 0


_AT: Final = datetime(2026, 11, 20, 9, 29, 58, tzinfo=UTC)
_BAND: Final = BandData(
    customer_id="acme",
    customer=CUSTOMER_EXAMPLE,
    score=41.5,
    risk=0.31,
    band="at_risk",
    previous_band="watch",
    decided_at=_AT,
    flags=["silent"],
    scorecard_version=1,
    sequence=7,
)
_FLAG: Final = FlagData(
    customer_id="acme",
    customer=CUSTOMER_EXAMPLE,
    flag="silent",
    decided_at=_AT,
    scorecard_version=1,
    sequence=7,
)
_RISK: Final = RiskData(
    **{name: getattr(_BAND, name) for name in BandData.__slots__}, previous_risk=0.2
)
_WELL: Final = {**CUSTOMER_EXAMPLE, "band": "healthy", "flags": []}

BAND_CHANGED: Final = webhook_type(
    "customer.band.changed", "A customer moved to another band.", _BAND
)
RISK_RAISED: Final = webhook_type(
    "customer.risk.raised", "A customer moved to a worse band.", _RISK
)
RISK_CLEARED: Final = webhook_type(
    "customer.risk.cleared",
    "A customer moved from the lower half of the bands back into the upper half.",
    replace(
        _RISK,
        customer=_WELL,
        score=78.0,
        risk=0.06,
        band="healthy",
        previous_band="at_risk",
        flags=[],
        previous_risk=0.31,
    ),
)
SCORE_CHANGED: Final = webhook_type(
    "customer.score.changed",
    "A customer's score has moved by five points or more since the last such message.",
    ScoreData(
        customer_id="acme",
        customer=CUSTOMER_EXAMPLE,
        score=41.5,
        previous_score=52.0,
        band="at_risk",
        decided_at=_AT,
        scorecard_version=1,
        sequence=7,
    ),
)
FLAG_RAISED: Final = webhook_type("customer.flag.raised", "A flag was raised on a customer.", _FLAG)
FLAG_RELEASED: Final = webhook_type(
    "customer.flag.released", "A customer's flag was released.", _FLAG
)
