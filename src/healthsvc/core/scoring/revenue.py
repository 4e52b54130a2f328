"""How recurring revenue changed, in shares of what the customer paid before."""

from typing import Final, NamedTuple

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.scoring.view import View

MONTHS_A_YEAR: Final = 12.0
_ALMOST: Final = 0.01


class RevenueChange(NamedTuple):
    """n customers."""

    share: Floats
    """(n,) below 0 the customer pays less; 0 where nothing comparable was told."""
    at_us: Floats
    """(n,) when it was told; 0 where nothing was."""


def told_change(view: View) -> RevenueChange:
    """The newest change that told what was paid before.

    Amounts in two currencies aren't compared, nor a yearly amount with a monthly one: a change to a
    twelfth or the twelvefold is one of the billing period.
    """
    change, before = view.fact("mrr_change"), view.fact("mrr_before")
    after = before + change
    whole = np.fmax(before, view.fact("mrr") - change)
    known = ~np.isnan(change) & (whole > 0)
    share = np.where(known, change, 0.0) / np.where(known, whole, 1.0)
    comparable = known & ~_other_currency(view) & ~_other_period(before, after)
    return RevenueChange(
        np.where(comparable, share, 0.0), np.where(comparable, view.fact("mrr_change_at"), 0.0)
    )


def lost_subscription(view: View) -> RevenueChange:
    """What the newest cancellation of one of several subscriptions takes away."""
    return RevenueChange(-view.fact("subscription_lost_share"), view.fact("subscription_lost_at"))


def _other_currency(view: View) -> Mask:
    named = (view.fact("currency_code"), view.fact("former_currency_code"))
    is_newest = view.fact("currency_told_at") == view.fact("mrr_change_at")
    other: Mask = is_newest & (named[1] > 0) & (named[0] != named[1])
    return other


def _other_period(before: Floats, after: Floats) -> Mask:
    larger, smaller = np.fmax(before, after), np.fmin(before, after)
    other: Mask = np.abs(larger - MONTHS_A_YEAR * smaller) <= _ALMOST * larger
    return other
