"""Grace: for how long what is owed, or owned anew, isn't held against a customer."""

from typing import NamedTuple

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.folding.facts import GROWING
from healthsvc.core.scoring.view import View


class Overdue(NamedTuple):
    """n customers."""

    holds: Mask
    since_us: Floats
    """(n,) from when on it counts; meaningful where something is open."""
    change_us: Floats
    """(n,) when time alone makes it count; inf where it doesn't."""


def overdue(view: View, fact: str, days_us: int, usual_times: float) -> Overdue:
    """Whether items of a fact are open beyond the grace, and from when on.

    The grace is `days_us`, or for invoices so many times by how much the customer usually pays
    late, whichever is longer: late as always isn't news.
    """
    grace = np.full(len(view.now_us), float(days_us))
    if fact == "invoices_overdue" and usual_times:
        grace = np.maximum(grace, np.floor(usual_times * view.fact("usual_delay")))
    is_open = view.fact(fact) > 0
    since = view.fact(f"{fact}_since") + grace
    holds = is_open & (view.now_us >= since)
    return Overdue(holds, since, np.where(is_open & ~holds, since, np.inf))


class Owned(NamedTuple):
    """n customers."""

    value: Floats
    """(n,) what the customer is judged by."""
    change_us: Floats
    """(n,) when the grace after a growth ends, inf where there is none."""


def owned(view: View, fact: str, grace_us: int) -> Owned:
    """A fact of what the customer owns: for the time of grace after it grew beyond what it ever
    was, the largest value from before."""
    value = view.fact(fact)
    never = np.full(len(value), np.inf)
    if fact not in GROWING or not grace_us:
        return Owned(value, never)
    most, before = view.fact(f"{fact}_most"), view.fact(f"{fact}_next")
    ends = view.fact(f"{fact}_most_since") + grace_us
    is_growing = (value == most) & ~np.isnan(before) & (view.now_us < ends)
    return Owned(np.where(is_growing, before, value), np.where(is_growing, ends, never))
