"""`lab score`: each row of an outcome file scored with what was known at its instant; the same core
that runs live."""

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Floats
from healthsvc.core.fit.model_selection import SelectedModel
from healthsvc.core.instants import DAY_US, from_us
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
MOST_TYPES_TOLD: Final = 200

_NEEDS_QUOTES: Final = re.compile('[,"\r\n]')

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


def score(
    events: Path,
    labels: Labels,
    *,
    fit: Labels | None = None,
    mapping: TypeMapping,
    tell: Tell = lambda _: None,
    models: Mapping[int, Model] | None = None,
    probe: Callable[[int], Sequence[Feature]] = lambda _: (),
) -> Scored:
    """Replay the log and score each row; with `fit`, models are first fitted on the outcomes known
    by the first row.

    models: instead of the prior, by horizon; probe: features to keep of the scored rows, by the
    shortest horizon.
    """
    notes: list[str] = []
    shared = _shared_horizons(labels.horizon_us)
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


def _shared_horizons(horizon_us: NDArray[np.int64]) -> NDArray[np.int64]:
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


# What is told
# ------------------------------------------------------------------------------------------------


def write_scores(path: Path, labels: Labels, risks: Floats) -> None:
    """account_id, obs_ts, risk in the rows' order; gzip where the name ends in .gz."""
    columns = zip(labels.accounts, labels.obs, map(repr, risks.tolist()), strict=True)
    if any(_NEEDS_QUOTES.search(account) for account in dict.fromkeys(labels.accounts)):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(columns)
        text = buffer.getvalue()
    else:
        text = "".join([f"{account},{obs},{risk}\n" for account, obs, risk in columns])
    data = f"account_id,obs_ts,risk\n{text}".encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.name.endswith(".gz") else data)


def summary(scored: Scored, labels: Labels) -> dict[str, Any]:
    """What was done, ready for JSON."""
    models = [_model_summary(scored, h) for h in sorted(scored.models)]
    counts = {h: int((_shared_horizons(labels.horizon_us) == h).sum()) for h in scored.models}
    main = models[sorted(scored.models).index(max(counts, key=lambda h: (counts[h], -h)))]
    result: dict[str, Any] = {
        "rows": len(labels),
        "model": main["model"],
        "reason": main["reason"],
        "risk_kind": main["risk_kind"],
        "horizon_days": main["horizon_days"],
        "models": models,
        "mapping": _mapping_summary(scored.scoring_pass),
        "events": {
            "read": scored.tally.rows,
            "set_aside": scored.tally.bad,
            "folded": scored.scoring_pass.history.events,
            "after_the_last_row": scored.scoring_pass.history.after,
            "sorted": scored.sorted_first,
        },
        "rows_without_events": scored.scoring_pass.unseen,
        "warnings": _warnings(scored),
    }
    if scored.purged is not None:
        result["fit_rows"] = {
            "used": len(scored.purged.usable),
            "dropped_horizon_too_late": scored.purged.too_late,
            "dropped_without_outcome": scored.purged.censored,
            "dropped_already_gone": scored.purged.already_gone,
            "dropped_other_horizon": scored.purged.other_horizon,
            "sampled_out": scored.purged.sampled_out,
        }
    return result


def _model_summary(scored: Scored, horizon_us: int) -> dict[str, Any]:
    model, verdict = scored.models[horizon_us], scored.verdicts.get(horizon_us)
    result: dict[str, Any] = {
        "horizon_days": horizon_us / DAY_US,
        "model": model.name,
        "reason": verdict.reason if verdict else "no_outcomes_given",
        "risk_kind": model.kind,
        "terms": [term.feature.name for term in model.terms],
    }
    if verdict is not None:
        result |= verdict_summary(verdict)
    return result


def verdict_summary(verdict: SelectedModel) -> dict[str, Any]:
    """What a fit came to, ready for JSON."""
    result: dict[str, Any] = {
        "detail": verdict.detail,
        "churners": verdict.churners,
        "others": verdict.others,
        "folds": {"how": verdict.folds, "count": verdict.fold_count},
        "ladder": [
            {
                "model": s.candidate,
                "log_loss": s.log_loss,
                "behind_the_best": s.behind.value,
                "standard_error": s.behind.error,
            }
            for s in verdict.steps
        ],
        "intercept_moved_by": verdict.shift,
    }
    if verdict.behaviour_auc is not None:
        result["behaviour_auc"] = {
            "value": verdict.behaviour_auc.value,
            "error": verdict.behaviour_auc.error,
        }
    return result


def _mapping_summary(scoring_pass: ScoringPass) -> dict[str, dict[str, str]]:
    judgements = {
        t: scoring_pass.mapping.judge(t) for t in list(scoring_pass.history.types)[:MOST_TYPES_TOLD]
    }
    return {t: {"kind": j.kind, "by": j.how} for t, j in judgements.items()}


def _warnings(scored: Scored) -> list[str]:
    scoring_pass, tally = scored.scoring_pass, scored.tally
    warnings = list(scored.notes)
    judgements = {t: scoring_pass.mapping.judge(t) for t in scoring_pass.history.types}
    assumed = [t for t, j in judgements.items() if j.how == "assumed"]
    if assumed:
        names = ", ".join(repr(t) for t in assumed[:10]) + (" …" if len(assumed) > 10 else "")
        warnings.append(
            f"not recognised, counted as {scoring_pass.mapping.default}: {names}; say what they are"
            " with --mapping"
        )
    if judgements and not any(j.kind == "act" for j in judgements.values()):
        warnings.append(
            "no type counts as the customer's own act: the prior can't rank; say what the types are"
            " with --mapping"
        )
    if not scoring_pass.history.events:
        warnings.append(
            "no event lies before any row: all rows get the risk of a customer without events"
        )
    if scored.sorted_first:
        warnings.append("the events weren't in the order of time and have been sorted by ts")
    if tally.naive:
        warnings.append(f"{tally.naive:,} times had no offset and were taken as UTC")
    if tally.unreadable_values:
        warnings.append(f"{tally.unreadable_values:,} values aren't numbers and were left out")
    if tally.bad:
        warnings.append(
            f"{tally.bad:,} event rows were set aside, among them: " + "; ".join(tally.examples[:3])
        )
    if scoring_pass.unseen:
        warnings.append(f"{scoring_pass.unseen:,} rows are of customers without events up to then")
    return warnings + [w for v in scored.verdicts.values() for w in v.warnings]
