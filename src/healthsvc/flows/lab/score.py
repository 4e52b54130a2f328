"""`lab score`: each row of an outcome file scored with what was known at its instant; the same core
that runs live."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats
from healthsvc.core.fit.model_selection import SelectedModel
from healthsvc.core.instants import from_us
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.core.risk.model import Model
from healthsvc.flows.lab.history import OutOfOrderError, in_order, replay
from healthsvc.flows.lab.scoring_pass import Purged, ScoringPass, by_instant, purge
from healthsvc.wire.files.columns import EventColumns, read_events
from healthsvc.wire.files.labels import Labels
from healthsvc.wire.files.row_groups import RowTally

MOST_HORIZONS: Final = 6
"""Different horizons with models of their own; with more, rows share the model of the nearest of so
many."""


Tell = Callable[[str], None]
"""Says how far it is: on standard error."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Risks in the rows' order, and what there is to say."""

    risks: Floats
    models: dict[int, Model]
    verdicts: dict[int, SelectedModel]
    purged: Purged | None
    scoring_pass: ScoringPass
    tally: RowTally
    sorted_first: bool
    notes: list[str] = field(default_factory=list)


def _ignore_note(note: str) -> None:
    """Nobody reads along."""


def _no_features(horizon_us: int) -> Sequence[Feature]:
    return ()


def score(
    events: Path,
    labels: Labels,
    *,
    fit: Labels | None = None,
    mapping: TypeMapping,
    tell: Tell = _ignore_note,
    models: Mapping[int, Model] | None = None,
    probe: Callable[[int], Sequence[Feature]] = _no_features,
) -> Scored:
    """Replay the log and score each row; with `fit`, models are first fitted on the outcomes known
    by the first row.

    models: instead of the prior, by horizon; probe: features to keep of the scored rows, by the
    shortest horizon.
    """
    notes: list[str] = []
    shared = shared_horizons(labels.horizon_us)
    if len(np.unique(shared)) != len(np.unique(labels.horizon_us)):
        notes.append(
            f"more than {MOST_HORIZONS} horizons: rows share the models of the nearest of"
            f" {MOST_HORIZONS}"
        )
    grouped = replace(labels, horizon_us=shared)
    horizons = sorted(set(shared.tolist()))
    purged, used = None, None
    if fit is not None:
        near = _nearest(fit.horizon_us, horizons) if notes else fit.horizon_us
        purged = purge(
            fit,
            int(labels.obs_us.min()),
            horizons if not notes else sorted(set(fit.horizon_us.tolist())),
        )
        used = replace(fit, horizon_us=near)
        tell(_purge_sentence(purged, len(fit), int(labels.obs_us.min())))
    to_score = by_instant(grouped, np.arange(len(labels)))
    gathered = by_instant(used, purged.usable) if used is not None and purged is not None else None

    def new_pass() -> ScoringPass:
        return ScoringPass(
            mapping=mapping,
            horizons=horizons,
            score=to_score,
            fit=gathered,
            fit_labels=used,
            rows=len(labels),
            models=models,
            probe=probe(horizons[0]),
        )

    scoring_pass, tally, sorted_first = _replayed(events, new_pass, tell)
    return Scored(
        scoring_pass.risks,
        scoring_pass.models,
        scoring_pass.verdicts,
        purged,
        scoring_pass,
        tally,
        sorted_first,
        notes,
    )


def _replayed(
    events: Path, begin: Callable[[], ScoringPass], tell: Tell
) -> tuple[ScoringPass, RowTally, bool]:
    """In the file's order, if that is the order of time; else once more, sorted."""
    for sorting in (False, True):
        tally = RowTally()
        groups = in_order(events, tally) if sorting else read_events(events, tally)
        scoring_pass = begin()
        try:
            replay(
                scoring_pass.history,
                _with_progress(groups, tally, tell),
                scoring_pass.moments,
                scoring_pass.halt,
            )
        except OutOfOrderError:
            tell(f"{events} isn't in the order of time: reading it whole, sorting by ts")
            continue
        return scoring_pass, tally, sorting
    raise AssertionError("a sorted log is in order")


def _with_progress(
    groups: Iterator[EventColumns], tally: RowTally, tell: Tell
) -> Iterator[EventColumns]:
    reported = 0
    for group in groups:
        yield group
        if tally.rows - reported >= 1_000_000:
            reported = tally.rows
            tell(
                f"{reported:,} events read, up to {from_us(int(group.us[-1])):%Y-%m-%d}"
                if len(group)
                else ""
            )


def shared_horizons(horizon_us: NDArray[np.int64]) -> NDArray[np.int64]:
    distinct = np.unique(horizon_us)
    if len(distinct) <= MOST_HORIZONS:
        return horizon_us
    shared = np.unique(np.quantile(distinct, np.linspace(0, 1, MOST_HORIZONS), method="nearest"))
    return _nearest(horizon_us, shared.tolist())


def _nearest(horizon_us: NDArray[np.int64], horizons: Sequence[int]) -> NDArray[np.int64]:
    among = np.array(horizons, np.int64)
    distance = np.abs(np.log(horizon_us)[:, None] - np.log(among)[None, :])
    nearest: NDArray[np.int64] = among[np.argmin(distance, axis=1)]
    return nearest


def _purge_sentence(purged: Purged, rows: int, before_us: int) -> str:
    dropped = [
        f"{count:,} {why}"
        for count, why in (
            (
                purged.too_late,
                (
                    f"whose horizon ends after {from_us(before_us):%Y-%m-%d %H:%M}, the first"
                    " instant to score"
                ),
            ),
            (purged.censored, "without an outcome"),
            (purged.already_gone, "that had left before they were observed"),
            (purged.other_horizon, "of horizons that no row to score has"),
            (purged.sampled_out, "of customers left out by sampling"),
        )
        if count
    ]
    return f"fit: {len(purged.usable):,} of {rows:,} rows; dropped: " + (
        "; ".join(dropped) if dropped else "none"
    )
