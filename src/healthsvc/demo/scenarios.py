"""The scenario of each archetype: what happens to the customer, and how its activity differs from
an ordinary one."""

from collections.abc import Callable

import numpy as np

from healthsvc.core.instants import DAY_US, HOUR_US
from healthsvc.demo.activity import ticket
from healthsvc.demo.builder import MINUTE_US, ActivityBuilder, Days, Scenario, at
from healthsvc.demo.roster import FEATURES, HISTORY_DAYS, Archetype

COMMENT = "Too slow, and nobody listens."
OPEN = float("inf")  # a matter that is never closed


def habit(builder: ActivityBuilder) -> Days:
    """Ordinary use: the habit, slowly wandering."""
    steps = builder.rng.normal(0, 0.02, HISTORY_DAYS).cumsum()
    return np.asarray(
        np.clip(1.0 + steps - np.linspace(0, steps[-1], HISTORY_DAYS), 0.6, 1.4), dtype=np.float64
    )


def falling(days_before_end: float, span_days: float, to: float) -> Days:
    """1, then straight down to `to` within `span_days`, beginning so many days before the end."""
    day = np.arange(HISTORY_DAYS) - (HISTORY_DAYS - days_before_end)
    return np.asarray(1.0 - (1.0 - to) * np.clip(day / span_days, 0, 1), dtype=np.float64)


def _steady(builder: ActivityBuilder) -> Scenario:
    return Scenario(curve=habit(builder), nps=(7, 10))


def _growing(builder: ActivityBuilder) -> Scenario:
    m = builder.member
    higher = int(m.mrr * builder.rng.uniform(1.15, 1.5)) // 10 * 10
    when_us = builder.ago(24 * 15, 24 * 90)
    change: dict[str, object] = {
        "plan": m.size.plan,
        "mrr": higher,
        "previous_mrr": m.mrr,
        "currency": "EUR",
    }
    builder.add(when_us, "subscription.changed", renewal_at=at(m.renewal_us), **change)
    builder.add(
        when_us + DAY_US, "seats.changed", seats=round(m.seats * 1.3), active=round(m.seats * 1.1)
    )
    if builder.chance(0.35):  # thinks of the next plan: a chance, not a risk
        builder.page(builder.ago(3, 50), "/pricing")
    if builder.chance(0.3):
        builder.act(
            builder.ago(24, 24 * 60), "feature.requested", feature="api", title="Bulk endpoints"
        )
    return Scenario(
        curve=habit(builder) * np.linspace(0.6, 1.5, HISTORY_DAYS),
        adopted=0.9,
        nps=(8, 10),
        answers=0.7,
        engaged=1.5,
    )


def _seasonal(builder: ActivityBuilder) -> Scenario:
    phase = builder.rng.uniform(0, 2 * np.pi)
    return Scenario(
        curve=habit(builder) * (1 + 0.4 * np.sin(np.arange(HISTORY_DAYS) * 2 * np.pi / 91 + phase)),
        nps=(7, 9),
    )


def _advocate(builder: ActivityBuilder) -> Scenario:
    for kind in ("referral", "review", "case_study")[: 1 + int(builder.rng.integers(3))]:
        builder.act(builder.ago(24 * 5, 24 * 150), "referral.made", kind=kind)
    builder.act(
        builder.ago(24 * 10, 24 * 80),
        "feature.requested",
        feature="reports",
        title="Scheduled reports by team",
    )
    return Scenario(
        curve=habit(builder) * 1.15,
        adopted=0.95,
        nps=(9, 10),
        answers=0.9,
        rating=(4, 5),
        engaged=3.0,
    )


def _onboarding(builder: ActivityBuilder) -> Scenario:
    if builder.chance(0.4):
        builder.page(builder.ago(5, 70), "/docs/getting-started")
    return Scenario(curve=np.full(HISTORY_DAYS, 0.7), adopted=0.35, tickets=1.2)


def _cancelled(builder: ActivityBuilder) -> Scenario:
    """The whole way out: slower and slower use, a poor answer, prices, the cancel page, the end."""
    days_ago = (
        builder.rng.uniform(0.3, 90) if builder.chance(0.85) else builder.rng.uniform(0.1, 1.5)
    )
    builder.stop_us = builder.end_us - int(days_ago * DAY_US)
    builder.page(builder.stop_us - 20 * DAY_US, "/pricing")
    builder.page(builder.stop_us - 6 * DAY_US, "/account/cancel")
    builder.page(builder.stop_us - 20 * MINUTE_US, "/account/cancel")
    reason = builder.one_of("too_expensive", "missing_function", "competitor", "not_used")
    builder.add(builder.stop_us, "subscription.cancelled", reason=reason)
    return Scenario(
        curve=habit(builder) * falling(days_ago + 60, 55, 0.08),
        adopted=0.4,
        nps=(2, 6),
        slow=2.5,
        rating=(1, 3),
        engaged=0.5,
    )


def _fading(builder: ActivityBuilder) -> Scenario:
    left = builder.rng.uniform(0.02, 0.3)
    curve = habit(builder) * falling(builder.rng.uniform(24, 48), builder.rng.uniform(12, 22), left)
    return Scenario(
        curve=curve, adopted=0.3, nps=(4, 7), answers=0.6, slow=1.5, rating=(2, 4), engaged=0.3
    )


def _silent(builder: ActivityBuilder) -> Scenario:
    quiet_days = builder.rng.uniform(24, 70)
    if builder.chance(0.3):
        builder.stop_us = builder.ago(5, 24 * 14)
        builder.add(builder.stop_us, "subscription.cancelled", reason="not_used")
    curve = habit(builder) * falling(quiet_days + 12, 12, 0.0)
    return Scenario(curve=curve, adopted=0.4, answers=0.05, tickets=0.05, engaged=0.4, called=False)


def _good_service(builder: ActivityBuilder) -> Scenario:
    filed_us, name = builder.ago(24 * 8, 24 * 60), builder.name("complaint")
    builder.act(
        filed_us,
        "complaint.filed",
        complaint_id=name,
        subject="Invoices were wrong",
        severity="high",
    )
    builder.contact(filed_us + 3 * HOUR_US, "positive")
    builder.add(
        filed_us + int(builder.rng.uniform(6, 40) * HOUR_US),
        "complaint.resolved",
        complaint_id=name,
    )
    builder.act(
        filed_us + 3 * DAY_US,
        "complaint.rated",
        complaint_id=name,
        rating=int(builder.rng.integers(4, 6)),
    )
    return Scenario(curve=habit(builder), nps=(8, 10), answers=0.8, rating=(4, 5))


def _bad_service(builder: ActivityBuilder) -> Scenario:
    filed_us = builder.ago(5, 70) if builder.chance(0.5) else builder.ago(24 * 4, 24 * 25)
    subject = builder.one_of(
        "Third outage this month", "Nobody calls back", "Migration lost our tags"
    )
    builder.act(
        filed_us,
        "complaint.filed",
        complaint_id=builder.name("complaint"),
        subject=subject,
        severity="high",
    )
    ticket(builder, filed_us - 2 * DAY_US, answer_hours=70, open_days=OPEN, rating=None)
    ticket(builder, filed_us - 9 * DAY_US, answer_hours=96, open_days=3, rating=1)
    return Scenario(
        curve=habit(builder) * falling(35, 25, builder.rng.uniform(0.2, 0.7)),
        nps=(2, 5),
        answers=0.7,
        tickets=1.5,
        slow=4,
        rating=(1, 2),
    )


def _price(builder: ActivityBuilder) -> Scenario:
    for _ in range(2 + int(builder.rng.integers(3))):
        builder.page(
            builder.ago(2, 24 * 9), "/pricing" if builder.chance(0.6) else "/plans/compare"
        )
    builder.page(builder.ago(1, 44), "/pricing")
    return Scenario(
        curve=habit(builder) * falling(40, 35, builder.rng.uniform(0.3, 1)), adopted=0.5, nps=(6, 8)
    )


def _leaving(builder: ActivityBuilder) -> Scenario:
    """On the cancel page: most in the last days, half of them called since; some weeks ago, called,
    and won back."""
    won_back = builder.chance(0.3)
    seen_us = builder.ago(24 * 16, 24 * 30) if won_back else builder.ago(0.3, 60)
    builder.page(seen_us, "/account/cancel")
    if builder.chance(0.5):
        builder.page(seen_us + 4 * MINUTE_US, "/account/cancel/confirm")
    if won_back or builder.chance(0.5):
        outcome = "positive" if won_back or builder.chance(0.6) else "neutral"
        builder.contact(seen_us + int(builder.rng.uniform(0.2, 5) * HOUR_US), outcome)
    left = 0.8 if won_back else 0.45
    return Scenario(curve=habit(builder) * falling(35, 30, left), adopted=0.5, nps=(4, 7))


def _help(builder: ActivityBuilder) -> Scenario:
    feature = builder.one_of(*FEATURES[: builder.member.features_owned])
    first_us = builder.ago(4, 30)
    for minutes in (0, 6, 14, 31, 55):
        builder.page(
            first_us + minutes * MINUTE_US,
            f"/support/{feature}" if minutes % 2 else f"/docs/specification/{feature}",
        )
    return Scenario(curve=habit(builder) * falling(14, 12, 0.85), tickets=1.2)


def _champion_left(builder: ActivityBuilder) -> Scenario:
    left_us = builder.ago(6, 60) if builder.chance(0.5) else builder.ago(24 * 4, 24 * 30)
    builder.add(
        left_us,
        "champion.left",
        name=f"{builder.member.contacts[0]} (synthetic)",
        role="Head of operations",
    )
    days = (builder.end_us - left_us) / DAY_US
    return Scenario(curve=habit(builder) * falling(days, 20, 0.4), nps=(6, 9))


def _detractor(builder: ActivityBuilder) -> Scenario:
    name, sent_us = builder.name("nps"), builder.ago(30, 24 * 12)
    builder.act(sent_us, "survey.sent", survey="nps", survey_id=name)
    answered_us = min(sent_us + int(builder.rng.uniform(1, 30) * HOUR_US), builder.end_us - HOUR_US)
    answer: dict[str, object] = {
        "survey_id": name,
        "score": int(builder.rng.integers(0, 5)),
        "comment": COMMENT,
    }
    builder.act(answered_us, "survey.answered", survey="nps", **answer)
    return Scenario(
        curve=habit(builder) * falling(50, 40, builder.rng.uniform(0.25, 0.9)),
        nps=(2, 6),
        answers=0.9,
        slow=2,
        rating=(1, 3),
    )


def _overdue(builder: ActivityBuilder) -> Scenario:
    return Scenario(curve=habit(builder), nps=(6, 8), unpaid=1 + int(builder.rng.integers(2)))


SCENARIOS: dict[Archetype, Callable[[ActivityBuilder], Scenario]] = {
    Archetype.STEADY: _steady,
    Archetype.GROWING: _growing,
    Archetype.SEASONAL: _seasonal,
    Archetype.ADVOCATE: _advocate,
    Archetype.ONBOARDING: _onboarding,
    Archetype.CANCELLED: _cancelled,
    Archetype.FADING: _fading,
    Archetype.SILENT: _silent,
    Archetype.SERVED: _good_service,
    Archetype.UNSERVED: _bad_service,
    Archetype.PRICE: _price,
    Archetype.LEAVING: _leaving,
    Archetype.HELP: _help,
    Archetype.CHAMPION_LEFT: _champion_left,
    Archetype.DETRACTOR: _detractor,
    Archetype.OVERDUE: _overdue,
}
