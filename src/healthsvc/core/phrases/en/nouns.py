"""What measures, flags and bands of the default scorecard are called within an English sentence."""

from collections.abc import Mapping
from typing import Final

from healthsvc.core.phrases.grammar import Noun

BANDS: Final[Mapping[str, str]] = {
    "healthy": "healthy",
    "watch": "watch",
    "at_risk": "at risk",
    "critical": "critical",
}

NOUNS: Final[Mapping[str, Noun]] = {
    "activity": Noun("overall activity"),
    "feature_use": Noun("the frequency of feature use"),
    "feature_extent": Noun("the range of features used"),
    "sessions": Noun("sign-ins", plural=True),
    "events_attended": Noun("event attendance"),
    "nps": Noun("the NPS score"),
    "csat": Noun("satisfaction"),
    "ces": Noun("ease of use"),
    "surveys_unanswered": Noun("unanswered surveys", plural=True),
    "complaints": Noun("open complaints", plural=True),
    "complaint_served_well": Noun("a complaint that was handled well"),
    "complaint_served_badly": Noun("a complaint that was handled badly"),
    "tickets": Noun("tickets waiting for a first reply", plural=True),
    "help_views": Noun("visits to the help pages", plural=True),
    "payments": Noun("overdue invoices", plural=True),
    "seats_in_use": Noun("seats in use", plural=True),
    "pricing_views": Noun("visits to the pricing page", plural=True),
    "contract": Noun("the renewed contract"),
    "advocacy": Noun("advocacy"),
    "feature_requests": Noun("feature requests", plural=True),
    "champion_left": Noun("the departure of the main contact"),
    "owner_changed": Noun("a change of account manager"),
    "cancel_views": Noun("visits to the cancellation page", plural=True),
    "contacts": Noun("conversations with us", plural=True),
    "outreach": Noun("our outreach"),
    "frozen_at_churn": Noun("the end of the subscription"),
    "override": Noun("a manual assessment"),
    "rounding": Noun("rounding"),
    "cancel_intent": Noun("a visit to the cancellation page"),
    "price_review": Noun("a look at plans and prices"),
    "needs_help": Noun("a search for help"),
    "silent": Noun("silence"),
    "never_started": Noun("a start that never came"),
    "usage_drop": Noun("a drop in usage"),
    "detractor": Noun("a detractor's answer"),
    "complaint_open": Noun("an open complaint"),
    "payment_overdue": Noun("an overdue invoice"),
    "renewal_near": Noun("the upcoming renewal"),
    "churned": Noun("the end of the subscription"),
    "contraction": Noun("a downgrade"),
    "dissatisfied": Noun("a low satisfaction score"),
    "unhappy": Noun("dissatisfaction with us"),
    "silent_unhappy": Noun("the silence of an unhappy customer"),
    "silent_before_renewal": Noun("silence close to the renewal"),
    "drop_before_renewal": Noun("a drop in usage close to the renewal"),
    "reassess": Noun("half a year without a conversation"),
    "promoter": Noun("a promoter's answer"),
    "loyal": Noun("loyalty"),
}
