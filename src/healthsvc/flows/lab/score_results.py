"""The results of `lab score`: the file of scores, and the summary that is printed as JSON."""

import csv
import gzip
import io
import re
from pathlib import Path
from typing import Any, Final

from healthsvc.core.arrays import Floats
from healthsvc.core.fit.model_selection import SelectedModel
from healthsvc.core.instants import DAY_US
from healthsvc.flows.lab.score import Scored, shared_horizons
from healthsvc.flows.lab.scoring_pass import ScoringPass
from healthsvc.wire.files.labels import Labels

MOST_TYPES: Final = 200
"""Types listed in the summary's mapping."""
_NEEDS_QUOTES: Final = re.compile('[,"\r\n]')


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
    counts = {h: int((shared_horizons(labels.horizon_us) == h).sum()) for h in scored.models}
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
        t: scoring_pass.mapping.judge(t) for t in list(scoring_pass.history.types)[:MOST_TYPES]
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
