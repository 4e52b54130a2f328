"""The chance that a customer leaves before a date, from the chance over the model's horizon."""

from typing import Final

from healthsvc.core.risk.model import RiskKind

CHURN_PROBABILITY: Final[RiskKind] = "churn_probability"


def risk_until(
    risk: float | None, kind: str | None, horizon_us: int, now_us: int, date_us: int
) -> float | None:
    """The chance by the date, at the same rate as over the horizon; None where the risk is no
    probability of churn, or the date has passed."""
    if risk is None or kind != CHURN_PROBABILITY or date_us < now_us or horizon_us <= 0:
        return None
    remaining = max(0.0, 1.0 - risk)
    return float(1.0 - remaining ** ((date_us - now_us) / horizon_us))
