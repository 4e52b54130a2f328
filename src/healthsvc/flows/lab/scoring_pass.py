"""One pass over a log: outcome rows gather their features, models are fitted when the first row to
score comes, rows are scored; each with the events up to its own instant.

Rows of different horizons get models of their own. Of the rows to score only customer, instant and
horizon are read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats, Instants
from healthsvc.core.fit import feature_set
from healthsvc.core.fit.model_selection import OutcomeRows, SelectedModel, select_model
from healthsvc.core.risk import model as risk_model
from healthsvc.core.risk.features import Feature, values
from healthsvc.core.risk.levels import CompiledRisk, Level
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.core.risk.model import Model, prior
from healthsvc.core.risk.table import RiskTable
from healthsvc.flows.lab.history import ReplayState
from healthsvc.wire.files.labels import Labels

MOST_FITTED_ROWS: Final = 200_000
"""Beyond so many outcome rows, customers are sampled by the hash of their id."""


@dataclass(frozen=True, slots=True)
class InstantRows:
    """Rows of one instant and horizon: their places among all rows, and their customers."""

    places: NDArray[np.int64]
    accounts: list[str]


@dataclass(slots=True)
class FeatureRows:
    """Outcome rows of one horizon with their features so far."""

    names: list[Feature]
    x: list[Floats] = field(default_factory=list)
    y: list[Floats] = field(default_factory=list)
    obs_us: list[Instants] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Purged:
    """Outcome rows that the fit may use, and why others weren't."""

    usable: NDArray[np.int64]
    too_late: int
    """Their horizon ends after the first instant to score."""
    censored: int
    """No outcome is told."""
    already_gone: int
    """They had left before they were observed."""
    other_horizon: int
    sampled_out: int


def purge(fit: Labels, before_us: int, horizons: Sequence[int]) -> Purged:
    """The outcome rows whose horizon had ended by `before_us`."""
    late = fit.obs_us + fit.horizon_us > before_us
    censored = ~late & np.isnan(fit.churned)
    already_gone = ~late & ~censored & (fit.churn_us >= 0) & (fit.churn_us <= fit.obs_us)
    other = ~late & ~censored & ~already_gone & ~np.isin(fit.horizon_us, np.array(horizons))
    good = np.flatnonzero(~late & ~censored & ~already_gone & ~other)
    usable = _sampled(fit, good)
    counts = (int(late.sum()), int(censored.sum()), int(already_gone.sum()), int(other.sum()))
    return Purged(usable, *counts, len(good) - len(usable))


def _sampled(fit: Labels, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """All rows of as many customers as fit, chosen by their ids."""
    if len(rows) <= MOST_FITTED_ROWS:
        return rows
    share = MOST_FITTED_ROWS / len(rows)
    is_sampled = {a: _hash01(a) < share for a in dict.fromkeys(fit.accounts)}
    return np.array([r for r in rows.tolist() if is_sampled[fit.accounts[r]]], np.int64)


def _hash01(text: str) -> float:
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") / 2.0**48


def by_instant(labels: Labels, rows: NDArray[np.int64]) -> dict[tuple[int, int], InstantRows]:
    """Rows by (instant, horizon), in the order of their instants."""
    order = rows[np.lexsort((labels.horizon_us[rows], labels.obs_us[rows]))]
    groups: dict[tuple[int, int], InstantRows] = {}
    keys = np.stack([labels.obs_us[order], labels.horizon_us[order]])
    new = (
        np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0))
        if len(order)
        else np.zeros(0, bool)
    )
    starts = np.flatnonzero(new).tolist()
    for start, end in zip(starts, [*starts[1:], len(order)], strict=len(order) > 0):
        places = order[start:end]
        groups[int(keys[0, start]), int(keys[1, start])] = InstantRows(
            places, [labels.accounts[i] for i in places.tolist()]
        )
    return groups


class ScoringPass:
    """The pass itself: hand `halt` to the replay."""

    def __init__(  # noqa: PLR0913  # what a pass is made of, each by name
        self,
        *,
        mapping: TypeMapping,
        horizons: Sequence[int],
        score: dict[tuple[int, int], InstantRows],
        fit: dict[tuple[int, int], InstantRows] | None,
        fit_labels: Labels | None,
        rows: int,
        models: Mapping[int, Model] | None = None,
        probe: Sequence[Feature] = (),
    ) -> None:
        """score, fit: rows by (instant, horizon); models: instead of the prior, by horizon; probe:
        features of the scored rows to be kept, for baselines."""
        self.mapping = mapping
        self.models: dict[int, Model] = {h: (models or {}).get(h) or prior(h) for h in horizons}
        self.fitted_on: dict[int, OutcomeRows] = {}
        self.probe = tuple(probe)
        self.probed: Floats = np.zeros((rows, len(self.probe)))
        self.verdicts: dict[int, SelectedModel] = {}
        self.risks: Floats = np.zeros(rows)
        self.unseen = 0
        self._score, self._fit, self._labels = score, fit, fit_labels
        self._first_score = min((t for t, _ in score), default=None)
        self._gathered = (
            {h: FeatureRows(list(feature_set.of_kinds(h))) for h in horizons}
            if fit is not None
            else {}
        )
        self._halts: dict[int, list[int]] = {}
        for t, h in [*score, *(fit or ())]:
            if h not in self._halts.setdefault(t, []):
                self._halts[t].append(h)
        levels = [level for m in self.models.values() for level in m.levels]
        levels += [
            level for g in self._gathered.values() for level in feature_set.levels_of(g.names)
        ]
        levels += feature_set.levels_of(self.probe)
        program = CompiledRisk(levels, lambda t: mapping.judge(t).kind)
        self.history = ReplayState(
            RiskTable(program, self._levels_of_type if fit is not None else None)
        )
        self._typed: list[str] = []

    @property
    def moments(self) -> Instants:
        """The instants at which the replay must halt, rising."""
        return np.array(sorted(self._halts), np.int64)

    def halt(self, now_us: int) -> None:
        """What is to be done at an instant."""
        if self._fit is not None and now_us == self._first_score:
            self._fit_all()
        for horizon in self._halts[now_us]:
            if (
                self._fit is not None
                and (instant_rows := self._fit.get((now_us, horizon))) is not None
            ):
                self._gather(now_us, horizon, instant_rows)
            if (instant_rows := self._score.get((now_us, horizon))) is not None:
                rows = self.history.rows(instant_rows.accounts)
                self.unseen += int((rows < 0).sum())
                snapshot = self.history.table.snapshot(rows, now_us)
                self.risks[instant_rows.places] = risk_model.risk(self.models[horizon], snapshot)
                for k, feature in enumerate(self.probe):
                    self.probed[instant_rows.places, k] = values(feature, snapshot)

    def _gather(self, now_us: int, horizon: int, instant_rows: InstantRows) -> None:
        assert self._labels is not None  # there are rows to fit on
        gathered = self._gathered[horizon]
        snapshot = self.history.table.snapshot(self.history.rows(instant_rows.accounts), now_us)
        gathered.x.append(np.column_stack([values(f, snapshot) for f in gathered.names]))
        gathered.y.append(self._labels.churned[instant_rows.places])
        gathered.obs_us.append(np.full(len(instant_rows.places), now_us, np.int64))
        gathered.accounts += instant_rows.accounts

    def _levels_of_type(self, event_type: str) -> Sequence[Level]:
        """A type that comes for the first time gets features of its own, while there is room."""
        if (
            len(self._typed) >= feature_set.MOST_TYPES
            or self.mapping.judge(event_type).kind == "outcome"
        ):
            return ()
        self._typed.append(event_type)
        more: list[Level] = []
        for horizon, gathered in self._gathered.items():
            features = feature_set.of_type(horizon, event_type)
            gathered.names += features
            more += feature_set.levels_of(features)
        return more

    def _fit_all(self) -> None:
        for horizon, gathered in self._gathered.items():
            rows = self.fitted_on[horizon] = in_canonical_order(gathered, len(self._typed))
            verdict = select_model(rows, prior(horizon))
            self.verdicts[horizon] = verdict
            if verdict.model is not None:
                self.models[horizon] = verdict.model
        self._gathered = {}


def in_canonical_order(gathered: FeatureRows, types: int) -> OutcomeRows:
    """Rows by date and customer; features that came later are those of customers without such
    events before: their value then is that of nothing."""
    width = len(gathered.names)
    parts = [
        np.concatenate([x, np.zeros((len(x), width - x.shape[1]))], axis=1)
        if x.shape[1] < width
        else x
        for x in gathered.x
    ]
    x = np.concatenate(parts) if parts else np.zeros((0, width))
    y = np.concatenate(gathered.y) if parts else np.zeros(0)
    obs = np.concatenate(gathered.obs_us) if parts else np.zeros(0, np.int64)
    customers, numbers = np.unique(np.array(gathered.accounts, dtype=object), return_inverse=True)
    order = np.lexsort((y, numbers, obs))
    keep = (
        list(range(width))
        if types > 1
        else [i for i, f in enumerate(gathered.names) if "type:" not in f.source]
    )
    numbers = numbers.astype(np.int64)
    names = tuple(gathered.names[i] for i in keep)
    return OutcomeRows(
        names,
        x[order][:, keep],
        y[order],
        obs[order],
        numbers[order],
        [str(c) for c in customers.tolist()],
    )
