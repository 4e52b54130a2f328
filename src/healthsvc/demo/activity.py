"""A customer's activity: arrival, use of the product, payments, support, surveys, contacts with its
CSM."""

from itertools import islice

import numpy as np

from healthsvc.core.instants import DAY_US, HOUR_US
from healthsvc.demo.builder import MINUTE_US, ActivityBuilder, Scenario, at
from healthsvc.demo.roster import FEATURES, HISTORY_DAYS

WEEK = np.array([1.0, 1.1, 1.1, 1.05, 0.9, 0.12, 0.08])  # Monday … Sunday
OFFICE_HOURS = np.array([8, 9, 10, 11, 13, 14, 15, 16, 17, 20])
OFFICE_SHARES = np.array([0.06, 0.15, 0.18, 0.12, 0.10, 0.14, 0.11, 0.08, 0.04, 0.02])
ENGAGEMENTS = (
    ("email_opened",) * 11 + ("email_clicked",) * 4 + ("webinar", "community") * 2 + ("event",)
)
SUBJECTS = (
    "Export is empty",
    "How do we add a role?",
    "Chart does not load",
    "API answers 500",
    "Import takes hours",
)


def add_activity(builder: ActivityBuilder, scenario: Scenario) -> None:
    """Add the activity of all months, as the scenario has it."""
    _arrival(builder)
    _use(builder, scenario)
    _money(builder, scenario)
    _support(builder, scenario)
    _surveys(builder, scenario)
    _touches(builder, scenario)


def _arrival(builder: ActivityBuilder) -> None:
    m = builder.member
    profile: dict[str, object] = {
        "name": m.name, "owner": m.owner, "segment": m.size.segment, "tier": m.tier,
        "stage": m.stage, "mrr": m.mrr,
        "seats": m.seats, "features_owned": m.features_owned, "renewal_at": at(m.renewal_us),
        "timezone": m.timezone,
        "country": m.country, "attributes": {"synthetic": True, "plan": m.size.plan,
        "story": m.archetype.value},
    }  # fmt: skip
    builder.add(builder.start_us, "customer.updated", **profile)
    renewed_us = m.renewal_us - 365 * DAY_US
    terms: dict[str, object] = {
        "plan": m.size.plan,
        "mrr": m.mrr,
        "renewal_at": at(m.renewal_us),
        "term_months": 12,
    }
    builder.add(renewed_us, "subscription.renewed", **terms)


def _use(builder: ActivityBuilder, scenario: Scenario) -> None:
    """Sessions by working day and office hour of the customer's own time zone, each with functions
    used and pages seen.

    Chance is drawn for all sessions at once: a draw for each would take most of the time.
    """
    m, rng = builder.member, builder.rng
    origin_us = builder.end_us - builder.end_us % DAY_US - (HISTORY_DAYS - 1) * DAY_US
    weekdays = (origin_us // DAY_US + np.arange(HISTORY_DAYS) + 3) % 7
    days = np.repeat(np.arange(HISTORY_DAYS), rng.poisson(m.pace * scenario.curve * WEEK[weekdays]))
    hours = (
        rng.choice(OFFICE_HOURS, size=len(days), p=OFFICE_SHARES)
        - m.utc_hours
        + rng.random(len(days))
    )
    minutes = 1 + rng.gamma(2.0, 9.0, len(days))
    uses, browses = rng.poisson(1.5, len(days)), rng.random(len(days)) < 0.12
    starts_us = origin_us + days * DAY_US + (hours * HOUR_US).astype(np.int64)
    functions = iter(_functions(builder, scenario, int(uses.sum())))
    for at_us, length, used, browsed in zip(
        starts_us.tolist(), minutes.tolist(), uses.tolist(), browses.tolist(), strict=True
    ):
        builder.act(
            at_us,
            "session.started",
            session_id=builder.name("session"),
            duration_seconds=round(length * 60),
        )
        for function, when, quantity in islice(functions, used):
            used_us = at_us + int(when * length * MINUTE_US)
            builder.act(used_us, "feature.used", feature=function, quantity=quantity)
        if browsed:
            builder.page(
                at_us - 2 * MINUTE_US,
                builder.one_of("/", "/blog/customer-stories", "/changelog", "/webinars"),
            )
    for day in range(m.number % 14, HISTORY_DAYS, 14):
        active = min(m.seats, round(m.seats * 0.8 * min(1.2, float(scenario.curve[day]))))
        builder.add(
            origin_us + day * DAY_US + 3 * HOUR_US, "seats.changed", seats=m.seats, active=active
        )


def _functions(
    builder: ActivityBuilder, scenario: Scenario, count: int
) -> list[tuple[str, float, int]]:
    """Functions used, the well-known ones more often: (function, when within the session,
    quantity)."""
    rng = builder.rng
    features = FEATURES[: builder.member.features_owned]
    shares = 1.0 / np.arange(1, max(2, round(scenario.adopted * len(features))) + 1)
    choices = rng.choice(len(shares), size=count, p=shares / shares.sum())
    quantities = 1 + rng.geometric(0.5, count)
    return [
        (features[index], when, quantity)
        for index, when, quantity in zip(
            choices.tolist(),
            rng.uniform(0.2, 1.0, count).tolist(),
            quantities.tolist(),
            strict=True,
        )
    ]


def _money(builder: ActivityBuilder, scenario: Scenario) -> None:
    """An invoice each month: paid within days, or overdue if it is among the last unpaid ones."""
    m, rng = builder.member, builder.rng
    billing_day = 3 + m.number % 24
    months = [
        builder.end_us - (billing_day + 30 * month) * DAY_US for month in range(HISTORY_DAYS // 30)
    ]
    for month, issued_us in enumerate(months):
        bill: dict[str, object] = {
            "invoice_id": builder.name("invoice"),
            "amount": m.mrr,
            "currency": "EUR",
        }
        due_us = issued_us + 14 * DAY_US
        if month < scenario.unpaid:
            overdue_us = min(due_us + DAY_US, builder.ago(4, 60)) if month == 0 else due_us + DAY_US
            builder.add(overdue_us, "invoice.overdue", due_at=at(due_us), **bill)
        elif builder.chance(0.03) and due_us + 6 * DAY_US < builder.end_us:
            builder.add(due_us + DAY_US, "invoice.overdue", due_at=at(due_us), **bill)
            builder.add(due_us + 6 * DAY_US, "invoice.paid", **bill)
        else:
            builder.add(issued_us + int(rng.uniform(0.5, 12) * DAY_US), "invoice.paid", **bill)


def _support(builder: ActivityBuilder, scenario: Scenario) -> None:
    rng = builder.rng
    size = 0.6 + builder.member.pace / 2
    for _ in range(int(rng.poisson(scenario.tickets * size * HISTORY_DAYS / 30))):
        opened_us = builder.ago(1, HISTORY_DAYS * 24)
        day = min(
            HISTORY_DAYS - 1, max(0, HISTORY_DAYS - 1 - (builder.end_us - opened_us) // DAY_US)
        )
        if not builder.chance(float(scenario.curve[day])):
            continue
        rating = (
            int(rng.integers(scenario.rating[0], scenario.rating[1] + 1))
            if builder.chance(0.5)
            else None
        )
        ticket(
            builder,
            opened_us,
            answer_hours=rng.lognormal(1.2, 0.8) * scenario.slow,
            open_days=rng.gamma(2, 0.8) * scenario.slow,
            rating=rating,
        )


def ticket(
    builder: ActivityBuilder,
    opened_us: int,
    *,
    answer_hours: float,
    open_days: float,
    rating: int | None,
) -> None:
    """One ticket from its opening to its resolution, as far as it has come by the end."""
    name = builder.name("ticket")
    subject = builder.one_of(*SUBJECTS)
    feature = builder.one_of(*FEATURES[: builder.member.features_owned])
    builder.act(
        opened_us,
        "ticket.opened",
        ticket_id=name,
        subject=subject,
        priority="normal",
        feature=feature,
    )
    if builder.chance(0.4):
        builder.page(opened_us - 9 * MINUTE_US, f"/support/{feature}")
    builder.add(opened_us + answer_hours * HOUR_US, "ticket.answered", ticket_id=name)
    resolved_us = opened_us + answer_hours * HOUR_US + open_days * DAY_US
    resolution: dict[str, object] = (
        {"ticket_id": name} if rating is None else {"ticket_id": name, "rating": rating}
    )
    builder.add(resolved_us, "ticket.resolved", **resolution)
    if rating is not None and builder.chance(0.3):
        builder.act(
            resolved_us + 5 * HOUR_US,
            "survey.answered",
            survey="csat",
            survey_id=name,
            score=rating,
        )


def _surveys(builder: ActivityBuilder, scenario: Scenario) -> None:
    """NPS each quarter, the effort score once in between."""
    rng = builder.rng
    for days_ago in (8 + builder.member.number % 80, 99 + builder.member.number % 80):
        sent_us, name = builder.end_us - days_ago * DAY_US, builder.name("nps")
        builder.act(sent_us, "survey.sent", survey="nps", survey_id=name)
        if builder.chance(scenario.answers):
            score = int(rng.integers(scenario.nps[0], scenario.nps[1] + 1))
            builder.act(
                sent_us + int(rng.uniform(0.1, 4) * DAY_US),
                "survey.answered",
                survey="nps",
                survey_id=name,
                score=score,
            )
    if builder.chance(scenario.answers * 0.5):
        effort = int(np.clip(scenario.nps[0] + rng.integers(-3, 1), 1, 7))
        builder.act(builder.ago(24 * 30, 24 * 150), "survey.answered", survey="ces", score=effort)


def _touches(builder: ActivityBuilder, scenario: Scenario) -> None:
    """E-mails opened, webinars and the community; the CSM's regular calls, by tier."""
    rng = builder.rng
    for _ in range(int(rng.poisson(2.2 * scenario.engaged * HISTORY_DAYS / 30))):
        kind = builder.one_of(*ENGAGEMENTS)
        at_us = builder.ago(1, HISTORY_DAYS * 24)
        day = min(HISTORY_DAYS - 1, max(0, HISTORY_DAYS - 1 - (builder.end_us - at_us) // DAY_US))
        if builder.chance(float(scenario.curve[day])):
            builder.act(at_us, "engagement.recorded", kind=kind)
    every = {"high": 24, "low": 60}.get(builder.member.tier)
    if every is None or not scenario.called:
        return
    for days_ago in range(5 + builder.member.number % every, HISTORY_DAYS, every):
        outcome = builder.one_of(*("positive",) * 6, *("neutral",) * 3, "no_answer")
        builder.contact(
            builder.end_us - days_ago * DAY_US + int(rng.uniform(8, 16)) * HOUR_US, outcome
        )
