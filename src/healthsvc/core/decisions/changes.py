"""Changes of flags and bands, as decided."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["raised", "released", "renewed", "sharper", "beside", "eased"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagChange:
    """Flag `flag` of row `row` was raised (alert: it is fresh and its rule asks for one) or released.

    Renewed: it held, and its cause has happened again since the last decision; an alert if none is open any longer.
    Sharper, beside, eased: what it does to the alert of its family (`alert_groups.one_alert`).
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
