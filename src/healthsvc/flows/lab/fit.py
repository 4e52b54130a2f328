"""`lab fit`: a model fitted on all outcomes known by an instant, as a scorecard document to be
published."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from healthsvc.core.events import BUILTIN_TYPES
from healthsvc.core.fit.model_selection import SelectedModel
from healthsvc.core.fit.numbers import probability_of_silence, stated_base_rate
from healthsvc.core.instants import DAY_US, from_us
from healthsvc.core.risk.mapping import KINDS, TypeMapping
from healthsvc.core.risk.model import Model, prior
from healthsvc.core.risk.section import RiskRules, as_data
from healthsvc.flows.lab.score import Tell, score
from healthsvc.flows.lab.score_results import summary
from healthsvc.wire.files.labels import Labels


@dataclass(frozen=True, slots=True)
class Fitted:
    """The model to be published (the prior, where there was no evidence), and what there is to
    say."""

    rules: RiskRules
    verdict: SelectedModel
    report: dict[str, Any]


def fit(
    events: Path, labelled: Labels, mapping: TypeMapping, as_of_us: int | None, tell: Tell
) -> Fitted:
    """Fit on the rows whose horizon ended by `as_of_us` (their latest end, if None). One horizon:
    the commonest."""
    horizons, counts = np.unique(labelled.horizon_us, return_counts=True)
    horizon_us = int(horizons[np.argmax(counts)])
    end_us = (
        as_of_us if as_of_us is not None else int((labelled.obs_us + labelled.horizon_us).max())
    )
    nobody = Labels(
        ["-"],
        ["-"],
        np.array([end_us], np.int64),
        np.array([horizon_us], np.int64),
        np.array([np.nan]),
        np.array([-1], np.int64),
    )
    scored = score(events, nobody, fit=labelled, mapping=mapping, tell=tell)
    model: Model = scored.models[horizon_us]
    report = summary(scored, nobody)
    for absent in ("rows", "rows_without_events"):
        report.pop(absent)
    report["as_of"] = from_us(end_us).isoformat()
    report["horizon_days"] = horizon_us / DAY_US
    return Fitted(RiskRules(mapping, model), scored.verdicts[horizon_us], report)


def number_prior(
    events: Path, labelled: Labels, mapping: TypeMapping, base_rate: float | None, tell: Tell
) -> tuple[RiskRules, dict[str, Any]]:
    """The prior as a number without outcomes: the probability of silence of `known` rows made from
    the log's silences, or, where the operator states one, a base rate that the customers of the
    last date have on average."""
    horizon_us = int(labelled.horizon_us[0])
    plain = prior(horizon_us)
    scores = score(events, labelled, mapping=mapping, tell=tell).risks
    odds = np.log(scores) - np.log1p(-scores)
    if base_rate is not None:
        numbered: Model | None = stated_base_rate(
            plain, odds[labelled.obs_us == labelled.obs_us.max()], base_rate
        )
    else:
        numbered = probability_of_silence(plain, odds, labelled.churned)
    model = numbered or plain
    reason = "no_evidence"
    if numbered is not None:
        reason = "silence" if base_rate is None else "stated_base_rate"
    report = {
        "model": model.name,
        "reason": reason,
        "risk_kind": model.kind,
        "horizon_days": horizon_us / DAY_US,
        "rows": len(labelled),
        "silent": float(labelled.churned.mean()),
    }
    return RiskRules(mapping, model), report


def scorecard_with(document: str, rules: RiskRules) -> str:
    """The scorecard document with this risk section in place of its own."""
    data = yaml.safe_load(document)
    data["risk"] = as_data(rules)
    if data.get("event_types") is not None:
        mapping = data["risk"].pop("mapping", {})
        data["event_types"] = _part(mapping, builtin=False) | {"default": rules.mapping.default}
        data["risk"] |= {"mapping": part} if (part := _part(mapping, builtin=True)) else {}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def _part(mapping: Mapping[str, Any], *, builtin: bool) -> dict[str, list[str]]:
    """What a mapping says of built-in types, or of the operator's own."""
    roles = {k: types for k, types in mapping.items() if k in KINDS}
    parts = {k: [t for t in types if (t in BUILTIN_TYPES) is builtin] for k, types in roles.items()}
    return {kind: types for kind, types in parts.items() if types}
