"""Who a synthetic fleet's customers are: clearly named as synthetic, each with a place in the world
and a behaviour.

Pure: chance comes in as a numpy Generator, time as the end instant. What they do stands in
`activity` and `scenarios`.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from healthsvc.core.instants import DAY_US

HISTORY_DAYS = 182
FEATURES = (
    "dashboards", "exports", "alerts", "workflows", "reports", "api", "sso", "integrations",
    "forecasts", "segments",
    "audit_log", "templates", "mobile", "sandbox", "budgets", "approvals", "webhooks", "benchmarks",
    "calendar",
    "roles",
)  # fmt: skip
NAMES = (
    "Harbor", "Meadow", "Summit", "Quarry", "Lantern", "Orchard", "Beacon", "Canyon", "Juniper",
    "Granite",
    "Willow", "Compass", "Saffron", "Tundra", "Cobalt", "Prairie", "Ember", "Glacier", "Mosaic",
    "Sequoia",
)  # fmt: skip
CSMS = ("ada", "bruno", "chiara", "deniz", "emeka", "freya", "goran", "hana")
OWNERS = tuple(f"{name}.csm@demo.example" for name in CSMS)
PLACES = (  # time zone, country, hours from UTC (summer time is left out)
    ("Europe/Berlin", "DE", 1), ("Europe/London", "GB", 0), ("America/New_York", "US", -5),
    ("America/Los_Angeles", "US", -8),
    ("Asia/Tokyo", "JP", 9), ("Asia/Singapore", "SG", 8),
    ("Australia/Sydney", "AU", 10), ("America/Sao_Paulo", "BR", -3),
)  # fmt: skip


class Archetype(StrEnum):
    """What happens to a customer in the months of its history."""

    STEADY = "steady"
    GROWING = "growing"
    SEASONAL = "seasonal"
    ADVOCATE = "advocate"
    ONBOARDING = "onboarding"
    CANCELLED = "cancelled"  # declines, complains, looks at the cancel page, leaves
    FADING = "fading"  # uses less and less, and says so only when asked
    SILENT = "silent"  # stops coming without a word; some leave
    SERVED = "served"  # complained, was served well
    UNSERVED = "unserved"  # complained, is still waiting
    PRICE = "price"  # compares plans and prices
    LEAVING = "leaving"  # looks at the cancel page now; half are called by their CSM
    HELP = "help"  # can't set something up: support and specification pages
    CHAMPION_LEFT = "champion_left"
    DETRACTOR = "detractor"
    OVERDUE = "overdue"


SHARES: dict[Archetype, float] = {
    Archetype.STEADY: 0.21,
    Archetype.GROWING: 0.11,
    Archetype.SEASONAL: 0.06,
    Archetype.ADVOCATE: 0.05,
    Archetype.ONBOARDING: 0.06,
    Archetype.CANCELLED: 0.06,
    Archetype.FADING: 0.09,
    Archetype.SILENT: 0.06,
    Archetype.SERVED: 0.05,
    Archetype.UNSERVED: 0.05,
    Archetype.PRICE: 0.05,
    Archetype.LEAVING: 0.04,
    Archetype.HELP: 0.03,
    Archetype.CHAMPION_LEFT: 0.03,
    Archetype.DETRACTOR: 0.03,
    Archetype.OVERDUE: 0.02,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A class of customers: their size and their care."""

    segment: str
    plan: str
    share: float
    tiers: tuple[str, ...]
    mrr: tuple[int, int]
    seats: tuple[int, int]
    features: tuple[int, int]
    pace: tuple[float, float]  # sessions on a working day


SIZES = (
    Size(
        segment="enterprise", plan="Enterprise", share=0.18, tiers=("high",), mrr=(4000, 20000),
        seats=(80, 600), features=(14, 20), pace=(1.6, 3.2),
    ),
    Size(
        segment="mid_market", plan="Team", share=0.37, tiers=("high", "low", "low"), mrr=(800,
        4000),
        seats=(20, 120), features=(9, 15), pace=(0.9, 1.8),
    ),
    Size(
        segment="small", plan="Starter", share=0.45, tiers=("low", "tech", "tech"), mrr=(80, 800),
        seats=(3, 25), features=(6, 10), pace=(0.5, 1.2),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One synthetic customer as it is at the end of its history."""

    number: int
    customer_id: str
    name: str
    archetype: Archetype
    size: Size
    tier: str
    owner: str
    timezone: str
    country: str
    utc_hours: int
    mrr: int
    seats: int
    features_owned: int
    pace: float
    renewal_us: int
    contacts: tuple[str, ...]

    @property
    def stage(self) -> str:
        """The lifecycle stage that its behaviour stands for."""
        if self.archetype is Archetype.ONBOARDING:
            return "onboarding"
        if self.archetype is Archetype.GROWING:
            return "expansion"
        return "advocacy" if self.archetype is Archetype.ADVOCATE else "value"


def roster(rng: np.random.Generator, *, customers: int, end_us: int, seed: int) -> list[Member]:
    """The fleet's customers, archetypes in the proportions of SHARES, shuffled."""
    archetypes = _archetypes(customers)
    order = rng.permutation(customers)
    return [
        _member(rng, number, archetypes[order[number - 1]], end_us, seed)
        for number in range(1, customers + 1)
    ]


def _archetypes(customers: int) -> list[Archetype]:
    """Each archetype by its share, the remainder to the largest fractions."""
    exact = {archetype: share * customers for archetype, share in SHARES.items()}
    counts = {archetype: int(count) for archetype, count in exact.items()}
    by_rest = sorted(exact, key=lambda archetype: counts[archetype] - exact[archetype])
    for archetype in by_rest[: customers - sum(counts.values())]:
        counts[archetype] += 1
    return [archetype for archetype, count in counts.items() for _ in range(count)]


def _member(
    rng: np.random.Generator, number: int, archetype: Archetype, end_us: int, seed: int
) -> Member:
    size = SIZES[int(rng.choice(len(SIZES), p=[size.share for size in SIZES]))]
    zone, country, utc_hours = PLACES[int(rng.integers(len(PLACES)))]
    customer_id = f"synthetic-{seed}-{number:03d}"
    people = 2 + int(rng.integers(3))
    return Member(
        number=number,
        customer_id=customer_id,
        name=f"Synthetic {NAMES[int(rng.integers(len(NAMES)))]} {number:03d}",
        archetype=archetype,
        size=size,
        tier=size.tiers[int(rng.integers(len(size.tiers)))],
        owner=OWNERS[number % len(OWNERS)],
        timezone=zone,
        country=country,
        utc_hours=utc_hours,
        mrr=int(rng.integers(*size.mrr)) // 10 * 10,
        seats=int(rng.integers(*size.seats)),
        features_owned=int(rng.integers(size.features[0], size.features[1] + 1)),
        pace=float(rng.uniform(*size.pace)),
        renewal_us=end_us + int(rng.integers(8, 360)) * DAY_US,
        contacts=tuple(f"{customer_id}-person-{person}" for person in range(1, people + 1)),
    )
