"""What each customer of a synthetic fleet does: months of ordinary life, and the turn that its archetype takes.

Pure like `fleet`. A story is told by adding events in any order; they come out in time order, with ids that are
the same whenever the same seed and end are given.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

import numpy as np
import numpy.typing as npt

from healthsvc.core.fleet import FEATURES, HISTORY_DAYS, Archetype, Member, roster
from healthsvc.core.instants import DAY_US, HOUR_US

SOURCE = "demo"
MINUTE_US = 60_000_000
WEEK = np.array([1.0, 1.1, 1.1, 1.05, 0.9, 0.12, 0.08])  # Monday … Sunday
OFFICE_HOURS = np.array([8, 9, 10, 11, 13, 14, 15, 16, 17, 20])
OFFICE_SHARES = np.array([0.06, 0.15, 0.18, 0.12, 0.10, 0.14, 0.11, 0.08, 0.04, 0.02])
SITE = "https://www.demo.example"
ENGAGEMENTS = ("email_opened",) * 11 + ("email_clicked",) * 4 + ("webinar", "community") * 2 + ("event",)
SUBJECTS = ("Export is empty", "How do we add a role?", "Chart does not load", "API answers 500", "Import takes hours")
COMMENT = "Too slow, and nobody listens."
OPEN = float("inf")  # a matter that is never closed

Days = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetEvent:
    """One event of the fleet, not yet in the envelope's wire form."""

    id: str
    source: str
    type: str
    customer_id: str
    occurred_us: int
    contact_id: str | None
    data: dict[str, object]


@dataclass(slots=True, kw_only=True)
class Story:
    """One customer's events while they are being told. Times are hours before the end, or microseconds."""

    member: Member
    rng: np.random.Generator
    end_us: int
    start_us: int
    stop_us: int
    events: list[tuple[int, str, str | None, dict[str, object]]] = field(default_factory=list)
    numbers: int = 0

    def add(self, at_us: float, type: str, /, **data: object) -> None:
        """Tell one event; nothing happens before the customer came or after it left, or in the future."""
        if self.start_us <= at_us <= min(self.stop_us, self.end_us):
            self.events.append((int(at_us) // 1000 * 1000, type, None, data))

    def act(self, at_us: float, type: str, /, **data: object) -> None:
        """The same, done by one of the customer's people."""
        people = self.member.contacts
        if self.start_us <= at_us <= min(self.stop_us, self.end_us):
            self.events.append((int(at_us) // 1000 * 1000, type, people[int(self.rng.random() * len(people))], data))

    def one_of(self, *values: str) -> str:
        return values[int(self.rng.random() * len(values))]

    def ago(self, least_hours: float, most_hours: float) -> int:
        """An instant between so many hours before the end."""
        return self.end_us - int(self.rng.uniform(least_hours, most_hours) * HOUR_US)

    def name(self, kind: str) -> str:
        """A fresh id for a ticket, an invoice, …"""
        self.numbers += 1
        return f"{kind}-{self.member.number:03d}-{self.numbers}"

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def page(self, at_us: float, path: str, **data: object) -> None:
        self.act(at_us, "page.viewed", url=f"{SITE}{path}", **data)

    def contact(self, at_us: float, outcome: str, channel: str = "call") -> None:
        self.add(
            at_us, "contact.logged", outcome=outcome, channel=channel, author=self.member.owner, direction="outbound"
        )


def fleet(rng: np.random.Generator, *, customers: int, end_us: int, seed: int) -> list[FleetEvent]:
    """All events of the fleet's last months up to `end_us`, in time order."""
    members = roster(rng, customers=customers, end_us=end_us, seed=seed)
    events = [
        event for member, own in zip(members, rng.spawn(customers), strict=True) for event in _tell(member, own, end_us)
    ]
    return sorted(events, key=lambda event: event.occurred_us)


def _tell(member: Member, rng: np.random.Generator, end_us: int) -> list[FleetEvent]:
    story = Story(member=member, rng=rng, end_us=end_us, start_us=end_us - HISTORY_DAYS * DAY_US, stop_us=end_us)
    if member.archetype is Archetype.ONBOARDING:
        story.start_us = story.ago(3 * 24, 24 * 24)
    turn = TURNS[member.archetype](story)
    _arrival(story)
    _use(story, turn)
    _money(story, turn)
    _support(story, turn)
    _surveys(story, turn)
    _touches(story, turn)
    return _in_order(story)


def _in_order(story: Story) -> list[FleetEvent]:
    told = sorted(story.events, key=lambda event: event[0])
    end = story.end_us // 1_000_000
    return [
        FleetEvent(
            id=f"{story.member.customer_id}-{end:x}-{number}",
            source=SOURCE,
            type=type,
            customer_id=story.member.customer_id,
            occurred_us=at_us,
            contact_id=person,
            data=data,
        )
        for number, (at_us, type, person, data) in enumerate(told)
    ]


# Ordinary life -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How an archetype bends ordinary life."""

    curve: Days  # use on each day of the history, 1 is the customer's habit
    adopted: float = 0.7  # share of the owned features in use
    nps: tuple[int, int] = (6, 9)
    answers: float = 0.5  # chance that a survey is answered
    tickets: float = 0.6  # tickets a month, at ordinary use
    slow: float = 1.0  # how much longer tickets take
    rating: tuple[int, int] = (3, 5)
    unpaid: int = 0  # last invoices that are overdue
    engaged: float = 1.0
    called: bool = True  # the CSM keeps in touch


def _arrival(story: Story) -> None:
    m = story.member
    profile: dict[str, object] = {
        "name": m.name, "owner": m.owner, "segment": m.size.segment, "tier": m.tier, "stage": m.stage, "mrr": m.mrr,
        "seats": m.seats, "features_owned": m.features_owned, "renewal_at": at(m.renewal_us), "timezone": m.timezone,
        "country": m.country, "attributes": {"synthetic": True, "plan": m.size.plan, "story": m.archetype.value},
    }  # fmt: skip
    story.add(story.start_us, "customer.updated", **profile)
    renewed_us = m.renewal_us - 365 * DAY_US
    terms: dict[str, object] = {"plan": m.size.plan, "mrr": m.mrr, "renewal_at": at(m.renewal_us), "term_months": 12}
    story.add(renewed_us, "subscription.renewed", **terms)


def _use(story: Story, turn: Turn) -> None:
    """Sessions by working day and office hour of the customer's own time zone, each with functions used and pages seen.

    Chance is drawn for all sessions at once: a draw for each would take most of the time.
    """
    m, rng = story.member, story.rng
    origin_us = story.end_us - story.end_us % DAY_US - (HISTORY_DAYS - 1) * DAY_US
    weekdays = (origin_us // DAY_US + np.arange(HISTORY_DAYS) + 3) % 7
    days = np.repeat(np.arange(HISTORY_DAYS), rng.poisson(m.pace * turn.curve * WEEK[weekdays]))
    hours = rng.choice(OFFICE_HOURS, size=len(days), p=OFFICE_SHARES) - m.utc_hours + rng.random(len(days))
    minutes = 1 + rng.gamma(2.0, 9.0, len(days))
    uses, browses = rng.poisson(1.5, len(days)), rng.random(len(days)) < 0.12
    starts_us = origin_us + days * DAY_US + (hours * HOUR_US).astype(np.int64)
    functions = iter(_functions(story, turn, int(uses.sum())))
    for at_us, length, used, browsed in zip(
        starts_us.tolist(), minutes.tolist(), uses.tolist(), browses.tolist(), strict=True
    ):
        story.act(at_us, "session.started", session_id=story.name("session"), duration_seconds=round(length * 60))
        for function, when, quantity in islice(functions, used):
            used_us = at_us + int(when * length * MINUTE_US)
            story.act(used_us, "feature.used", feature=function, quantity=quantity)
        if browsed:
            story.page(at_us - 2 * MINUTE_US, story.one_of("/", "/blog/customer-stories", "/changelog", "/webinars"))
    for day in range(m.number % 14, HISTORY_DAYS, 14):
        active = min(m.seats, round(m.seats * 0.8 * min(1.2, float(turn.curve[day]))))
        story.add(origin_us + day * DAY_US + 3 * HOUR_US, "seats.changed", seats=m.seats, active=active)


def _functions(story: Story, turn: Turn, count: int) -> list[tuple[str, float, int]]:
    """Functions used, the well-known ones more often: (function, when within the session, quantity)."""
    rng = story.rng
    owned = FEATURES[: story.member.features_owned]
    shares = 1.0 / np.arange(1, max(2, round(turn.adopted * len(owned))) + 1)
    chosen = rng.choice(len(shares), size=count, p=shares / shares.sum())
    quantities = 1 + rng.geometric(0.5, count)
    return [
        (owned[index], when, quantity)
        for index, when, quantity in zip(
            chosen.tolist(), rng.uniform(0.2, 1.0, count).tolist(), quantities.tolist(), strict=True
        )
    ]


def _money(story: Story, turn: Turn) -> None:
    """An invoice each month: paid within days, or overdue if it is among the last unpaid ones."""
    m, rng = story.member, story.rng
    billing_day = 3 + m.number % 24
    months = [story.end_us - (billing_day + 30 * month) * DAY_US for month in range(HISTORY_DAYS // 30)]
    for month, issued_us in enumerate(months):
        bill: dict[str, object] = {"invoice_id": story.name("invoice"), "amount": m.mrr, "currency": "EUR"}
        due_us = issued_us + 14 * DAY_US
        if month < turn.unpaid:
            overdue_us = min(due_us + DAY_US, story.ago(4, 60)) if month == 0 else due_us + DAY_US
            story.add(overdue_us, "invoice.overdue", due_at=at(due_us), **bill)
        elif story.chance(0.03) and due_us + 6 * DAY_US < story.end_us:
            story.add(due_us + DAY_US, "invoice.overdue", due_at=at(due_us), **bill)
            story.add(due_us + 6 * DAY_US, "invoice.paid", **bill)
        else:
            story.add(issued_us + int(rng.uniform(0.5, 12) * DAY_US), "invoice.paid", **bill)


def _support(story: Story, turn: Turn) -> None:
    rng = story.rng
    size = 0.6 + story.member.pace / 2
    for _ in range(int(rng.poisson(turn.tickets * size * HISTORY_DAYS / 30))):
        opened_us = story.ago(1, HISTORY_DAYS * 24)
        day = min(HISTORY_DAYS - 1, max(0, HISTORY_DAYS - 1 - (story.end_us - opened_us) // DAY_US))
        if not story.chance(float(turn.curve[day])):
            continue
        rating = int(rng.integers(turn.rating[0], turn.rating[1] + 1)) if story.chance(0.5) else None
        ticket(
            story,
            opened_us,
            answer_hours=rng.lognormal(1.2, 0.8) * turn.slow,
            open_days=rng.gamma(2, 0.8) * turn.slow,
            rating=rating,
        )


def ticket(story: Story, opened_us: int, *, answer_hours: float, open_days: float, rating: int | None) -> None:
    """One ticket from its opening to its resolution, as far as it has come by the end."""
    name = story.name("ticket")
    subject = story.one_of(*SUBJECTS)
    feature = story.one_of(*FEATURES[: story.member.features_owned])
    story.act(opened_us, "ticket.opened", ticket_id=name, subject=subject, priority="normal", feature=feature)
    if story.chance(0.4):
        story.page(opened_us - 9 * MINUTE_US, f"/support/{feature}")
    story.add(opened_us + answer_hours * HOUR_US, "ticket.answered", ticket_id=name)
    resolved_us = opened_us + answer_hours * HOUR_US + open_days * DAY_US
    resolution: dict[str, object] = {"ticket_id": name} if rating is None else {"ticket_id": name, "rating": rating}
    story.add(resolved_us, "ticket.resolved", **resolution)
    if rating is not None and story.chance(0.3):
        story.act(resolved_us + 5 * HOUR_US, "survey.answered", survey="csat", survey_id=name, score=rating)


def _surveys(story: Story, turn: Turn) -> None:
    """NPS each quarter, the effort score once in between."""
    rng = story.rng
    for days_ago in (8 + story.member.number % 80, 99 + story.member.number % 80):
        sent_us, name = story.end_us - days_ago * DAY_US, story.name("nps")
        story.act(sent_us, "survey.sent", survey="nps", survey_id=name)
        if story.chance(turn.answers):
            score = int(rng.integers(turn.nps[0], turn.nps[1] + 1))
            story.act(
                sent_us + int(rng.uniform(0.1, 4) * DAY_US),
                "survey.answered",
                survey="nps",
                survey_id=name,
                score=score,
            )
    if story.chance(turn.answers * 0.5):
        effort = int(np.clip(turn.nps[0] + rng.integers(-3, 1), 1, 7))
        story.act(story.ago(24 * 30, 24 * 150), "survey.answered", survey="ces", score=effort)


def _touches(story: Story, turn: Turn) -> None:
    """E-mails opened, webinars and the community; the CSM's regular calls, by tier."""
    rng = story.rng
    for _ in range(int(rng.poisson(2.2 * turn.engaged * HISTORY_DAYS / 30))):
        kind = story.one_of(*ENGAGEMENTS)
        at_us = story.ago(1, HISTORY_DAYS * 24)
        day = min(HISTORY_DAYS - 1, max(0, HISTORY_DAYS - 1 - (story.end_us - at_us) // DAY_US))
        if story.chance(float(turn.curve[day])):
            story.act(at_us, "engagement.recorded", kind=kind)
    every = {"high": 24, "low": 60}.get(story.member.tier)
    if every is None or not turn.called:
        return
    for days_ago in range(5 + story.member.number % every, HISTORY_DAYS, every):
        outcome = story.one_of(*("positive",) * 6, *("neutral",) * 3, "no_answer")
        story.contact(story.end_us - days_ago * DAY_US + int(rng.uniform(8, 16)) * HOUR_US, outcome)


# The turns -----------------------------------------------------------------------------------------------------------


def habit(story: Story) -> Days:
    """Ordinary use: the habit, slowly wandering."""
    steps = story.rng.normal(0, 0.02, HISTORY_DAYS).cumsum()
    return np.asarray(np.clip(1.0 + steps - np.linspace(0, steps[-1], HISTORY_DAYS), 0.6, 1.4), dtype=np.float64)


def falling(days_before_end: float, span_days: float, to: float) -> Days:
    """1, then straight down to `to` within `span_days`, beginning so many days before the end."""
    day = np.arange(HISTORY_DAYS) - (HISTORY_DAYS - days_before_end)
    return np.asarray(1.0 - (1.0 - to) * np.clip(day / span_days, 0, 1), dtype=np.float64)


def _steady(story: Story) -> Turn:
    return Turn(curve=habit(story), nps=(7, 10))


def _growing(story: Story) -> Turn:
    m = story.member
    higher = int(m.mrr * story.rng.uniform(1.15, 1.5)) // 10 * 10
    when_us = story.ago(24 * 15, 24 * 90)
    change: dict[str, object] = {"plan": m.size.plan, "mrr": higher, "previous_mrr": m.mrr, "currency": "EUR"}
    story.add(when_us, "subscription.changed", renewal_at=at(m.renewal_us), **change)
    story.add(when_us + DAY_US, "seats.changed", seats=round(m.seats * 1.3), active=round(m.seats * 1.1))
    if story.chance(0.35):  # thinks of the next plan: a chance, not a risk
        story.page(story.ago(3, 50), "/pricing")
    if story.chance(0.3):
        story.act(story.ago(24, 24 * 60), "feature.requested", feature="api", title="Bulk endpoints")
    return Turn(
        curve=habit(story) * np.linspace(0.6, 1.5, HISTORY_DAYS), adopted=0.9, nps=(8, 10), answers=0.7, engaged=1.5
    )


def _seasonal(story: Story) -> Turn:
    phase = story.rng.uniform(0, 2 * np.pi)
    return Turn(curve=habit(story) * (1 + 0.4 * np.sin(np.arange(HISTORY_DAYS) * 2 * np.pi / 91 + phase)), nps=(7, 9))


def _advocate(story: Story) -> Turn:
    for kind in ("referral", "review", "case_study")[: 1 + int(story.rng.integers(3))]:
        story.act(story.ago(24 * 5, 24 * 150), "referral.made", kind=kind)
    story.act(story.ago(24 * 10, 24 * 80), "feature.requested", feature="reports", title="Scheduled reports by team")
    return Turn(curve=habit(story) * 1.15, adopted=0.95, nps=(9, 10), answers=0.9, rating=(4, 5), engaged=3.0)


def _onboarding(story: Story) -> Turn:
    if story.chance(0.4):
        story.page(story.ago(5, 70), "/docs/getting-started")
    return Turn(curve=np.full(HISTORY_DAYS, 0.7), adopted=0.35, tickets=1.2)


def _cancelled(story: Story) -> Turn:
    """The whole way out: slower and slower use, a poor answer, prices, the cancel page, the end."""
    days_ago = story.rng.uniform(0.3, 90) if story.chance(0.85) else story.rng.uniform(0.1, 1.5)
    story.stop_us = story.end_us - int(days_ago * DAY_US)
    story.page(story.stop_us - 20 * DAY_US, "/pricing")
    story.page(story.stop_us - 6 * DAY_US, "/account/cancel")
    story.page(story.stop_us - 20 * MINUTE_US, "/account/cancel")
    reason = story.one_of("too_expensive", "missing_function", "competitor", "not_used")
    story.add(story.stop_us, "subscription.cancelled", reason=reason)
    return Turn(
        curve=habit(story) * falling(days_ago + 60, 55, 0.08),
        adopted=0.4,
        nps=(2, 6),
        slow=2.5,
        rating=(1, 3),
        engaged=0.5,
    )


def _fading(story: Story) -> Turn:
    left = story.rng.uniform(0.02, 0.3)
    curve = habit(story) * falling(story.rng.uniform(24, 48), story.rng.uniform(12, 22), left)
    return Turn(curve=curve, adopted=0.3, nps=(4, 7), answers=0.6, slow=1.5, rating=(2, 4), engaged=0.3)


def _silent(story: Story) -> Turn:
    quiet_days = story.rng.uniform(24, 70)
    if story.chance(0.3):
        story.stop_us = story.ago(5, 24 * 14)
        story.add(story.stop_us, "subscription.cancelled", reason="not_used")
    curve = habit(story) * falling(quiet_days + 12, 12, 0.0)
    return Turn(curve=curve, adopted=0.4, answers=0.05, tickets=0.05, engaged=0.4, called=False)


def _served(story: Story) -> Turn:
    filed_us, name = story.ago(24 * 8, 24 * 60), story.name("complaint")
    story.act(filed_us, "complaint.filed", complaint_id=name, subject="Invoices were wrong", severity="high")
    story.contact(filed_us + 3 * HOUR_US, "positive")
    story.add(filed_us + int(story.rng.uniform(6, 40) * HOUR_US), "complaint.resolved", complaint_id=name)
    story.act(filed_us + 3 * DAY_US, "complaint.rated", complaint_id=name, rating=int(story.rng.integers(4, 6)))
    return Turn(curve=habit(story), nps=(8, 10), answers=0.8, rating=(4, 5))


def _unserved(story: Story) -> Turn:
    filed_us = story.ago(5, 70) if story.chance(0.5) else story.ago(24 * 4, 24 * 25)
    subject = story.one_of("Third outage this month", "Nobody calls back", "Migration lost our tags")
    story.act(filed_us, "complaint.filed", complaint_id=story.name("complaint"), subject=subject, severity="high")
    ticket(story, filed_us - 2 * DAY_US, answer_hours=70, open_days=OPEN, rating=None)
    ticket(story, filed_us - 9 * DAY_US, answer_hours=96, open_days=3, rating=1)
    return Turn(
        curve=habit(story) * falling(35, 25, story.rng.uniform(0.2, 0.7)),
        nps=(2, 5),
        answers=0.7,
        tickets=1.5,
        slow=4,
        rating=(1, 2),
    )


def _price(story: Story) -> Turn:
    for _ in range(2 + int(story.rng.integers(3))):
        story.page(story.ago(2, 24 * 9), "/pricing" if story.chance(0.6) else "/plans/compare")
    story.page(story.ago(1, 44), "/pricing")
    return Turn(curve=habit(story) * falling(40, 35, story.rng.uniform(0.3, 1)), adopted=0.5, nps=(6, 8))


def _leaving(story: Story) -> Turn:
    """On the cancel page: most in the last days, half of them called since; some weeks ago, called, and won back."""
    won_back = story.chance(0.3)
    seen_us = story.ago(24 * 16, 24 * 30) if won_back else story.ago(0.3, 60)
    story.page(seen_us, "/account/cancel")
    if story.chance(0.5):
        story.page(seen_us + 4 * MINUTE_US, "/account/cancel/confirm")
    if won_back or story.chance(0.5):
        outcome = "positive" if won_back or story.chance(0.6) else "neutral"
        story.contact(seen_us + int(story.rng.uniform(0.2, 5) * HOUR_US), outcome)
    left = 0.8 if won_back else 0.45
    return Turn(curve=habit(story) * falling(35, 30, left), adopted=0.5, nps=(4, 7))


def _help(story: Story) -> Turn:
    feature = story.one_of(*FEATURES[: story.member.features_owned])
    first_us = story.ago(4, 30)
    for minutes in (0, 6, 14, 31, 55):
        story.page(
            first_us + minutes * MINUTE_US, f"/support/{feature}" if minutes % 2 else f"/docs/specification/{feature}"
        )
    return Turn(curve=habit(story) * falling(14, 12, 0.85), tickets=1.2)


def _champion_left(story: Story) -> Turn:
    left_us = story.ago(6, 60) if story.chance(0.5) else story.ago(24 * 4, 24 * 30)
    story.add(left_us, "champion.left", name=f"{story.member.contacts[0]} (synthetic)", role="Head of operations")
    days = (story.end_us - left_us) / DAY_US
    return Turn(curve=habit(story) * falling(days, 20, 0.4), nps=(6, 9))


def _detractor(story: Story) -> Turn:
    name, sent_us = story.name("nps"), story.ago(30, 24 * 12)
    story.act(sent_us, "survey.sent", survey="nps", survey_id=name)
    answered_us = min(sent_us + int(story.rng.uniform(1, 30) * HOUR_US), story.end_us - HOUR_US)
    answer: dict[str, object] = {"survey_id": name, "score": int(story.rng.integers(0, 5)), "comment": COMMENT}
    story.act(answered_us, "survey.answered", survey="nps", **answer)
    return Turn(
        curve=habit(story) * falling(50, 40, story.rng.uniform(0.25, 0.9)),
        nps=(2, 6),
        answers=0.9,
        slow=2,
        rating=(1, 3),
    )


def _overdue(story: Story) -> Turn:
    return Turn(curve=habit(story), nps=(6, 8), unpaid=1 + int(story.rng.integers(2)))


TURNS: dict[Archetype, Callable[[Story], Turn]] = {
    Archetype.STEADY: _steady,
    Archetype.GROWING: _growing,
    Archetype.SEASONAL: _seasonal,
    Archetype.ADVOCATE: _advocate,
    Archetype.ONBOARDING: _onboarding,
    Archetype.CANCELLED: _cancelled,
    Archetype.FADING: _fading,
    Archetype.SILENT: _silent,
    Archetype.SERVED: _served,
    Archetype.UNSERVED: _unserved,
    Archetype.PRICE: _price,
    Archetype.LEAVING: _leaving,
    Archetype.HELP: _help,
    Archetype.CHAMPION_LEFT: _champion_left,
    Archetype.DETRACTOR: _detractor,
    Archetype.OVERDUE: _overdue,
}


def at(instant_us: int) -> str:
    """RFC 3339, to the second, UTC."""
    return datetime.fromtimestamp(instant_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
