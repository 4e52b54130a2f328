"""A customer's place: segment, touch tier and lifecycle stage, as numbers that states keep; and how
a stage is derived.

Segment and tier are what the customer's own systems say. The stage is theirs too where they name
one; else it follows from facts by the scorecard's rules.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal, get_args

from healthsvc.core.instants import DAY_US

Stage = Literal["onboarding", "adoption", "value", "expansion", "renewal", "advocacy", "churned"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
"""In the order of a customer's life; `renewal` is the renewal of trust."""
CHURNED: Final = STAGES.index("churned")
NAMED_STAGES: Final = STAGES[:CHURNED]
"""Those that a sender may name and a variant may ask for; who has left is known by the
subscription's end."""
TIERS: Final = ("high", "low", "tech")
PLACE_FIELDS: Final = ("segment", "tier", "stage")
"""Fields of the profile that are kept as facts too, each in a column `…_code`."""
NOT_TOLD: Final = 0.0

StageKind = Literal["young", "ahead", "fed", "reached", "ratio", "adopted", "otherwise"]
STAGE_KINDS: Final[tuple[StageKind, ...]] = get_args(StageKind)


@lru_cache(maxsize=4096)
def code(word: str) -> float:
    """A name as a number that is the same everywhere: 52 bits of its hash, never `NOT_TOLD`; an
    empty name is."""
    if not word:
        return NOT_TOLD
    return float((int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big") >> 12) + 1)


def profile_code(field: str, word: str) -> float:
    """A field of the place as its column has it: a stage by its number from 1, the others by their
    code."""
    return 1.0 + STAGES.index(word) if field == "stage" else code(word)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMarks:
    """The segments that mark accounts which aren't paying customers."""

    trial: frozenset[str] = frozenset()
    """Scored, and no churn while they pay nothing."""
    test: frozenset[str] = frozenset()
    """Neither scored nor counted."""


NO_ACCOUNT_MARKS: Final = AccountMarks()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRule:
    """When a customer is in a stage that nobody named; of several rules the first that holds
    decides."""

    stage: Stage
    kind: StageKind
    span_us: int = 30 * DAY_US
    fact: str = ""
    to: str = ""
    measure: str = ""
    at: float = 0.0


LIFECYCLE: Final = (
    StageRule(stage="onboarding", kind="young", span_us=30 * DAY_US),
    StageRule(stage="renewal", kind="ahead", fact="renewal_at", span_us=90 * DAY_US),
    StageRule(stage="advocacy", kind="fed", measure="advocacy", span_us=180 * DAY_US),
    StageRule(stage="expansion", kind="reached", fact="mrr_change", at=0.01, span_us=180 * DAY_US),
    StageRule(stage="expansion", kind="ratio", fact="seats_active", to="seats", at=0.9),
    StageRule(stage="value", kind="adopted", at=0.5),
    StageRule(stage="adoption", kind="otherwise"),
)
"""Of a scorecard that names no rules; one about a measure that it doesn't keep is left out.

Sold or first seen within 30 days; the contract's end within 90; a referral or review within 180; a
larger plan within 180, or nine tenths of the seats in use; half of the functions owned ever used;
none of it.
"""
