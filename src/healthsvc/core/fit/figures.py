"""How good a risk is on rows with outcomes: order, lift, calibration, lead time, and what a team
would notice of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from healthsvc.core.arrays import Floats, Instants, Int64s, Mask
from healthsvc.core.fit import standard_errors
from healthsvc.core.instants import DAY_US

RED_SHARE: Final = 0.1
"""The red band of a backtest: the riskiest tenth of each date."""
CUSTOMERS_PER_CSM: Final = 40
LEADS_DAYS: Final = (14, 30)
GAPS_DAYS: Final = (1, 3, 7)
BINS: Final = 10


@dataclass(frozen=True, slots=True)
class ObservedRows:
    """Rows with outcomes and what was known of them; (n,) each."""

    y: Floats
    obs_us: Instants
    customer: Int64s
    churn_us: Instants
    """-1 where the instant of churn isn't told."""


def figures(
    rows: ObservedRows, risk: Floats, *, capacity: int, probability: bool
) -> dict[str, Any]:
    """All figures, ready for JSON; calibration only for what claims to be a probability."""
    y = rows.y
    auc = standard_errors.auc(y, risk, rows.customer)
    red = riskiest(rows.obs_us, risk, share=RED_SHARE)
    called = riskiest(rows.obs_us, risk, count=capacity)
    base = float(y.mean())
    result: dict[str, Any] = {
        "rows": len(y),
        "customers": len(np.unique(rows.customer)),
        "base_rate": base,
        "auc": auc.value,
        "auc_error": auc.error,
        "auc_within_date": within_date(rows, risk),
        "average_precision": average_precision(y, risk),
        "precision_top_tenth": _mean(y[red]),
        "lift_top_tenth": _mean(y[red]) / base if base else None,
        "recall_top_tenth": float(y[red].sum() / y.sum()) if y.sum() else None,
        "capacity": capacity,
        "precision_at_capacity": _mean(y[called]),
        "lift_at_capacity": _mean(y[called]) / base if base else None,
        **_team(rows, red),
        **lead(rows, red),
    }
    if probability:
        result |= calibration(rows, risk)
    return result


def calibration(rows: ObservedRows, risk: Floats) -> dict[str, Any]:
    """Brier score, its skill over the base rate, and the expected calibration error over tenths."""
    y = rows.y
    brier, constant = float(((risk - y) ** 2).mean()), float(y.mean() * (1 - y.mean()))
    bins = reliability(y, risk)
    ece = sum(b["rows"] * abs(b["told"] - b["happened"]) for b in bins) / len(y)
    return {
        "brier": brier,
        "brier_skill": 1 - brier / constant if constant else None,
        "ece": ece,
        "reliability": bins,
    }


def reliability(y: Floats, risk: Floats) -> list[dict[str, float]]:
    """By tenths of the risk: how many rows, what was told, what happened."""
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, BINS + 1)))
    which = np.clip(np.searchsorted(edges, risk, side="left"), 1, max(1, len(edges) - 1))
    rows_of_bins = []
    for b in np.unique(which).tolist():
        mine = which == b
        rows_of_bins.append(
            {
                "rows": int(mine.sum()),
                "told": float(risk[mine].mean()),
                "happened": float(y[mine].mean()),
            }
        )
    return rows_of_bins


def riskiest(obs_us: Instants, risk: Floats, *, share: float | None = None, count: int = 0) -> Mask:
    """(n,) whether a row is among the riskiest of its date: a share of them, or so many."""
    order = np.lexsort((-risk, obs_us))
    dates, starts, counts = np.unique(obs_us[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, counts)
    most = np.repeat(
        (
            np.maximum(1, np.round(counts * share))
            if share is not None
            else np.full(len(dates), count)
        ),
        counts,
    )
    is_riskiest = np.zeros(len(order), bool)
    is_riskiest[order] = place < most
    return is_riskiest


def within_date(rows: ObservedRows, risk: Floats) -> float | None:
    """AUC within each date, weighted by its rows."""
    total, weight = 0.0, 0
    for date in np.unique(rows.obs_us).tolist():
        mine = rows.obs_us == date
        value = standard_errors.auc(rows.y[mine], risk[mine], rows.customer[mine]).value
        if not np.isnan(value):
            total, weight = total + value * int(mine.sum()), weight + int(mine.sum())
    return total / weight if weight else None


def average_precision(y: Floats, risk: Floats) -> float | None:
    """Mean precision at each churner, ties taken together."""
    if not y.sum():
        return None
    order = np.argsort(-risk, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(risk[order])), len(y) - 1)
    hits = np.cumsum(y[order])[ends]
    gained = np.diff(np.append(0.0, hits))
    return float((gained * hits / (ends + 1)).sum() / y.sum())


def lead(rows: ObservedRows, red: Mask) -> dict[str, Any]:
    """Of the churners whose instant is told: the share caught, and caught so many days ahead, by an
    unbroken run of red dates up to their churn."""
    has_instant = rows.churn_us >= 0
    if not has_instant.any():
        return {}
    order = np.lexsort((rows.obs_us, rows.customer))
    order = order[has_instant[order] & (rows.obs_us[order] < rows.churn_us[order])]
    ahead: list[float] = []
    churners = 0
    for mine in np.split(order, np.flatnonzero(np.diff(rows.customer[order])) + 1):
        if not len(mine):
            continue
        churners += 1
        calm = np.flatnonzero(~red[mine])
        first = int(calm[-1]) + 1 if len(calm) else 0
        if first < len(mine):
            ahead.append(float(rows.churn_us[mine[-1]] - rows.obs_us[mine[first]]) / DAY_US)
    told_days = {
        f"caught_{d}_days_ahead": sum(a >= d for a in ahead) / max(1, churners) for d in LEADS_DAYS
    }
    median = float(np.median(ahead)) if ahead else None
    return {"churners_told": churners, "caught": len(ahead) / max(1, churners), **told_days,
    "lead_days_median": median,
            "lead_days": sorted(ahead)}  # fmt: skip


def gaps(rows: ObservedRows, risk: Floats) -> dict[str, float | None]:
    """AUC when churn within so many days after the observation is left out: it falls where the
    outcome itself leaks."""
    result: dict[str, float | None] = {}
    for days in GAPS_DAYS:
        near = (rows.y == 1) & (rows.churn_us >= 0) & (rows.churn_us - rows.obs_us < days * DAY_US)
        if (rows.churn_us >= 0).any():
            value = standard_errors.auc(rows.y[~near], risk[~near], rows.customer[~near]).value
            result[f"auc_gap_{days}_days"] = None if np.isnan(value) else value
    return result


def lift_curve(y: Floats, risk: Floats, shares: Sequence[float]) -> list[float]:
    """Share of the churners among the riskiest share of all rows."""
    hits = np.cumsum(y[np.argsort(-risk, kind="stable")])
    return [float(hits[max(0, round(s * len(y)) - 1)] / max(1.0, hits[-1])) for s in shares]


def _team(rows: ObservedRows, red: Mask) -> dict[str, float | None]:
    """New reds per CSM and week, and how often a customer enters or leaves red between dates."""
    order = np.lexsort((rows.obs_us, rows.customer))
    same = np.diff(rows.customer[order]) == 0
    before, after = red[order][:-1], red[order][1:]
    entered = int((same & ~before & after).sum())
    weeks = max(1.0, (int(rows.obs_us.max()) - int(rows.obs_us.min())) / (7 * DAY_US))
    per_date = len(rows.y) / len(np.unique(rows.obs_us))
    csms = max(1.0, per_date / CUSTOMERS_PER_CSM)
    pairs = int(same.sum())
    return {
        "alerts_per_csm_and_week": entered / weeks / csms,
        "flips_per_customer_and_date": (
            float((same & (before != after)).sum()) / pairs if pairs else None
        ),
    }


def _mean(y: Floats) -> float:
    return float(y.mean()) if len(y) else float("nan")
