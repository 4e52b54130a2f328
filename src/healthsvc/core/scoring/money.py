"""What a customer's money says, whatever its behaviour: it pays less, late or for more than it
uses; or more, anew and much."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.instants import DAY_US
from healthsvc.core.scoring.leaving import leaving
from healthsvc.core.scoring.revenue import told_change
from healthsvc.core.scoring.view import View

RECENT_US: Final = 90 * DAY_US
"""A change of revenue older than this says nothing about today."""
RENEWED_LATELY_US: Final = 30 * DAY_US
IDLE: Final = 0.5
"""Share of the seats in use below which most stand idle."""
REVENUE_SHARE: Final = 0.05
"""A smaller change of recurring revenue doesn't matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneySign:
    """One sign, of n customers."""

    sign: str
    measure: str
    """The fact that it was read from."""
    holds: Mask
    value: Floats
    """(n,) a share, a count, days or an amount, as the sign has it."""
    since_us: Floats
    """(n,) when it was last said or began."""
    change_us: Floats
    """(n,) when time alone makes it hold or end; inf: never."""


def against_high(view: View) -> tuple[MoneySign, ...]:
    """What speaks against a high score."""
    return contraction(view), _overdue(view), seats_idle(view), _cancelled(view)


def against_low(view: View) -> tuple[MoneySign, ...]:
    """What speaks against a low score, unless the customer pays less, late or no longer: then the
    money agrees with the score."""
    agreeing = (contraction(view), _overdue(view), _cancelled(view))
    agrees = np.logical_or.reduce([sign.holds for sign in agreeing])
    agrees_until = np.minimum.reduce([sign.change_us for sign in agreeing])
    return tuple(
        replace(
            sign,
            holds=sign.holds & ~agrees,
            change_us=np.minimum(sign.change_us, agrees_until),
        )
        for sign in (growth(view), _contract_signed(view), _large_account(view))
    )


def contraction(view: View) -> MoneySign:
    """Recurring revenue that fell lately, by how much a month."""
    return _revenue_change(view, "contraction", -1.0)


def growth(view: View) -> MoneySign:
    """Recurring revenue that rose lately, by how much a month."""
    return _revenue_change(view, "growth", 1.0)


def _revenue_change(view: View, sign: str, direction: float) -> MoneySign:
    change = told_change(view)
    ends = change.at_us + RECENT_US
    matters = (direction * change.share >= REVENUE_SHARE) & (change.at_us > 0)
    return MoneySign(
        sign=sign,
        measure="mrr_change",
        holds=matters & (view.now_us < ends),
        value=view.fact("mrr_change"),
        since_us=change.at_us,
        change_us=np.where(matters & (view.now_us < ends), ends, np.inf),
    )


def _overdue(view: View) -> MoneySign:
    count = view.fact("invoices_overdue")
    return _until_an_event(
        view,
        sign="invoice_overdue",
        measure="invoices_overdue",
        holds=count > 0,
        value=count,
        since_us=view.fact("invoices_overdue_since"),
    )


def seats_idle(view: View) -> MoneySign:
    """Less than half of the seats are in use."""
    share = seats_share(view)
    return _until_an_event(
        view,
        sign="seats_idle",
        measure="seats_active",
        holds=share < IDLE,
        value=share,
        since_us=view.fact("seats_active_at"),
    )


def seats_share(view: View) -> Floats:
    """(n,) seats in use over seats paid for; NaN where it isn't known."""
    seats = view.fact("seats")
    share: Floats = view.fact("seats_active") / np.where(seats > 0, seats, np.nan)
    return share


def _cancelled(view: View) -> MoneySign:
    """Cancelled, to end later: until then nothing of the behaviour need change. In days."""
    standing = leaving(view)
    holds = standing.gave_notice
    ahead = np.where(holds, standing.ends_at, 0.0) - view.now_us
    return MoneySign(
        sign="cancelled",
        measure="cancel_effective",
        holds=holds,
        value=ahead / DAY_US,
        since_us=standing.told_at,
        change_us=np.where(holds, standing.ends_at, np.inf),
    )


def _contract_signed(view: View) -> MoneySign:
    """The contract was signed anew lately, and nothing less was said since. Days ago."""
    signed = view.fact("renewed_at")
    ends = signed + RENEWED_LATELY_US
    newest = np.maximum(view.fact("mrr_change_at"), view.fact("cancelled_at"))
    holds = (signed > newest) & (view.now_us < ends)
    return MoneySign(
        sign="contract_signed",
        measure="renewed_at",
        holds=holds,
        value=(view.now_us - signed) / DAY_US,
        since_us=signed,
        change_us=np.where(holds, ends, np.inf),
    )


def _large_account(view: View) -> MoneySign:
    mrr = view.fact("mrr")
    return _until_an_event(
        view,
        sign="large_account",
        measure="mrr",
        holds=mrr >= view.program.scorecard.large_account.from_mrr,
        value=mrr,
        since_us=view.fact("mrr_at"),
    )


def _until_an_event(
    view: View, *, sign: str, measure: str, holds: Mask, value: Floats, since_us: Floats
) -> MoneySign:
    return MoneySign(
        sign=sign,
        measure=measure,
        holds=holds,
        value=value,
        since_us=since_us,
        change_us=np.full(len(view.now_us), np.inf),
    )
