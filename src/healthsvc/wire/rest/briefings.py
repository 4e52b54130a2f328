"""What to know before a talk, as REST shows it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from healthsvc.wire.rest.shapes import Told
from healthsvc.wire.rest.signs import ReadingName, Sign


class RuleReason(Told):
    """The rule that judged a flag."""

    rule: Annotated[
        str,
        Field(
            description="own_rhythm, daily_rhythm: the customer's own gap between visits; "
            "fixed_span: that of the scorecard, since no gap is known; habit: its usual rate; "
            "last_year: that of the past months; recurring: it does so time and again, and is "
            "alerted of rarely."
        ),
    ]
    usual_days: Annotated[float | None, Field(description="The usual gap between visits.")]
    quiet_days: float | None
    share: Annotated[float | None, Field(description="Today's rate over the usual one.")]
    says: Annotated[str, Field(description="In the language asked for.")]


class FlagHeld(Told):
    """A flag that holds now."""

    flag: str
    title: Annotated[str, Field(description="What it means, in the language asked for.")]
    since: datetime | None
    reason: Annotated[RuleReason | None, Field(description="Null: the title says it all.")] = None


class Use(Told):
    """How the customer uses the product."""

    functions_used: Annotated[
        int, Field(description="Features used lately, about so many of up to 40.")
    ]
    functions_owned: Annotated[
        int | None, Field(description="Null: the profile doesn't say `features_owned`.")
    ]
    sessions_a_week: float | None
    against_habit: Annotated[
        float | None,
        Field(description="Today's use over the usual one; null: too little use to tell."),
    ]
    last_seen_at: datetime | None


class Money(Told):
    """What the customer pays, and what moves that."""

    mrr: float | None
    renewal_at: datetime | None
    signs: list[Sign]


class Known(Told):
    """What to know before any talk with a customer."""

    happened: Annotated[list[FlagHeld], Field(description="The newest first.")]
    use: Use
    money: Money
    open_matters: Annotated[
        list[Sign],
        Field(description="What waits for us: complaints, tickets, invoices, a bad answer."),
    ]
    last_contact_at: datetime | None


Question = Annotated[dict[str, str], Field(description="With what to open the talk, by language.")]


class Briefing(Known):
    """What to know before the talk about an alert."""

    question: Question


class EvidenceOfReading(Told):
    """One reading of a pricing page, and the evidence for it."""

    reading: ReadingName
    evidence: list[Sign]


class PriceBriefing(Known):
    """What to know before the talk with somebody who looks at prices."""

    likely: Annotated[
        ReadingName | None, Field(description="Null: ambiguous, so ask before you conclude.")
    ]
    readings: list[EvidenceOfReading]
    question: Question
