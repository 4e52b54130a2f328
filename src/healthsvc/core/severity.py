"""Severities of alerts."""

from typing import Final, Literal, get_args

Severity = Literal["info", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""Rising."""
