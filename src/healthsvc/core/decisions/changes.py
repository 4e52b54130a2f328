"""Changes of flags and bands, as decided."""

from dataclasses import dataclass
from typing import Final, Literal

from healthsvc.core.instants import DAY_US

ALERT_MAX_AGE_US: Final = 3 * DAY_US
"""A cause older than this when it is decided makes history, not an alert: importing old history
raises no storm."""

Kind = Literal["raised", "released", "renewed", "escalated", "additional", "de_escalated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagChange:
    """Flag `flag` of row `row` was raised (alert: it is fresh and its rule asks for one) or
    released.

    Renewed: it held, and its cause has happened again since the last decision; an alert if none is
    open any longer. Escalated, additional, de-escalated: what it does to its group's alert
    (`alert_groups.one_alert`).
    """

    row: int
    flag: int
    kind: Kind
    onset_us: int
    alert: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BandChange:
    row: int
    before: int
    """Index of the band; -1: not enough evidence until now."""
    after: int
    alert: bool
    anew: bool = False
    """Another variant of the scorecard judges the customer: that isn't behaviour."""
