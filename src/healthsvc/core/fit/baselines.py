"""What any score must be held against: base rate, recency, recency-frequency-money, one decayed
level."""

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.fit import logistic
from healthsvc.core.fit.feature_set import half_life
from healthsvc.core.risk.features import Feature

RIDGE = 10.0


def features(horizon_us: int) -> tuple[Feature, ...]:
    """What the baselines look at; all among the candidates of a fit."""
    one, long = half_life(horizon_us, 1.0), half_life(horizon_us, 4.0)
    return (Feature("recency"), Feature("log_count", "act", long), Feature("log_value", "any",
    long),
            Feature("log_count", "act", one))  # fmt: skip


def risks(train_x: Floats, train_y: Floats, judged_x: Floats) -> dict[str, Floats]:
    """Risk of the judged rows by each baseline; columns as in `features`."""
    recency = judged_x[:, 0]
    return {
        "base_rate": np.full(len(judged_x), float(train_y.mean())),
        "recency": recency / max(float(recency.max()), 1e-9),
        "rfm_logistic": _logistic(train_x[:, :3], train_y, judged_x[:, :3]),
        "one_decayed_level": 1.0 / (1.0 + np.expm1(judged_x[:, 3])),
    }


def _logistic(x: Floats, y: Floats, new_x: Floats) -> Floats:
    middle, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)

    def columns(z: Floats) -> Floats:
        clamped_z = np.clip((z - middle) / spread, -4, 4)
        return np.column_stack([np.ones(len(z)), clamped_z])

    weights = logistic.fit(columns(x), y, np.array([0.0, *[RIDGE] * x.shape[1]]))
    return logistic.chance(columns(new_x) @ weights)
