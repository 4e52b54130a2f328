"""What a run does that holds a kept version of the scorecard against the live one, on an exported
log: `compare` judges both risks on the same outcomes, `preview` says how the version's would lie
now. Where it can't, it says why."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from healthsvc.core.risk.section import RiskRules
from healthsvc.flows.lab.backtest import CannotJudgeError
from healthsvc.flows.lab.compare import compare, everyone, preview
from healthsvc.flows.lab.outcomes import OutcomeKind
from healthsvc.flows.lab.run import (
    OUTCOMES_AT,
    ReportProgress,
    outcomes,
    refuse_without_outcomes,
    without_nan,
)
from healthsvc.wire.scorecards.document import compile_document, default_document

SCORING_AT: Final = 0.5
OTHER_PAGES: Final = (
    "the version's page_kinds differ from the live scorecard's: "
    "what a cancel page is, the live one's said for both"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Options of a run that compares a version with the live one on the same outcomes."""

    kind: Literal["compare"] = "compare"
    version: int
    outcome: OutcomeKind = "cancelled"
    horizon_days: float = 28.0
    capacity: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewJob:
    """Options of a run that previews a version beside the live one."""

    kind: Literal["preview"] = "preview"
    version: int


ComparisonJob = Comparison | PreviewJob
KINDS: Final[Mapping[str, type[ComparisonJob]]] = {"compare": Comparison, "preview": PreviewJob}


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """The live scorecard and the version, as YAML; empty: the default one."""

    live: str
    version: str


def run_job(
    events: Path, job: ComparisonJob, documents: Documents, report: ReportProgress
) -> dict[str, Any]:
    """The result, ready for JSON: under the kind's name, None with the reason in `detail` where
    there is none.

    Raises ScorecardError.
    """
    same_pages = _pages(documents.live) == _pages(documents.version)
    result: dict[str, Any] = {"version": job.version, job.kind: None, "detail": ""}
    result["warnings"] = [] if same_pages else [OTHER_PAGES]
    live, new = (
        compile_document(d).program.risk_rules for d in (documents.live, documents.version)
    )
    if live is None or new is None:
        whose = "the live scorecard" if live is None else f"version {job.version}"
        result["detail"] = f"{whose} has no /risk section"
    elif isinstance(job, Comparison):
        result |= _compared(events, job, live, new, report)
    else:
        result |= _previewed(events, live, new, report)
    return without_nan(result)


def _compared(
    events: Path, job: Comparison, live: RiskRules, new: RiskRules, report: ReportProgress
) -> dict[str, Any]:
    """Both on the same rows, outcomes as the live scorecard's mapping has them."""
    report("finding outcomes", OUTCOMES_AT)
    labels, result = outcomes(events, live.mapping, job.outcome, job.horizon_days)
    try:
        refuse_without_outcomes(labels, job.horizon_days)
    except CannotJudgeError as error:
        return result | {"detail": str(error)}
    report("scoring by both", SCORING_AT)
    return result | {"compare": compare(events, labels, live, new, job.capacity, lambda _: None)}


def _previewed(
    events: Path, live: RiskRules, new: RiskRules, report: ReportProgress
) -> dict[str, Any]:
    """How the version's risks lie as of the log's last event."""
    rows = everyone(events, None, new.model.horizon_us)
    if not len(rows):
        return {"detail": "the archive has no events"}
    report("scoring by both", SCORING_AT)
    return {"preview": preview(events, rows, new, live, lambda _: None)}


def _pages(document: str) -> Any:
    return yaml.safe_load(document or default_document()).get("page_kinds")
