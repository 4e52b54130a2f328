"""SQL about the states of alerts, made from the lifecycle's table.

States stand in the text of a statement, not among its parameters: the partial indexes on alerts
serve a statement only where the planner sees which states it asks for.
"""

from collections.abc import Iterable

from healthsvc.core.alerts import UNRESOLVED, AlertState, AlertStep, allowing, target


def literal(state: AlertState) -> str:
    """SQL: a state."""
    return f"'{state}'"


def is_one_of(column: str, states: Iterable[AlertState]) -> str:
    """SQL: whether a column holds one of these states."""
    return f"{column} in ({', '.join(map(literal, states))})"


def unresolved(column: str) -> str:
    """SQL: whether an alert isn't done."""
    return is_one_of(column, UNRESOLVED)


def may(step: AlertStep, column: str) -> str:
    """SQL: whether the state that a column holds allows a step."""
    return is_one_of(column, allowing(step))


def after(step: AlertStep) -> str:
    """SQL: the state that a step leads to."""
    return literal(target(step))
