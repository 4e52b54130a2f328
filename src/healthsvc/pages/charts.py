"""Geometry of the charts, which templates draw as SVG without styles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from healthsvc.store.customers.history import Decision

WIDTH: Final = 720
HEIGHT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePlot:
    """Steps of a score over time, as the points of polylines; a gap in the evidence is a gap."""

    traces: tuple[str, ...]
    begins: datetime
    ends: datetime


def score_plot(decisions: Sequence[Decision], now: datetime) -> ScorePlot | None:
    """Plot recorded decisions, newest first; None: there is nothing to plot."""
    ordered = list(reversed(decisions))
    if not ordered:
        return None
    begins, ends = ordered[0].decided_at, max(now, ordered[-1].decided_at)
    span = max((ends - begins).total_seconds(), 1.0)
    traces: list[list[str]] = [[]]
    following = [decision.decided_at for decision in ordered[1:]] + [ends]
    for decision, until in zip(ordered, following, strict=True):
        if decision.score is None:
            traces.append([])
            continue
        y = HEIGHT - decision.score / 100 * HEIGHT
        for at in (decision.decided_at, until):
            x = (at - begins).total_seconds() / span * WIDTH
            traces[-1].append(f"{x:.1f},{y:.1f}")
    return ScorePlot(
        traces=tuple(" ".join(trace) for trace in traces if trace), begins=begins, ends=ends
    )


def bar(contribution: Mapping[str, Any]) -> dict[str, float]:
    """The bar of a contribution on a line from -100 to 100: where it begins, and its length."""
    points = max(-100.0, min(100.0, float(contribution["points"])))
    return {"x": min(points, 0.0) + 100.0, "width": abs(points)}
