"""The risk that the service tells is the lab's, to the bit, says what it is, and explains
itself."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from healthsvc.core.instants import DAY_US, to_us
from healthsvc.flows.customers.explanation import explain
from healthsvc.flows.customers.health import customer_health
from healthsvc.flows.lab.compare import risks_of
from healthsvc.wire.files.labels import Labels
from healthsvc.wire.scorecards.document import compile_document
from tests.flows.lab import logs
from tests.flows.spine import append, installed, processing, reaches, wall
from tests.support.makers import make_event
from tests.support.waiting import until

NOW = datetime.now(UTC).replace(microsecond=0)
HISTORY = [(days, "payment_failed" if days % 7 == 0 else "login") for days in range(40, 0, -1)]


async def test_the_service_and_the_lab_give_the_same_risk_at_the_same_instant(
    engine, database_url, tmp_path: Path
):
    appender = await installed(engine)
    moments = [(NOW - timedelta(days=days), kind) for days, kind in HISTORY]
    events = [
        make_event(kind, id=f"e{i}", customer_id="acme", occurred_at=at.isoformat(), data={})
        for i, (at, kind) in enumerate(moments)
    ]

    async with processing(engine, database_url, wall):
        await append(appender, events)
        await until(lambda: reaches(engine, "acme", len(events)))
        live = await customer_health(engine, "acme", NOW)
        explained = await explain(engine, "acme", NOW)

    assert live is not None
    assert explained is not None
    assert (live.risk_is, live.risk_model, live.risk_horizon_days) == (
        "ranking",
        "prior",
        28,
    )
    assert live.risk == explained.risk == _lab(moments, tmp_path)
    log_odds = explained.risk_reference_log_odds + sum(
        c.log_odds for c in explained.risk_contributions
    )
    assert math.isclose(1 / (1 + math.exp(-log_odds)), live.risk, rel_tol=1e-12)


def _lab(moments: list[tuple[datetime, str]], folder: Path) -> float:
    rules = compile_document("").program.risk_rules
    assert rules is not None
    path = logs.write_events(
        folder / "e.csv.gz", [("acme", at.isoformat(), kind, "") for at, kind in moments]
    )
    row = Labels(
        accounts=["acme"],
        obs=["now"],
        obs_us=np.array([to_us(NOW)], np.int64),
        horizon_us=np.array([28 * DAY_US], np.int64),
        churned=np.array([np.nan]),
        churn_us=np.array([-1], np.int64),
    )
    return float(risks_of(path, row, rules, lambda _: None)[0])
