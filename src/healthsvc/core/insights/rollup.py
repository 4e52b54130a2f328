"""Customers rolled up to their parent: how its children are, the worst of them, and their mean
score.

The mean is weighted by recurring revenue: the sum of MRR x score / the sum of MRR, over the
children that have both; where none has revenue, all with a score weigh the same. Who has left is
counted and weighs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DEEPEST: Final = 5
"""Levels below a parent that are followed: children, their children, and so on."""
MOST: Final = 1_000
"""Descendants that are looked at, the nearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A customer somewhere below the parent, as of now."""

    customer_id: str
    name: str | None
    depth: int
    """1 for a child, 2 for a child's child."""
    score: float | None
    band: int | None
    """Index of the band as last decided, the best first."""
    mrr: float | None
    churned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    children: int
    descendants: int
    """Children included, those that have left too."""
    depth: int
    left: int
    score: float | None
    """Mean score; None where no child has one."""
    weighted: bool
    """By recurring revenue."""
    worst: Child | None
    """The lowest score; None where no child has one."""
    worst_band: int | None


def rollup(below: Sequence[Child]) -> Rollup | None:
    """None for a customer that is nobody's parent."""
    if not below:
        return None
    here = [child for child in below if not child.churned]
    with_score = [(child.score, child) for child in here if child.score is not None]
    paying = [
        (score, child.mrr) for score, child in with_score if child.mrr is not None and child.mrr > 0
    ]
    weights = paying or [(score, 1.0) for score, _ in with_score]
    total = sum(weight for _, weight in weights)
    return Rollup(
        children=sum(child.depth == 1 for child in below),
        descendants=len(below),
        depth=max(child.depth for child in below),
        left=len(below) - len(here),
        score=sum(score * weight for score, weight in weights) / total if weights else None,
        weighted=bool(paying),
        worst=min(with_score, key=lambda pair: (pair[0], pair[1].customer_id))[1]
        if with_score
        else None,
        worst_band=max((child.band for child in here if child.band is not None), default=None),
    )
