"""The kinds of customer: how often each comes, what it does at a visit, and what becomes of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import numpy as np

from benchmarks.alerts_check import visits as v
from benchmarks.alerts_check.visits import DAYS, Rng, Visits
from healthsvc.core.arrays import Floats

Happening = tuple[float, str, dict[str, Any]]
"""Day, type and data of an event."""
Extras = Callable[[Rng, Floats], Iterator[Happening]]
Fate = Literal["healthy", "stops", "declines", "falls"]
CHANGE_DAY: Final = 450.0
"""When those that decline or fall begin to."""
FEATURES: Final = ("export", "report", "share", "import", "chart", "plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of customer."""

    name: str
    fate: Fate
    period: float
    """Days from one visit, or burst of visits, to the next."""
    visits: Visits
    uses: float = 4.0
    """Functions used at a visit, on average."""
    uses_at: Callable[[Floats], Floats] | None = None
    """What the uses are multiplied by at a day; None: always 1."""
    extras: tuple[Extras, ...] = ()
    excused: bool = False
    """Its alerts are asked for: a reader of the cancel page."""
    is_random: bool = False
    """Each customer has a period of its own: the mean of its gaps of a week or more in the year
    before its last visit."""


def monthly(rng: Rng) -> Floats:
    return np.arange(rng.uniform(0, 28), DAYS, 30.4)


def reads_help(rng: Rng, days: Floats) -> Iterator[Happening]:
    """A help page at one visit in three."""
    for day in days[rng.random(len(days)) < 0.33].tolist():
        yield day + 0.01, "page.viewed", {"url": "https://x.test/help/start"}


def reads_prices(rng: Rng, days: Floats) -> Iterator[Happening]:
    """The price page at one visit in six, always has."""
    for day in days[rng.random(len(days)) < 0.16].tolist():
        yield day + 0.01, "page.viewed", {"url": "https://x.test/pricing"}


def reads_the_cancel_page(rng: Rng, days: Floats) -> Iterator[Happening]:
    """Once a month, three reloads in a minute."""
    for day in monthly(rng).tolist():
        for reload in range(3):
            at = day + reload * 0.0002
            yield at, "page.viewed", {"url": "https://x.test/account/cancel-subscription"}


def pays_late(rng: Rng, days: Floats) -> Iterator[Happening]:
    """Five days late, each month."""
    for number, day in enumerate(monthly(rng).tolist()):
        invoice = {"invoice_id": f"i{number}", "amount": 100, "currency": "EUR"}
        yield day, "invoice.overdue", invoice
        yield day + 5, "invoice.paid", invoice


def has_tickets(rng: Rng, days: Floats) -> Iterator[Happening]:
    """Every five weeks a ticket that is answered on the same day."""
    for number, day in enumerate(np.arange(rng.uniform(0, 35), DAYS, 35).tolist()):
        ticket = {"ticket_id": f"t{number}"}
        yield day, "ticket.opened", ticket | {"subject": "how to"}
        yield day + 0.3, "ticket.answered", ticket
        yield day + 0.8, "ticket.resolved", ticket | {"rating": 4}


def answers_surveys(rng: Rng, days: Floats) -> Iterator[Happening]:
    """Each quarter an 8 or a 9."""
    for number, day in enumerate(np.arange(rng.uniform(0, 90), DAYS, 91).tolist()):
        survey = {"survey": "nps", "survey_id": f"s{number}"}
        yield day, "survey.sent", survey
        yield day + 1, "survey.answered", survey | {"score": int(rng.integers(8, 10))}


def swings(rng: Rng, days: Floats) -> Iterator[Happening]:
    """For thirty days each second day a burst of help and price pages: one alert of each kind."""
    for day in np.arange(500, 530, 2.0).tolist():
        for page in ("help/start", "help/setup", "pricing"):
            yield day + 0.02, "page.viewed", {"url": f"https://x.test/{page}"}


def robot_pings(rng: Rng, days: Floats) -> Iterator[Happening]:
    """An integration of theirs that goes on every day."""
    for day in range(DAYS):
        yield day + 0.5, "sync.completed", {"rows": 3}


def declines(share_a_week: float) -> Callable[[Floats], Floats]:
    def factor(days: Floats) -> Floats:
        weeks = np.maximum(days - CHANGE_DAY, 0.0) / 7
        left: Floats = (1 - share_a_week) ** weeks
        return left

    return factor


def falls_to(share: float) -> Callable[[Floats], Floats]:
    return lambda days: np.where(days < CHANGE_DAY, 1.0, share)


def grows(days: Floats) -> Floats:
    return 0.6 + days / DAYS


_healthy = partial(Kind, fate="healthy")
HEALTHY: Final = (
    _healthy(name="daily", period=1, visits=v.daily),
    _healthy(name="weekdays", period=1, visits=v.weekdays),
    _healthy(name="weekdays, heavily", period=1, visits=v.weekdays, uses=20),
    _healthy(name="twice a week", period=3.5, visits=v.steady(3.5, 1)),
    _healthy(name="weekly", period=7, visits=v.steady(7, 1.5)),
    _healthy(name="irregular, weekly", period=7, visits=v.irregular(7, 2.0)),
    _healthy(name="fortnightly", period=14, visits=v.steady(14, 2)),
    _healthy(name="every 16 days", period=16, visits=v.steady(16, 1)),
    _healthy(name="every 21 days", period=21, visits=v.steady(21, 3)),
    _healthy(name="irregular, monthly", period=30, visits=v.irregular(30, 5.0)),
    _healthy(name="monthly", period=30.4, visits=v.steady(30.4, 3)),
    _healthy(name="every six weeks", period=42, visits=v.steady(42, 4)),
    _healthy(name="quarterly", period=91, visits=v.steady(91, 7)),
    _healthy(name="month's closing", period=30.4, visits=v.blocks(30.4, 4, 1)),
    _healthy(name="quarter's closing", period=91, visits=v.blocks(91, 10, 3)),
    _healthy(name="school year", period=1,
             visits=v.without(v.weekdays, (0, 60), (120, 130), (175, 190), (260, 270))),
    _healthy(name="three weeks' holiday", period=1, visits=v.without(v.weekdays, (0, 21))),
    _healthy(name="two weeks' holiday, twice", period=1,
             visits=v.without(v.daily, (0, 15), (180, 195))),
    _healthy(name="random bursts", period=22, visits=v.bursts),
    _healthy(name="three weeks on, two off", period=35, visits=v.blocks(35, 21, 2)),
    _healthy(name="busy half of the year", period=3, visits=v.changing_with_the_season),
    _healthy(name="paused once, 90 days", period=1, visits=v.paused_once(v.weekdays, 200, 290)),
    _healthy(name="grows", period=1, visits=v.weekdays, uses_at=grows),
    _healthy(name="reads help pages lightly", period=2, visits=v.irregular(2, 2.0),
             extras=(reads_help,)),
    _healthy(name="reads prices, always has", period=2, visits=v.irregular(2, 2.0),
             extras=(reads_prices,)),
    _healthy(name="has tickets and surveys", period=2, visits=v.irregular(2, 2.0),
             extras=(has_tickets, answers_surveys)),
    _healthy(name="pays five days late", period=2, visits=v.irregular(2, 2.0),
             extras=(pays_late,)),
    _healthy(name="swings for thirty days", period=2, visits=v.irregular(2, 2.0),
             extras=(swings,)),
    _healthy(name="reads the cancel page monthly", period=2, visits=v.irregular(2, 2.0),
             extras=(reads_the_cancel_page,), excused=True),
)  # fmt: skip


def _stops(name: str, period: float, visits: Visits, **more: Any) -> Kind:
    return Kind(
        name=f"stops: {name}", fate="stops", period=period, visits=v.stopped(visits), **more
    )


LEAVING: Final = (
    _stops("daily", 1, v.daily),
    _stops("weekdays", 1, v.weekdays),
    _stops("weekly", 7, v.steady(7, 1.5)),
    _stops("fortnightly", 14, v.steady(14, 2)),
    _stops("every 16 days", 16, v.steady(16, 1)),
    _stops("monthly", 30.4, v.steady(30.4, 3)),
    _stops("month's closing", 30.4, v.blocks(30.4, 4, 1)),
    _stops("every six weeks", 42, v.steady(42, 4)),
    _stops("quarterly", 91, v.steady(91, 7)),
    _stops("random bursts", 22, v.bursts, is_random=True),
    _stops("paused once before", 1, v.paused_once(v.weekdays, 300, 400)),
    _stops("holidays each year", 1, v.without(v.weekdays, (0, 21), (180, 190))),
    _stops(
        "present on 56 of 200 days", 4, v.thinned(v.daily, lambda days: np.full(len(days), 0.28))
    ),
    _stops("a robot goes on", 1, v.weekdays, extras=(robot_pings,)),
)
_slows = partial(Kind, period=1, visits=v.weekdays)
DECLINING: Final = (
    *(
        _slows(name=f"declines {share:.0%} a week", fate="declines", uses_at=declines(share))
        for share in (0.01, 0.03, 0.06)
    ),
    Kind(name="comes 3% less a week", fate="declines", period=1,
         visits=v.thinned(v.weekdays, declines(0.03))),
    Kind(name="comes 3% less a week, twice a week", fate="declines", period=3.5,
         visits=v.thinned(v.steady(3.5, 1), declines(0.03))),
    _slows(name="falls to 40%", fate="falls", uses_at=falls_to(0.4)),
    Kind(name="weekly, falls to 30%", fate="falls", period=7,
         visits=v.thinned(v.steady(7, 1.5), falls_to(0.3))),
)  # fmt: skip
KINDS: Final = (*HEALTHY, *LEAVING, *DECLINING)


def happenings(kind: Kind, rng: Rng) -> list[Happening]:
    """What one customer of the kind does, in no order."""
    days = kind.visits(rng)
    uses = kind.uses * (1.0 if kind.uses_at is None else kind.uses_at(days))
    counts = rng.poisson(np.broadcast_to(uses, len(days)))
    events: list[Happening] = []
    for day, count in zip((days + 0.4).tolist(), counts.tolist(), strict=True):
        if count or kind.uses_at is None:
            events.append((day, "session.started", {}))
        for use in range(count):
            feature = FEATURES[int(rng.integers(len(FEATURES)))]
            events.append((day + 0.001 * (use + 1), "feature.used", {"feature": feature}))
    for extra in kind.extras:
        events += extra(rng, days)
    return [event for event in events if 0 <= event[0] < DAYS]
