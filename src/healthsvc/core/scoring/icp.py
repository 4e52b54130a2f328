"""Fit: how well a customer matches the ideal profile that the scorecard describes by the operator's
own attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from healthsvc.core.scorecard.relationship import IcpCondition

PLAIN: Final = ("segment", "country", "timezone")
"""Fields of the profile that conditions may name beside its attributes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionMatch:
    """One condition against what is known."""

    condition: IcpCondition
    value: Any
    matches: bool | None
    """None: the attribute isn't known, so the condition is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    fit: float | None
    """0 to 1: the weights of what matches over the weights of what is known; None where nothing
    is."""
    matches: tuple[ConditionMatch, ...]


def fit(profile: Mapping[str, Any], conditions: tuple[IcpCondition, ...]) -> Fit:
    """profile: field to value, attributes as `attributes.NAME`."""
    matches = tuple(_match(profile, condition) for condition in conditions)
    known = [match for match in matches if match.matches is not None]
    total, good = 0.0, 0.0
    for match in known:
        total += match.condition.weight
        good += match.condition.weight if match.matches else 0.0
    return Fit(fit=good / total if known else None, matches=matches)


def _match(profile: Mapping[str, Any], condition: IcpCondition) -> ConditionMatch:
    value = profile.get(f"attributes.{condition.attribute}")
    if value is None and condition.attribute in PLAIN:
        value = profile.get(condition.attribute)
    if value is None or value == "":
        return ConditionMatch(condition=condition, value=None, matches=None)
    if condition.values is not None:
        return ConditionMatch(
            condition=condition,
            value=value,
            matches=any(_same(value, one) for one in condition.values),
        )
    number = isinstance(value, int | float) and not isinstance(value, bool)
    matches = number and condition.low <= value <= condition.high
    return ConditionMatch(condition=condition, value=value, matches=bool(matches))


def _same(value: Any, expected: Any) -> bool:
    """Equal, and no truth taken for the number 1."""
    return bool(value == expected) and isinstance(value, bool) == isinstance(expected, bool)
