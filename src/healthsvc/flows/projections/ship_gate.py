"""The ship gate at publishing: a fitted model goes live only if a backtest of it is known and good
enough.

The prior needs none, nor does a model that is or was live: going back must always be possible.
"""

from datetime import datetime
from typing import Any, Final

from healthsvc.core.fit.gate import GateCheck, not_all_healthy
from healthsvc.core.risk.section import model_key
from healthsvc.flows.projections.preview import preview
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.lab import runs
from healthsvc.store.projections import live_projection
from healthsvc.store.projections.scorecards import Version
from healthsvc.wire.scorecards.document import compile_document

SAMPLE: Final = 200
LEAST_SAMPLE: Final = 20
"""With fewer customers in bands their distribution says nothing, and isn't checked."""
NO_BACKTEST: Final = GateCheck(
    "known_backtest",
    False,
    "no backtest of this model is known; POST /v1/lab/runs fits one on the archive and judges it",
)


async def failing(engine: AsyncEngine, version: Version, now: datetime) -> list[GateCheck]:
    """What keeps a version from being published; empty: nothing."""
    rules = compile_document(version.document).program.risk_rules
    if version.published_at is not None or rules is None or rules.model.name == "prior":
        return []
    async with engine.connect() as conn:
        live = compile_document((await live_projection.live(conn)).document).program.risk_rules
        if live is not None and model_key(live) == model_key(rules):
            return []
        run = await runs.of_model(conn, model_key(rules))
    if run is None or run.result is None or run.result["gate"] is None:
        return [NO_BACKTEST]
    failed = [_check(check) for check in run.result["gate"]["checks"] if not check["passed"]]
    healthy = await _healthy(
        engine, version.document, float(run.result["figures"]["base_rate"]), now
    )
    return [*failed, *([healthy] if healthy is not None and not healthy.passed else [])]


def _check(check: dict[str, Any]) -> GateCheck:
    return GateCheck(check["name"], check["passed"], check["detail"])


async def _healthy(
    engine: AsyncEngine, document: str, base_rate: float, now: datetime
) -> GateCheck | None:
    """Whether too many customers of a sample would be in the best band; None where too few are in
    any."""
    sample = await preview(engine, document, now, sample=SAMPLE)
    bands = [band.name for band in compile_document(document).scorecard.bands]
    banded = sum(sample.after[band] for band in bands)
    return (
        not_all_healthy(sample.after[bands[0]] / banded, base_rate)
        if banded >= LEAST_SAMPLE
        else None
    )
