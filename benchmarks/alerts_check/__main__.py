"""`make alerts-check`: print what customers of each kind draw, and whether the floors hold."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.alerts_check.kinds import CHANGE_DAY, DECLINING, HEALTHY, KINDS, LEAVING, Kind
from benchmarks.alerts_check.simulation import JUDGED_FROM, Life, simulate
from benchmarks.alerts_check.visits import DAYS
from healthsvc.wire.scorecards.document import compile_document

ALERTS_FLOOR, BANDS_FLOOR, WORST = 0.25, 0.4, 1.0
PERIODS, LEAST_DAYS, DECLINE_DAYS = 2.2, 14.0, 150.0


def main() -> int:
    """Print the table; 1 where a floor doesn't hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scorecard", nargs="?", type=Path, help="left out: the default one")
    parser.add_argument("--each", type=int, default=6, help="customers of each kind")
    parser.add_argument("--seed", type=int, default=2027)
    parser.add_argument("--only", default="", help="kinds whose name has this in it")
    asked = parser.parse_args()
    document = asked.scorecard.read_text() if asked.scorecard else ""
    kinds = [kind for kind in KINDS if asked.only in kind.name]
    lives = simulate(compile_document(document).program, kinds, asked.each, asked.seed)
    faults = [*_healthy(lives), *_leaving(lives), *_declining(lives)]
    for fault in faults:
        print(f"floor missed: {fault}")
    return 1 if faults else 0


def _of(lives: Sequence[Life], kind: Kind) -> list[Life]:
    return [life for life in lives if life.kind is kind]


def _healthy(lives: Sequence[Life]) -> list[str]:
    print(f"{'healthy customer':32s} {'alerts/100d':>11s} {'bands/100d':>11s} {'healthy':>8s}")
    faults: list[str] = []
    means: list[tuple[float, float]] = []
    for kind in HEALTHY:
        mine = _of(lives, kind)
        if not mine:
            continue
        hundreds = len(mine) * (DAYS - JUDGED_FROM) / 100
        kinds = Counter(n for life in mine for day, n in life.alerts if day >= JUDGED_FROM)
        alerts = sum(kinds.values()) / hundreds
        bands = sum(day >= JUDGED_FROM for life in mine for day in life.band_changes) / hundreds
        share = sum(life.healthy for life in mine) / sum(life.decided for life in mine)
        means.append((alerts, bands))
        why = ", ".join(f"{name} {count}" for name, count in kinds.most_common(4))
        print(f"{kind.name:32s} {alerts:11.2f} {bands:11.2f} {share:8.0%}  {why}")
        if alerts > WORST and not kind.excused:
            faults.append(f"{kind.name}: {alerts:.2f} alerts in 100 days")
    if means:
        alerts, bands = np.mean(means, axis=0).tolist()
        print(f"{'mean':32s} {alerts:11.2f} {bands:11.2f}\n")
        faults += [f"mean of alerts {alerts:.2f}"] if alerts > ALERTS_FLOOR else []
        faults += [f"mean of band changes {bands:.2f}"] if bands > BANDS_FLOOR else []
    return faults


def _leaving(lives: Sequence[Life]) -> list[str]:
    print(f"{'leaving customer':40s} {'told after, days':>17s} {'latest':>7s} {'periods':>8s} told")
    faults: list[str] = []
    for kind in LEAVING:
        mine = _of(lives, kind)
        if not mine:
            continue
        waits = [_first_after(life, life.last_visit) for life in mine]
        limits = [max(LEAST_DAYS, PERIODS * life.period) for life in mine]
        faults += _told(kind, waits, limits, [life.period for life in mine])
    print()
    return faults


def _declining(lives: Sequence[Life]) -> list[str]:
    faults: list[str] = []
    for kind in DECLINING:
        mine = _of(lives, kind)
        if not mine:
            continue
        waits = [_first_after(life, CHANGE_DAY) for life in mine]
        limit = np.inf if "1%" in kind.name else DECLINE_DAYS
        faults += _told(kind, waits, [limit] * len(mine), [life.period for life in mine])
    return faults


def _told(
    kind: Kind, waits: Sequence[float], limits: Sequence[float], periods: Sequence[float]
) -> list[str]:
    known = [wait for wait in waits if np.isfinite(wait)]
    mean = np.mean(known) if known else np.nan
    longest = max(wait / period for wait, period in zip(waits, periods, strict=True))
    print(
        f"{kind.name:40s} {mean:17.0f} {max(waits):7.0f} {longest:8.1f} {len(known)}/{len(waits)}"
    )
    late = [wait for wait, limit in zip(waits, limits, strict=True) if wait > limit + 0.5]
    return [f"{kind.name}: {max(late):.0f} days"] if late else []


def _first_after(life: Life, day: float) -> float:
    days = [*(at for at, _ in life.alerts), *life.escalations]
    return min((at - day for at in days if at > day), default=np.inf)


if __name__ == "__main__":
    sys.exit(main())
