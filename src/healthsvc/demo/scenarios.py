"""The turn that each archetype's story takes: what happens to it, and how its ordinary life is bent."""

from collections.abc import Callable

import numpy as np

from healthsvc.core.instants import DAY_US, HOUR_US
from healthsvc.demo.activity import ticket
from healthsvc.demo.builder import MINUTE_US, Days, Story, Turn, at
from healthsvc.demo.roster import FEATURES, HISTORY_DAYS, Archetype

COMMENT = "Too slow, and nobody listens."
OPEN = float("inf")  # a matter that is never closed


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
