"""A check that fails, and what /readyz makes of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

CheckKind = Literal[
    "input_stalled",
    "flush_slow",
    "partitions_unowned",
    "kafka_unreachable",
    "database_fault",
    "disk_low",
    "step_failing",
    "ledger_behind",
    "timers_postponed",
]


KINDS: Final[Sequence[CheckKind]] = (
    "input_stalled",
    "flush_slow",
    "partitions_unowned",
    "kafka_unreachable",
    "database_fault",
    "disk_low",
    "step_failing",
    "ledger_behind",
    "timers_postponed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check that fails."""

    kind: CheckKind
    scope: str
    sentence: str
    since: datetime
    fatal: bool = False
    """Whether the process is of no use while it fails: not ready. Else it is degraded."""
    severity: Literal["warning", "critical"] = "critical"
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pointer(self) -> str:
        """Where /readyz lists it."""
        return f"/{self.kind}/{self.scope}"


@dataclass(frozen=True, slots=True)
class ReadinessVerdict:
    """What /readyz answers."""

    ready: bool
    sentences: Mapping[str, str]
    """By pointer; what makes it useless first."""


def degraded(sentences: Mapping[str, str]) -> dict[str, object]:
    """What /readyz says of a process that is ready, though something fails."""
    warnings = [{"pointer": pointer, "detail": sentence} for pointer, sentence in sentences.items()]
    return {"status": "degraded", "warnings": warnings}
