"""The ship gate: what a model must show before it is published; overridable with a reason that is
kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MOST_LIFT_ASKED: Final = 3.0
SHARE_OF_PERFECT: Final = 0.8
MOST_HEALTHY: Final = 0.8


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One demand, and whether it was met."""

    name: str
    passed: bool
    detail: str


def gate(
    new: Mapping[str, Any],
    live: Mapping[str, Any] | None,
    healthy_share: float | None,
    against: str = "the live version",
) -> list[GateCheck]:
    """Checks on a backtest's figures. new, live: of the same rows; healthy_share: of the customers,
    None if unknown."""
    base = float(new["base_rate"])
    checks = []
    if live is not None:
        error = (float(new["auc_error"]) ** 2 + float(live["auc_error"]) ** 2) ** 0.5
        behind = float(live["auc"]) - float(new["auc"])
        detail = f"AUC {new['auc']:.3f} against {against}'s {live['auc']:.3f} ± {error:.3f}"
        checks.append(GateCheck("at_least_as_good_as_live", behind <= error, detail))
    least_lift = min(MOST_LIFT_ASKED, SHARE_OF_PERFECT / base) if base else MOST_LIFT_ASKED
    lift = new["lift_top_tenth"]
    checks.append(
        GateCheck(
            "lift_of_red",
            lift is not None and lift >= least_lift,
            f"lift {lift or 0:.2f}, asked {least_lift:.2f}",
        )
    )
    if healthy_share is not None:
        checks.append(not_all_healthy(healthy_share, base))
    return checks


def not_all_healthy(share: float, base_rate: float) -> GateCheck:
    """At most so many customers may be in the best band; more where few leave anyhow."""
    allowed = max(MOST_HEALTHY, 1 - 2 * base_rate)
    return GateCheck(
        "not_all_healthy", share <= allowed, f"{share:.0%} healthy, at most {allowed:.0%}"
    )


def verdict(checks: list[GateCheck], override: str | None) -> dict[str, Any]:
    """Whether it may ship, ready for JSON; an override is kept with its reason."""
    all_pass = all(c.passed for c in checks)
    return {
        "passed": all_pass,
        "may_ship": all_pass or bool(override),
        "override_reason": None if all_pass else override,
        "checks": [{"name": c.name, "passed": c.passed, "detail": c.detail} for c in checks],
    }
