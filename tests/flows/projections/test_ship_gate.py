"""The ship gate: a fitted model goes live with a good backtest, or with a reason that is kept."""

from datetime import UTC, datetime
from typing import Any

from healthsvc.core.fit.gate import not_all_healthy
from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.core.risk.model import Model, Term
from healthsvc.core.risk.section import RiskRules, model_key
from healthsvc.flows.lab import runs
from healthsvc.flows.lab.fit import scorecard_with
from healthsvc.flows.lab.run import RunRequest
from healthsvc.flows.projections import publish, ship_gate
from healthsvc.flows.projections.publish import Begun, GateRefusal
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.lab import runs as stored
from healthsvc.wire.scorecards.document import default_document
from tests.flows.spine import append, installed, processing, reaches, wall
from tests.support.makers import make_actor, make_event
from tests.support.waiting import until

NOW = datetime.now(UTC)
GOOD = {"name": "lift_of_red", "passed": True, "detail": "lift 3.40, asked 3.00"}
BAD = {"name": "lift_of_red", "passed": False, "detail": "lift 1.20, asked 3.00"}
RULES = RiskRules(
    TypeMapping(),
    Model(
        "scaled_prior",
        "churn_probability",
        28 * DAY_US,
        -2.0,
        (Term(Feature("log_count", "act", 28 * DAY_US), (0.0, 5.0), (0.0, -1.0)),),
    ),
)


async def with_fitted_model(engine: AsyncEngine) -> int:
    document = scorecard_with(default_document(), RULES)
    return (await publish.keep(engine, document, by=make_actor("kim"), now=NOW))[0].version


async def judged(engine: AsyncEngine, *checks: dict[str, Any], base_rate: float = 0.2) -> None:
    """A finished run that speaks of the model."""
    await runs.ask(engine, RunRequest(kind="fit"), by=make_actor("kim"), now=NOW)
    gate = {"passed": all(c["passed"] for c in checks), "checks": list(checks)}
    async with engine.begin() as conn:
        run = await stored.claim(conn, "w", 60)
        assert run is not None
        result = {"gate": gate, "figures": {"base_rate": base_rate}}
        assert await stored.finish(conn, run.id, "w", result, model_key(RULES))


async def test_a_model_without_a_known_backtest_needs_a_reason_which_is_kept(
    engine: AsyncEngine,
) -> None:
    await installed(engine)
    version = await with_fitted_model(engine)

    refused = await publish.publish(engine, version, by=make_actor("kim"), now=NOW)
    begun = await publish.publish(
        engine, version, by=make_actor("kim"), now=NOW, override_reason="judged offline"
    )

    assert refused == GateRefusal([ship_gate.NO_BACKTEST])
    assert isinstance(begun, Begun)
    kept = await publish.find(engine, version)
    assert kept is not None
    assert kept.override_reason == "judged offline"


async def test_a_model_that_passed_goes_live_and_needs_no_reason(engine: AsyncEngine) -> None:
    await installed(engine)
    version = await with_fitted_model(engine)
    await judged(engine, GOOD)

    assert isinstance(
        await publish.publish(
            engine, version, by=make_actor("kim"), now=NOW, override_reason="why not"
        ),
        Begun,
    )
    kept = await publish.find(engine, version)
    assert kept is not None
    assert kept.override_reason is None


async def test_the_newest_backtest_decides_and_its_figures_are_told(engine: AsyncEngine) -> None:
    await installed(engine)
    version = await with_fitted_model(engine)
    await judged(engine, GOOD)
    await judged(engine, BAD)

    refused = await publish.publish(engine, version, by=make_actor("kim"), now=NOW)

    assert isinstance(refused, GateRefusal)
    assert "lift_of_red: lift 1.20, asked 3.00" in str(refused)


async def test_a_version_that_finds_nearly_everybody_healthy_is_held_unless_few_leave(
    engine: AsyncEngine, database_url: str
) -> None:
    appender = await installed(engine)
    events = [
        make_event(
            "session.started", id=f"{c}-{i}", customer_id=f"c{c}", data={"duration_seconds": 600}
        )
        for c in range(25)
        for i in range(10)
    ]
    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(lambda: reaches(engine, "c24", 10))
    lenient = (
        default_document()
        .replace("healthy: 70", "healthy: 3", 1)
        .replace("watch: 50", "watch: 2", 1)
    )
    lenient = lenient.replace("at_risk: 30", "at_risk: 1", 1)
    document = scorecard_with(lenient, RULES)
    version = (await publish.keep(engine, document, by=make_actor("kim"), now=NOW))[0]
    await judged(engine, GOOD, base_rate=0.3)
    often = await ship_gate.failing(engine, version, wall())
    await judged(engine, GOOD, base_rate=0.0)
    seldom = await ship_gate.failing(engine, version, wall())

    assert [check.name for check in often] == ["not_all_healthy"]
    assert often == [not_all_healthy(1.0, 0.3)]
    assert seldom == []
