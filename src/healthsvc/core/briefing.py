"""What one should know before speaking with a customer: what happened, what they use, money, open matters.

From the state alone, so that it costs nothing until somebody asks or an alert is raised.
"""

from dataclasses import dataclass

import numpy as np

from healthsvc.core import facts as fact
from healthsvc.core import signs
from healthsvc.core.evaluate import Evaluation
from healthsvc.core.instants import DAY_US
from healthsvc.core.signs import Sign
from healthsvc.core.view import View

_SPAN_US = fact.SLOT_SPAN_DAYS * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A flag that holds, and since when."""

    flag: str
    title: str
    since_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What they use. Functions are counted by a sketch: about so many of up to 40."""

    functions_used: int
    functions_owned: int | None
    sessions_a_week: float | None
    against_habit: float | None
    """Today's use over the long-standing one; None with too little use to tell."""
    last_seen_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    happened: tuple[Happened, ...]
    """The newest first."""
    use: Use
    money: tuple[Sign, ...]
    open_matters: tuple[Sign, ...]
    mrr: float | None
    renewal_us: int | None
    last_contact_us: int | None


def briefing(view: View, found: Evaluation, row: int) -> Briefing:
    """What is known of one row."""
    alone = view.rows(np.array([row]))  # levels are worked out for all rows of a view
    rules = view.program.scorecard.judging(found.variant_of(row)).flags
    held = [
        Happened(flag=r.name, title=r.title, since_us=int(found.standing.onset_us[row, f]))
        for f, r in enumerate(rules)
        if found.standing.holds[row, f]
    ]
    renewal = signs.known(alone, 0, "renewal_at")
    return Briefing(
        happened=tuple(sorted(held, key=lambda h: -h.since_us)),
        use=_use(alone, 0),
        money=signs.present(
            (
                signs.renewal_near(alone, 0),
                signs.contraction(alone, 0),
                signs.growth(alone, 0),
                signs.seats_idle(alone, 0),
                signs.seats_nearly_full(alone, 0),
            )
        ),
        open_matters=signs.present(
            (
                signs.open_items(alone, 0, "complaint_open", "complaints_open"),
                signs.open_items(alone, 0, "ticket_waiting", "tickets_waiting"),
                signs.open_items(alone, 0, "ticket_open", "tickets_open"),
                signs.open_items(alone, 0, "invoice_overdue", "invoices_overdue"),
                signs.detractor(alone, 0),
                signs.dissatisfied(alone, 0),
            )
        ),
        mrr=signs.known(alone, 0, "mrr"),
        renewal_us=None if renewal is None else int(renewal),
        last_contact_us=last_contact(alone, 0),
    )


def last_contact(view: View, row: int) -> int | None:
    """When somebody spoke with them last, as the scorecard counts contacts."""
    measure = signs.column(view, "contacts")
    newest = 0.0 if measure is None else float(view.newest(measure)[row])
    return int(newest) if newest > 0 else None


def _use(view: View, row: int) -> Use:
    used = float(view.functions(since_us=view.now_us - _SPAN_US)[row])
    owned, seen = signs.known(view, row, "features_owned"), float(view.fact("last_seen")[row])
    sessions, ratio = signs.column(view, "sessions"), signs.use_ratio(view, row)
    weekly = None if sessions is None else round(7 * float(view.rate(sessions, 0)[row]), 1)
    return Use(
        functions_used=round(used),
        functions_owned=None if owned is None else int(owned),
        sessions_a_week=weekly,
        against_habit=None if ratio is None else round(ratio[0], 2),
        last_seen_us=int(seen) if np.isfinite(seen) and seen > 0 else None,
    )
