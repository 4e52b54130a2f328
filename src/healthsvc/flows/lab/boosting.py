"""Gradient boosting as a reference, where scikit-learn is installed: never a dependency, never what
is shipped."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from healthsvc.core.arrays import Floats

SETTINGS: Final[dict[str, Any]] = {
    "max_iter": 150,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 50,
    "l2_regularization": 10.0,
    "random_state": 0,
}


def boosting() -> Callable[[Floats, Floats, Floats], Floats] | None:
    """(features, outcomes, features to judge) → risks; None where scikit-learn isn't installed."""
    if find_spec("sklearn") is None:
        return None
    classifier: Any = import_module("sklearn.ensemble").HistGradientBoostingClassifier

    def risks(x: Floats, y: Floats, features: Floats) -> Floats:
        churn_risks: Floats = classifier(**SETTINGS).fit(x, y).predict_proba(features)[:, 1]
        return churn_risks

    return risks
