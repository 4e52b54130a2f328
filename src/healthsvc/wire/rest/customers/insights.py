"""The shapes of what the field reads in a customer, as REST shows it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from healthsvc.wire.rest.shapes import Told
from healthsvc.wire.rest.signs import ReadingName, Sign


class Reading(Told):
    """One reading of a pricing page, the evidence for it, and a question to find out."""

    reading: ReadingName
    evidence: list[Sign]
    question: str


class PriceReview(Told):
    """Why somebody looks at prices, as far as it can be told."""

    likely: Annotated[
        ReadingName | None, Field(description="Null: ambiguous, so ask before you conclude.")
    ]
    sentence: str
    question: Annotated[str, Field(description="With what to open the talk.")]
    readings: list[Reading]


class HelpEvent(Told):
    """A page or ticket in which help was looked for."""

    id: str
    source: str
    type: str
    occurred_at: datetime


class HelpFunction(Told):
    """A feature with which the customer seems to need help."""

    function: Annotated[
        str, Field(description="As the events name it, else from the page's address.")
    ]
    times: int
    last_at: datetime
    events: Annotated[list[HelpEvent], Field(description="The newest three.")]


class HelpWanted(Told):
    """With which features help is looked for, the most first; from the last 28 days' pages and
    tickets."""

    sentence: str
    functions: list[HelpFunction]


class ExpansionReason(Told):
    """One reason against offering more."""

    reason: Annotated[
        str,
        Field(
            description=(
                "churned, complaint_open, invoice_overdue, contraction, red_flag, just_sold,"
                " first_seen_lately (the date of the sale isn't known), onboarding,"
                " not_enough_evidence, or band_ with the band's name"
            )
        ),
    ]
    flag: Annotated[str | None, Field(description="The flag that stands against it, for red_flag.")]
    since: datetime | None
    why: str


class Expansion(Told):
    """Whether more may be offered now. Open is a permission, not an advice."""

    open: bool
    reasons: Annotated[
        list[ExpansionReason], Field(description="Why not, the weightiest first; empty where open.")
    ]


class DisagreementTold(Told):
    """Score and money say different things."""

    score: Literal["high", "low"]
    money: Sign
    sentence: str
