"""The fleet's events: every customer's, in the order of time."""

import numpy as np

from healthsvc.core.instants import DAY_US
from healthsvc.demo.activity import add_activity
from healthsvc.demo.builder import ActivityBuilder, FleetEvent
from healthsvc.demo.roster import HISTORY_DAYS, Archetype, Member, roster
from healthsvc.demo.scenarios import SCENARIOS


def fleet(rng: np.random.Generator, *, customers: int, end_us: int, seed: int) -> list[FleetEvent]:
    """All events of the fleet's last months up to `end_us`, in time order."""
    members = roster(rng, customers=customers, end_us=end_us, seed=seed)
    events = [
        event
        for member, own in zip(members, rng.spawn(customers), strict=True)
        for event in _events_of(member, own, end_us)
    ]
    return sorted(events, key=lambda event: event.occurred_us)


def _events_of(member: Member, rng: np.random.Generator, end_us: int) -> list[FleetEvent]:
    builder = ActivityBuilder(
        member=member,
        rng=rng,
        end_us=end_us,
        start_us=end_us - HISTORY_DAYS * DAY_US,
        stop_us=end_us,
    )
    if member.archetype is Archetype.ONBOARDING:
        builder.start_us = builder.ago(3 * 24, 24 * 24)
    scenario = SCENARIOS[member.archetype](builder)
    add_activity(builder, scenario)
    return builder.in_order()
