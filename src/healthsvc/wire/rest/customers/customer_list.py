"""Customers in a list: which of them, in which order, and what a row says."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.cursors import MAX_LENGTH as CURSOR_LENGTH
from healthsvc.wire.rest.exports import FormatAsked
from healthsvc.wire.rest.languages import Worded
from healthsvc.wire.rest.shapes import (
    AnyShortText,
    Instant,
    ListAnswer,
    Number,
    Paging,
    ShortText,
    Told,
    example,
)

MOST_IDS: Final = 250
MOST_NAMES: Final = 50
SORTS: Final = (
    *("risk", "score", "loyalty", "mrr", "renewal_at", "band_since", "name", "customer_id"),
)
_SEVERAL: Final = "Several: with commas, or repeated."
_REPEATED: Final = "Several: repeated."
Names = Annotated[list[ShortText], Field(max_length=MOST_NAMES)]


class CustomerFilter(Paging, Worded):
    """Which customers, in which order, in which form. All that is asked must hold; of several names
    one is enough."""

    ids: Annotated[
        list[ShortText],
        Field(
            max_length=MOST_IDS,
            description=(
                f"Only these customers, up to {MOST_IDS}; those that aren't known are missing from"
                f" the answer. {_REPEATED}"
            ),
        ),
    ] = []
    q: Annotated[
        ShortText | None,
        Field(description="Part of the name or id, in any case, with or without accents."),
    ] = None
    band: Annotated[Names, Field(description=f"Bands of the live scorecard. {_SEVERAL}")] = []
    flag: Annotated[
        Names, Field(description=f"Flags that hold, for example `silent`. {_SEVERAL}")
    ] = []
    owner: Annotated[
        list[AnyShortText], Field(max_length=MOST_NAMES, description=f"Owners. {_REPEATED}")
    ] = []
    segment: Annotated[Names, Field(description=f"Segments. {_REPEATED}")] = []
    tier: Annotated[Names, Field(description=f"Touch tiers: high, low, tech. {_SEVERAL}")] = []
    stage: Annotated[
        Names, Field(description=f"Lifecycle stages, for example `renewal`. {_SEVERAL}")
    ] = []
    currency: Annotated[Names, Field(description=f"Currencies of the MRR. {_SEVERAL}")] = []
    parent: Annotated[
        ShortText | None, Field(description="The children of this customer: by `parent_id`.")
    ] = None
    loyalty_min: Annotated[Number | None, Field(ge=0, le=100, description="Least loyalty.")] = None
    icp_fit_min: Annotated[
        Number | None, Field(ge=0, le=1, description="Least fit with the ideal profile.")
    ] = None
    score_min: Annotated[Number | None, Field(ge=0, le=100, description="Least score.")] = None
    score_below: Annotated[
        Number | None, Field(ge=0, le=101, description="The score is lower than this.")
    ] = None
    risk_min: Annotated[Number | None, Field(ge=0, le=1, description="Least risk.")] = None
    risk_below: Annotated[
        Number | None, Field(ge=0, le=1, description="The risk is lower than this.")
    ] = None
    mrr_from: Annotated[
        Number | None,
        Field(ge=0, description="Least MRR, each in its own currency: see `currency`."),
    ] = None
    mrr_below: Annotated[Number | None, Field(ge=0, description="The MRR is lower than this.")] = (
        None
    )
    renewal_from: Annotated[
        Instant | None, Field(description="The renewal is at this instant or later.")
    ] = None
    renewal_before: Annotated[
        Instant | None, Field(description="The renewal is before this instant.")
    ] = None
    band_since_from: Annotated[
        Instant | None, Field(description="Came into its band at this instant or later.")
    ] = None
    band_since_before: Annotated[
        Instant | None, Field(description="Came into its band before this instant.")
    ] = None
    changed_since: Annotated[
        str | None,
        Field(
            max_length=CURSOR_LENGTH,
            description=(
                "`changes_cursor` of an earlier answer: only customers of which a row of this list"
                " has changed since, `stale` apart. None is missed; one that changed while the"
                " answer was made may come again."
            ),
        ),
    ] = None
    sort: Annotated[
        ShortText,
        Field(
            description=(
                f"{', '.join(f'`{name}`' for name in SORTS)}: risk, loyalty, mrr and band_since"
                " from the top, the others from the bottom; a minus before it is the other way."
                " Unknown ones come last. `customer_id` never moves."
            ),
            examples=["-score"],
        ),
    ] = "risk"
    fields: Annotated[Names, Field(description=f"Only these members of each row. {_SEVERAL}")] = []
    format: FormatAsked = None


class Standing(Told):
    """A customer in a list: as last decided, not evaluated anew."""

    customer_id: str
    name: str | None
    owner: str | None
    segment: str | None
    tier: str | None
    stage: str
    band: str | None
    band_since: Annotated[
        datetime | None, Field(description="Since when it is in its band; null: in none.")
    ]
    score: float | None
    risk: float | None
    mrr: Annotated[
        float | None,
        Field(description="Monthly recurring revenue of all subscriptions, in `currency`."),
    ]
    currency: Annotated[
        str | None, Field(description="As the last change of a subscription named it (ISO 4217).")
    ]
    renewal_at: datetime | None
    loyalty: Annotated[
        float | None,
        Field(
            description="0 to 100, told anew when it has moved by ten points or something else"
            " changes; null: not enough evidence."
        ),
    ]
    icp_fit: Annotated[
        float | None,
        Field(
            description=(
                "0 to 1, how well it matches the ideal profile; null: no attribute is known."
            )
        ),
    ]
    parent_id: str | None
    flags: list[str]
    reason: Annotated[
        str | None,
        Field(
            description="What is the matter, in words: the most severe of its flags; null: none."
        ),
    ]
    decided_at: datetime
    stale: Annotated[
        str | None,
        Field(
            description=(
                "What has fallen, so that the score isn't to be trusted: `fleet`, `source:…` …"
            )
        ),
    ]


COLUMNS: Final = tuple(Standing.model_fields)
"""Members of a row, in the order of the columns of CSV."""
STANDING_EXAMPLE: Final[JsonDict] = {
    "customer_id": "acme",
    "name": "Acme Ltd",
    "owner": "kim",
    "segment": "smb",
    "tier": "low",
    "stage": "renewal",
    "band": "at_risk",
    "band_since": "2026-11-18T06:12:40Z",
    "score": 41.5,
    "risk": 0.38,
    "mrr": 4900.0,
    "currency": "EUR",
    "renewal_at": "2027-01-15T00:00:00Z",
    "loyalty": 63.5,
    "icp_fit": 0.67,
    "parent_id": None,
    "flags": ["cancel_intent", "loyal"],
    "reason": "Visited the cancellation page",
    "decided_at": "2026-11-20T09:29:58Z",
    "stale": None,
}


class Standings(ListAnswer[Standing]):
    """Customers, and the instant up to which everything logged is counted in them."""

    model_config = example(
        as_of="2026-11-20T09:30:00Z",
        scorecard_version=1,
        changes_cursor="WyJmMWQ4ZjI0MTZlNmMiLDAsMSw3NDNd",
        items=[STANDING_EXAMPLE],
        next_cursor=None,
        prev_cursor=None,
    )

    as_of: Annotated[
        datetime | None, Field(description="Null until every partition has been read once.")
    ]
    scorecard_version: Annotated[int, Field(description="The version of the scores in the list.")]
    changes_cursor: Annotated[
        str | None,
        Field(
            description=(
                "Pass it as `changed_since` the next time. On the first page alone: what changes"
                " while you read on comes the next time."
            )
        ),
    ]
