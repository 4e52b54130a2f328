"""The readings of a pricing page: doubts the cost, pays for more than is used, a budget review,
thinks of an upgrade.

Who looks at prices says only that they matter. Each reading has its evidence; one is called likely
only if the evidence leaves little doubt, and otherwise the customer is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from healthsvc.core.insights import signals
from healthsvc.core.insights.page_visits import PageVisit
from healthsvc.core.insights.signals import Signal
from healthsvc.core.scoring.view import View

FLAG: Final = "price_review"
"""The readings are told while this flag holds."""
LEAD: Final = 2
"""A reading is likely when it alone has evidence, or has at least so many signs more than each
other."""

ReadingName = Literal["doubts_the_cost", "right_size", "budget_review", "thinks_of_an_upgrade"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    reading: ReadingName
    evidence: tuple[Signal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """All readings, and the likely one; None: it stays open, and a question opens the
    talk."""

    readings: tuple[Interpretation, ...]
    likely: ReadingName | None


def review(view: View, row: int, sights: Sequence[PageVisit] = ()) -> Review:
    """The readings of one row. sights: pages of the last weeks where the archive could be asked,
    none otherwise."""
    idle = _idle(view, row)
    doubt = (
        signals.falling_use(view, row),
        signals.open_items(view, row, "complaint_open", "complaints_open"),
        signals.detractor(view, row),
        signals.dissatisfied(view, row),
        signals.cancel_page(view, row),
        signals.contraction(view, row),
        None if idle else signals.seats_idle(view, row),
    )
    budget = (
        signals.renewal_near(view, row),
        signals.open_items(view, row, "invoice_overdue", "invoices_overdue"),
        _pages(sights, "billing_pages", "billing"),
    )
    upgrade = (
        signals.rising_use(view, row),
        signals.seats_nearly_full(view, row),
        signals.promoter(view, row),
        _pages(sights, "spec_pages", "spec"),
    )
    readings = (
        Interpretation(reading="doubts_the_cost", evidence=signals.present(doubt)),
        Interpretation(reading="right_size", evidence=idle),
        Interpretation(reading="budget_review", evidence=signals.present(budget)),
        Interpretation(reading="thinks_of_an_upgrade", evidence=signals.present(upgrade)),
    )
    return Review(readings=readings, likely=_likely(readings))


def _idle(view: View, row: int) -> tuple[Signal, ...]:
    """Seats and features that both lie idle: the plan is larger than the need. One of them alone
    may have any cause."""
    idle = signals.present((signals.seats_idle(view, row), signals.features_idle(view, row)))
    return idle if len(idle) > 1 else ()


def _pages(sights: Sequence[PageVisit], sign: str, kind: str) -> Signal | None:
    newest = [sight.us for sight in sights if sight.kind == kind]
    return (
        Signal(sign=sign, measure=f"page:{kind}", value=float(len(newest)), since_us=max(newest))
        if newest
        else None
    )


def _likely(readings: Sequence[Interpretation]) -> ReadingName | None:
    ranked = sorted(readings, key=lambda r: -len(r.evidence))
    first, second = len(ranked[0].evidence), len(ranked[1].evidence)
    clear = first > 0 and (second == 0 or first >= second + LEAD)
    return ranked[0].reading if clear else None
