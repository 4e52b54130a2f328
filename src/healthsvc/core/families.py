"""What flags have to do with each other: which tell of something that didn't happen."""

from typing import Final

from healthsvc.core.scorecard import Scorecard

_ABSENCE: Final = ("absence", "drop")


def absences(card: Scorecard) -> frozenset[str]:
    """Flags that say that something didn't happen, or happened less, and those that are built on such a one."""
    found: set[str] = set()
    for rule in card.flags:
        if rule.kind in _ABSENCE or not found.isdisjoint(rule.of):
            found.add(rule.name)
    return frozenset(found)
