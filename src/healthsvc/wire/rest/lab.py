"""Runs of the lab."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Asked, ListAnswer, Told, example

LabRunKind = Literal["backtest", "fit", "drift", "compare", "preview", "replay"]


class LabRunCreate(Asked):
    """A run of the lab on the service's own archive."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "fit",
                    "outcome": "cancelled",
                    "horizon_days": 28,
                    "fit_share": 0.5,
                    "capacity": 25,
                },
            ],
            "if": {"properties": {"kind": {"enum": ["compare", "preview"]}}, "required": ["kind"]},
            "then": {"properties": {"version": {"type": "integer"}}, "required": ["version"]},
        }
    )

    kind: Annotated[
        LabRunKind,
        Field(
            description=(
                "backtest: fitted on the earlier dates, judged on the later; fit: then on all"
                " outcomes, too; drift: the live model against outcomes that have matured since it"
                " went live, over its own horizon; compare: the risk of a scorecard `version`"
                " judged beside the live one's on the same outcomes; preview: how the risk of a"
                " `version` would lie now, and who would move; no outcome is looked at; replay: the"
                " health score's bands over dates of the past, with only what was known then."
            )
        ),
    ]
    outcome: Annotated[
        Literal["cancelled", "silence"],
        Field(
            description=(
                "What counts as churn: an explicit act, or no act of the customer's over the"
                " horizon."
            )
        ),
    ] = "cancelled"
    horizon_days: Annotated[float, Field(ge=3, le=3650)] = 28.0
    fit_share: Annotated[
        float, Field(ge=0.2, le=0.9, description="Of the dates, those that the backtest fits on.")
    ] = 0.5
    capacity: Annotated[
        int, Field(ge=1, le=1_000_000, description="Customers whom the team can call per date.")
    ] = 25
    version: Annotated[
        int | None,
        Field(
            ge=1,
            le=2_147_483_647,
            description=(
                "Of compare, preview (which need it) and replay: a scorecard version, a draft too,"
                " to be held against the live one."
            ),
        ),
    ] = None
    dates: Annotated[
        int, Field(ge=2, le=520, description="Of replay: how many dates, the last of them now.")
    ] = 26
    every_days: Annotated[
        int, Field(ge=1, le=90, description="Of replay: days from one date to the next.")
    ] = 7
    known_by: Annotated[
        Literal["auto", "counted", "occurred"],
        Field(
            description=(
                "Of replay: an event is known when the service had counted it (scores are then"
                " those that were told), or when it had happened. auto: counted, unless most of the"
                " archive was counted more than three days after it happened, as an import is."
            )
        ),
    ] = "auto"


_RUN: JsonDict = {
    "id": 3,
    "kind": "fit",
    "options": {"outcome": "cancelled", "horizon_days": 28.0, "fit_share": 0.5, "capacity": 25},
    "state": "done",
    "phase": "done",
    "progress": 1.0,
    "failure": None,
    "requested_by": "ops",
    "requested_at": "2026-11-20T09:00:00Z",
    "started_at": "2026-11-20T09:00:01Z",
    "ended_at": "2026-11-20T09:00:41Z",
}
_RUN_RESULT: JsonDict = {
    "events": 1200000,
    "outcome": "cancelled",
    "horizon_days": 28.0,
    "rows": 41000,
    "churners": 410,
    "model": "additive",
    "reason": "fitted",
    "detail": "",
    "risk_kind": "churn_probability",
    "judged_from": "2026-06-01",
    "figures": {"auc": 0.79, "auc_error": 0.01, "base_rate": 0.01, "lift_top_tenth": 4.1},
    "beside": {"prior": {"auc": 0.75, "auc_error": 0.01}},
    "gate": {"passed": True, "may_ship": True, "override_reason": None, "checks": []},
    "warnings": [],
    "fitted_as_of": "2026-11-20T00:00:00+00:00",
    "model_data": {
        "horizon_days": 28.0,
        "model": {"name": "additive", "kind": "churn_probability"},
    },
    "scorecard": "name: default\n…",
}


class LabRunSummary(Told):
    """A run, without what came of it."""

    model_config = example(**_RUN)

    id: int
    kind: LabRunKind
    options: dict[str, Any]
    state: Annotated[
        Literal["queued", "running", "done", "failed"],
        Field(
            description=(
                "One is executed at a time; failed: see `failure`, which also tells who"
                " cancelled it."
            )
        ),
    ]
    phase: str
    progress: Annotated[float, Field(description="0 to 1, roughly.")]
    failure: str | None
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class LabRun(LabRunSummary):
    """A run with its result."""

    model_config = example(**_RUN, result=_RUN_RESULT)

    result: Annotated[
        dict[str, Any] | None,
        Field(
            description=(
                "Null until it is done. `model` and `reason` (`no_evidence`: the prior stays),"
                " figures on the dates judged and of what stands beside, the ship gate's checks;"
                " `scorecard`: the live document with the fitted model as YAML, ready for POST"
                " /v1/scorecards; null where the prior stays, and of a backtest. Of kind drift:"
                " `drift` with `alarm`, `intercept_off_by` in log-odds and its error, `told` and"
                " `happened`; null with a `detail` where nothing has matured or the live risk is a"
                " ranking. Of kind compare: `compare` with the figures of `one`, the live"
                " scorecard, and of `other`, the version; `auc_gain` of the version with its error,"
                " who enters and leaves the riskiest tenth (`red`), risk `steps`. Of kind preview:"
                " `preview` with the `distribution` of the version's risks and of the live one's,"
                " the `riskiest`, and `red`. Null with a `detail` where there are no outcomes or"
                " one has no `risk` section; `warnings` where the two read pages differently. Of"
                " kind replay: `live` and, with a `version`, `scorecard`: shares of the bands by"
                " date and segment, moves, flips, alerts, what red foretold; `against_live`: who is"
                " in another band. Null where the events of the archive give nobody a score;"
                " `warnings` say so."
            )
        ),
    ]


class LabRuns(ListAnswer[LabRunSummary]):
    """Runs, newest first."""

    model_config = example(items=[_RUN], next_cursor=None, prev_cursor=None)


class LabScheduleSet(Asked):
    """What the lab is to do by itself, in place of what was set before."""

    model_config = example(refit="monthly", drift="weekly", outcome="cancelled", horizon_days=28)

    refit: Annotated[
        Literal["weekly", "monthly"] | None,
        Field(description="A run of kind fit so often; it publishes nothing. Null: never."),
    ] = None
    drift: Annotated[
        Literal["daily", "weekly"] | None,
        Field(
            description=(
                "A run of kind drift so often, while the live model is a fitted one. Null: never."
            )
        ),
    ] = "weekly"
    outcome: Annotated[
        Literal["cancelled", "silence"], Field(description="What counts as churn.")
    ] = "cancelled"
    horizon_days: Annotated[float, Field(ge=3, le=3650, description="Of the refits.")] = 28.0


class LabSchedule(Told):
    """What the lab does by itself."""

    model_config = example(
        refit="monthly",
        drift="weekly",
        outcome="cancelled",
        horizon_days=28,
        set_by="ops",
        set_at="2026-11-20T09:00:00Z",
    )

    refit: Literal["weekly", "monthly"] | None
    drift: Literal["daily", "weekly"] | None
    outcome: Literal["cancelled", "silence"]
    horizon_days: float
    set_by: Annotated[str | None, Field(description="Null: nobody has set it.")]
    set_at: datetime | None
