"""What was decided about some rows of the states, readable one by one."""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from math import isnan
from typing import Any

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.decisions.changes import ALERT_MAX_AGE_US
from healthsvc.core.decisions.decide import flag_names
from healthsvc.core.folding import facts
from healthsvc.core.instants import from_us
from healthsvc.core.scoring.view import View
from healthsvc.flows.changes.changed_customer import ChangedCustomer
from healthsvc.flows.processing.decisions.batch_decisions import BatchDecisions
from healthsvc.wire.webhooks.customer_object import stored_customer
from healthsvc.wire.webhooks.customers import BandData, FlagData, RiskData, ScoreData


class DecidedBatch:
    """The rows of a batch by their place."""

    def __init__(self, view: View, batch: BatchDecisions) -> None:
        card = batch.states.program.scorecard
        self.row_numbers: list[int] = batch.rows.tolist()
        self._view, self._batch = view, batch
        self._states, self._decisions = batch.states, batch.decisions
        self._flag_names = card.flag_names
        self.band_names = [*(band.name for band in card.bands), None]
        """By index; the last one, -1, is not enough evidence."""
        self._customers: dict[int, ChangedCustomer] = {}

    @cached_property
    def imported(self) -> Mask:
        """(n,) whether imported events, old but only now logged, are behind the decision."""
        last_seen = self._states.facts[self._batch.rows, facts.LAST_SEEN]
        is_old: Mask = last_seen < self._batch.evaluation.now_us - ALERT_MAX_AGE_US
        return is_old & (self._batch.logged_us > 0)

    def customer_id(self, i: int) -> str:
        return self._states.ids[self.row_numbers[i]]

    def name(self, i: int) -> str:
        """What the customer is called, else its id."""
        name = self._states.profile_field(self.row_numbers[i], "name")
        return name if isinstance(name, str) and name else self.customer_id(i)

    def at(self, i: int) -> datetime:
        return from_us(self._batch.evaluation.now_us.item(i))

    def score(self, i: int) -> float | None:
        return _none_if_nan(self._decisions.score.item(i))

    def band(self, i: int) -> str | None:
        return self.band_names[self._decisions.after.band_index(i)]

    def flags(self, i: int) -> list[str]:
        return list(flag_names(self._flag_names, self._decisions.after.flag_bits(i)))

    def customer(self, i: int) -> ChangedCustomer:
        """The customer as its changes name it; put together once."""
        known = self._customers.get(i)
        if known is None:
            row = self.row_numbers[i]
            known = self._customers[i] = ChangedCustomer(
                key=self._states.key.item(row),
                customer_id=self._states.ids[row],
                partition=self._states.partition.item(row),
                at=self.at(i),
                logged_us=self._batch.logged_us.item(i),
                last_sequence=int(self._batch.before.sequence.item(i)),
                object=self._object(i),
            )
        return known

    def band_data(self, i: int, previous_band: str | None) -> BandData:
        """What `customer.band.changed` says."""
        return BandData(**self._decided(i, previous_band))

    def risk_data(self, i: int, previous_band: str | None) -> RiskData:
        """What `customer.risk.raised` and `customer.risk.cleared` say."""
        previous_risk = _none_if_nan(self._batch.before.risk.item(i))
        return RiskData(**self._decided(i, previous_band), previous_risk=previous_risk)

    def score_data(self, i: int) -> ScoreData:
        """What `customer.score.changed` says."""
        return ScoreData(
            customer_id=self.customer_id(i),
            customer=self.customer(i).object,
            score=self._decisions.score.item(i),
            previous_score=self._batch.before.announced_score.item(i),
            band=self.band(i),
            decided_at=self.at(i),
            scorecard_version=self._batch.version,
        )

    def flag_data(self, i: int, flag: int) -> FlagData:
        """What `customer.flag.raised` and `customer.flag.released` say."""
        return FlagData(
            customer_id=self.customer_id(i),
            customer=self.customer(i).object,
            flag=self._flag_names[flag],
            decided_at=self.at(i),
            scorecard_version=self._batch.version,
        )

    def _decided(self, i: int, previous_band: str | None) -> dict[str, Any]:
        return {
            "customer_id": self.customer_id(i),
            "customer": self.customer(i).object,
            "score": self.score(i),
            "risk": _none_if_nan(self._decisions.risk.item(i)),
            "band": self.band(i),
            "previous_band": previous_band,
            "decided_at": self.at(i),
            "flags": self.flags(i),
            "scorecard_version": self._batch.version,
        }

    def _object(self, i: int) -> Mapping[str, Any]:
        row = self.row_numbers[i]
        return stored_customer(
            self._states.profile_fields(row),
            mrr=_none_if_nan(self._mrr.item(i)),
            currency=facts.currency_name(self._states.facts.item(row, _CURRENCY)),
            band=self.band(i),
            flags=self.flags(i),
        )

    @cached_property
    def _mrr(self) -> Floats:
        return self._view.fact("mrr")


_CURRENCY = facts.COLUMN["currency_code"]


def _none_if_nan(value: float) -> float | None:
    return None if isnan(value) else value
