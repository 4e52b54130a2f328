"""What was decided about some rows of the states, readable one by one; it keeps nothing large."""

from datetime import datetime
from math import isnan
from typing import Any

from healthsvc.core.arrays import Floats, Instants, Rows
from healthsvc.core.decisions.decide import Decisions, flag_names
from healthsvc.core.folding.states import States
from healthsvc.core.instants import from_us
from healthsvc.wire.webhooks.customers import BandData, RiskData


class DecidedBatch:
    """Rows by their place; webhooks are worded from it while the flush is written and the states
    move on.

    risk_before: (n,) the risk at the last decision. The rows' customers must stay in the states
    meanwhile.
    """

    def __init__(
        self,
        states: States,
        rows: Rows,
        decisions: Decisions,
        now_us: Instants,
        risk_before: Floats,
        version: int,
    ) -> None:
        card = states.program.scorecard
        self.row_numbers: list[int] = rows.tolist()
        self._states, self._decisions, self._now_us, self._risk_before = (
            states,
            decisions,
            now_us,
            risk_before,
        )
        self._version, self._flag_names = version, card.flag_names
        self.band_names = [*(band.name for band in card.bands), None]
        """By index; the last one, -1, is not enough evidence."""

    def customer(self, i: int) -> str:
        return self._states.ids[self.row_numbers[i]]

    def name(self, i: int) -> str:
        """What the customer is called, else its id."""
        name = self._states.profile_field(self.row_numbers[i], "name")
        return name if isinstance(name, str) and name else self.customer(i)

    def at(self, i: int) -> datetime:
        return from_us(self._now_us.item(i))

    def score(self, i: int) -> float | None:
        return _none_if_nan(self._decisions.score.item(i))

    def band(self, i: int) -> str | None:
        return self.band_names[self._decisions.after.band_index(i)]

    def standing(self, i: int, previous_band: str | None, sequence: int) -> BandData:
        """What `customer.band.changed` says."""
        return BandData(**self._decided(i, previous_band, sequence))

    def worse(self, i: int, previous_band: str | None, sequence: int) -> RiskData:
        """What `customer.risk.raised` says."""
        previous_risk = _none_if_nan(self._risk_before.item(i))
        return RiskData(**self._decided(i, previous_band, sequence), previous_risk=previous_risk)

    def _decided(self, i: int, previous_band: str | None, sequence: int) -> dict[str, Any]:
        return {
            "customer_id": self.customer(i),
            "score": self.score(i),
            "risk": _none_if_nan(self._decisions.risk.item(i)),
            "band": self.band(i),
            "previous_band": previous_band,
            "decided_at": self.at(i),
            "flags": list(flag_names(self._flag_names, self._decisions.after.flag_bits(i))),
            "scorecard_version": self._version,
            "sequence": sequence,
        }


def _none_if_nan(value: float) -> float | None:
    return None if isnan(value) else value
