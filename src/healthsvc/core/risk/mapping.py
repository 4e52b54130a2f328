"""What a type of event is: the customer's own act, neutral, trouble, or the outcome itself.

A mapping names types; what it doesn't name is judged by the words of its name, against the lists
below; what has none of these words counts as an act and is reported as not recognised. The lists
are the field's judgement.

An act is the right default for a type that nobody declared: what people do in a product has no end
of names, and operators name their events after it, while the names of what systems write about a
customer are few (`sends.is_ours` knows them). The wrong default would leave customers without any
evidence who are there every day.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from healthsvc.core.events import RISK_ROLES, RiskRole
from healthsvc.core.risk.sends import is_ours, words_of

Kind = RiskRole
How = Literal["mapped", "built_in", "word", "assumed"]

KINDS: Final[tuple[Kind, ...]] = ("act", "neutral", "trouble", "outcome")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TROUBLE_WORDS: Final = _words("""
    bounced cancel canceled cancellation cancelled cancelling cancels chargeback complained
    complaint complaints
    crash crashed decline declined delinquent detractor dispute disputed downtime dunning error
    errors exception
    fail failed failure incident miss missed outage overdue penalty rejected suspended unpaid
    """)
NEUTRAL_WORDS: Final = _words("""
    assigned credited delivered enrolled enrollment enrolment expired imported invoiced issued
    migrated notification
    notified refund refunded refunds registered registration reminded reminder return returned
    returns reversal
    scheduled synced
    """)
ACT_WORDS: Final = _words("""
    active activity add added adview answer answered attend attended booked booking bought buy call
    called ces check
    checkin click clicked comment commented completed create created csat data deposit dislike
    donated donation
    download downloaded edit edited engagement event feature finished follow friend invite invited
    like liked likes
    listen listened logged login logins message messages newfriend nps open opened opens order
    ordered orders paid
    pay payment play played post posted posts purchase purchased purchases rated rating read
    recharge referral
    renewal renewed replied replies reply request requested review sale search searched session
    sessions share
    shared signin sms started stream submission submit submitted subscribed subscription survey
    ticket tickets topup
    transaction transactions unfriend update updated upgrade upgraded upload uploaded usage use
    used view viewed
    views visit visited visits watch watched withdrawal
    """)
OUTCOME_WORDS: Final = _words("""
    churn churned deactivated offboarded terminated unregistered unsubscribed
    """)

_OUTCOMES: Final = re.compile(
    r"(subscription|contract|account|membership)[^a-z]*(cancell?ed|closed|ended|deleted)", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a type counts as, and who said so."""

    kind: Kind
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeMapping:
    """The operator's word on types; an empty one leaves all to the word lists."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    default: Kind = "act"
    """For types that neither the mapping nor a word recognises."""
    recognises_ours: bool = False
    """Whether what our own systems send and synchronise is neutral by its name: not so in
    scorecards without a table of event types, which were published before."""

    def judge(self, event_type: str) -> Judged:
        """What the type counts as: a mapped name first, then a built-in one, then its words."""
        if (mapped := self._mapped(event_type)) is not None:
            return Judged(kind=mapped, how="mapped")
        if (known := RISK_ROLES.get(event_type)) is not None:
            return Judged(kind=known, how="built_in")
        if self.recognises_ours and is_ours(event_type):
            return Judged(kind="neutral", how="word")
        if _OUTCOMES.search(event_type):
            return Judged(kind="outcome", how="word")
        words = words_of(event_type)
        for kind, known_words in _LISTS:
            if words & known_words:
                return Judged(kind=kind, how="word")
        return Judged(kind=self.default, how="assumed")

    def _mapped(self, event_type: str) -> Kind | None:
        """The kind of the name itself, else of the longest entry like `email.*` that it falls
        under."""
        if not self.kinds or event_type in self.kinds:
            return self.kinds.get(event_type)
        parts = event_type.split(".")
        groups = (".".join([*parts[:i], "*"]) for i in range(len(parts) - 1, 0, -1))
        return next((self.kinds[group] for group in groups if group in self.kinds), None)


_LISTS: Final[tuple[tuple[Kind, frozenset[str]], ...]] = (
    ("outcome", OUTCOME_WORDS),
    ("trouble", TROUBLE_WORDS),
    ("neutral", NEUTRAL_WORDS),
    ("act", ACT_WORDS),
)


def unrecognised(types: Iterable[str], mapping: TypeMapping) -> list[str]:
    """The types that only the default decided, in the order given."""
    return [t for t in types if mapping.judge(t).how == "assumed"]
