"""Portfolio measures: what became of the customers of a period, from what they told of money,
answers and tickets.

Retention rate = customers at the end that were there at the start / customers at the start. Churn
rate = customers lost in the period / customers at the start. GRR and NRR: recurring revenue at the
end of the customers there at the start / theirs at the start, for GRR each at most what it was. NPS
= % promoters - % detractors. CSAT = share of 4-5. CES = mean. Adoption = active functions /
functions owned. What has nothing to be divided by is None, never zero.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.instants import DAY_US
from healthsvc.core.portfolio.entries import (
    ANSWERED,
    CES,
    CSAT,
    NPS,
    OPENED,
    RESOLVED,
    Accounts,
    Entries,
)
from healthsvc.core.portfolio.presence import Presence, summed, was_there

ACTIVE_US: Final = 28 * DAY_US
"""A function is active if it was used within so long before the end of the period."""
PROMOTER, DETRACTOR, SATISFIED = 9.0, 6.0, 4.0
_HOUR_US: Final = 3_600_000_000.0
MEASURES: Final = (
    *("retention_rate", "churn_rate", "grr", "nrr", "nps", "csat", "ces"),
    *("hours_to_first_answer", "hours_to_resolution", "adoption"),
)
COUNTS: Final = (
    *("customers_at_start", "customers_at_end", "retained", "lost", "mrr_at_start", "mrr_at_end"),
    *(
        "nps_answers",
        "csat_answers",
        "ces_answers",
        "tickets_answered",
        "tickets_resolved",
        "functions_owned",
    ),
)
_SUMS: Final = (
    *(*COUNTS, "mrr_kept", "mrr_now", "promoters", "detractors", "satisfied", "ease"),
    *("answer_hours", "resolution_hours", "functions_active"),
)
Sums = dict[str, Floats]
"""By name of a sum, (groups,)."""
Figures = Mapping[str, float | None]


def sums(
    accounts: Accounts, entries: Entries, active: Floats, groups: int, start_us: int, end_us: int
) -> Sums:
    """The sums of a period, its end not included. active: (n,) functions used within `ACTIVE_US`
    before the end."""
    start, end = Presence(accounts, entries, start_us), Presence(accounts, entries, end_us)
    within = entries.take((entries.us >= start_us) & (entries.us < end_us))
    retained = start.there & end.there
    known = start.there & (start.mrr > 0)
    mrr_end = end.revenue
    features_owned = end.owned(entries)
    owning = end.there & (features_owned > 0)
    result = {
        "customers_at_start": start.there,
        "customers_at_end": end.there,
        "retained": retained,
        "lost": was_there(accounts, within, start, start_us, end_us) & ~end.there,
        "mrr_at_start": np.where(known, start.mrr, 0.0),
        "mrr_at_end": mrr_end,
        "mrr_now": np.where(known, mrr_end, 0.0),
        "mrr_kept": np.where(known, np.minimum(mrr_end, start.mrr), 0.0),
        "functions_owned": np.where(owning, features_owned, 0.0),
        "functions_active": np.where(owning, np.minimum(active, features_owned), 0.0),
        **_answers(within, len(accounts.group)),
        **_tickets(entries.take(entries.us < end_us), start_us, len(accounts.group)),
    }
    counts = accounts.counted((np.nan_to_num(start.mrr) > 0) | (np.nan_to_num(end.mrr) > 0))
    return {name: summed(accounts.group, result[name] * counts, groups) for name in _SUMS}


def added(some: Sums, others: Sums) -> Sums:
    """The sums of both."""
    return {name: some[name] + others[name] for name in _SUMS}


def figures(totals: Sums, group: int | None = None) -> Figures:
    """The counts and measures of one group, or of all."""
    s = {
        name: float(totals[name].sum() if group is None else totals[name][group]) for name in _SUMS
    }
    return {name: s[name] for name in COUNTS} | {
        "retention_rate": _over(s["retained"], s["customers_at_start"]),
        "churn_rate": _over(s["lost"], s["customers_at_start"]),
        "grr": _over(s["mrr_kept"], s["mrr_at_start"]),
        "nrr": _over(s["mrr_now"], s["mrr_at_start"]),
        "nps": _over(100.0 * (s["promoters"] - s["detractors"]), s["nps_answers"]),
        "csat": _over(s["satisfied"], s["csat_answers"]),
        "ces": _over(s["ease"], s["ces_answers"]),
        "hours_to_first_answer": _over(s["answer_hours"], s["tickets_answered"]),
        "hours_to_resolution": _over(s["resolution_hours"], s["tickets_resolved"]),
        "adoption": _over(s["functions_active"], s["functions_owned"]),
    }


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _answers(within: Entries, n: int) -> Sums:
    def count(which: Mask, weights: Floats | None = None) -> Floats:
        return summed(
            within.customer[which],
            np.ones(int(which.sum())) if weights is None else weights[which],
            n,
        )

    nps, csat, ces = (within.kind == kind for kind in (NPS, CSAT, CES))
    return {
        "nps_answers": count(nps),
        "promoters": count(nps & (within.value >= PROMOTER)),
        "detractors": count(nps & (within.value <= DETRACTOR)),
        "csat_answers": count(csat),
        "satisfied": count(csat & (within.value >= SATISFIED)),
        "ces_answers": count(ces),
        "ease": count(ces, within.value),
    }


def _tickets(known: Entries, start_us: int, n: int) -> Sums:
    """Tickets answered for the first time, and resolved for the last, within the period; by then
    they were opened."""
    some = known.take(np.isin(known.kind, (OPENED, ANSWERED, RESOLVED)))
    order = np.lexsort((some.us, some.item, some.customer))
    owner, item, us, kind = some.customer[order], some.item[order], some.us[order], some.kind[order]
    new = np.ones(len(owner), bool)
    new[1:] = (owner[1:] != owner[:-1]) | (item[1:] != item[:-1])
    ticket = np.cumsum(new) - 1
    opened, answered, resolved = (np.zeros(int(new.sum()), np.int64) for _ in range(3))
    for place, which in ((opened, kind == OPENED), (resolved, kind == RESOLVED)):
        place[ticket[which]] = us[which]  # the last one stays
    first = np.flatnonzero((kind == ANSWERED) & (us >= opened[ticket]))[::-1]
    answered[ticket[first]] = us[first]
    owners = owner[new]

    def spent(until: Int64s) -> tuple[Floats, Floats]:
        done = (opened > 0) & (until >= opened) & (until >= start_us)
        hours = (until[done] - opened[done]) / _HOUR_US
        return summed(owners[done], np.ones(len(hours)), n), summed(owners[done], hours, n)

    (answers, answer_hours), (resolutions, resolution_hours) = spent(answered), spent(resolved)
    return {
        "tickets_answered": answers,
        "answer_hours": answer_hours,
        "tickets_resolved": resolutions,
        "resolution_hours": resolution_hours,
    }
