"""A customer that changes its place is judged by another variant at once: told as configuration,
raising no alert."""

from datetime import timedelta
from typing import Any

import pytest
import yaml

from healthsvc.flows.customers import diff, past
from healthsvc.flows.customers.explanation import explain
from healthsvc.flows.customers.health import customer_health
from healthsvc.wire.scorecards.document import default_document
from tests.flows.projections.test_rebuild import build, folded, published
from tests.flows.spine import installed, wall
from tests.support.makers import make_event

LABS: dict[str, Any] = {
    "name": "labs",
    "when": {"segment": "labs"},
    "measures": {"sessions": {"share": 3}},
    "flags": {"silent": {"days": 1, "cap": 10}},
}


async def history(engine) -> list[tuple[str, str, float | None]]:
    async with engine.connect() as conn:
        rows = await conn.exec_driver_sql(
            "select cause, band, score from history order by decided_at, ctid"
        )
        return [(r.cause, r.band, r.score) for r in rows]


async def test_a_change_of_segment_judges_anew_at_once_without_a_rebuild_and_without_an_alert(
    engine, database_url
):
    now = wall()
    appender = await installed(engine)
    use = [
        make_event("feature.used", id=f"u{n}", data={"feature": "export"})
        | {"occurred_at": (now - timedelta(days=1.5 + n)).isoformat()}
        for n in range(20)
    ]
    await folded(engine, database_url, appender, use)
    document = yaml.safe_load(default_document()) | {"name": "ours", "variants": [LABS]}
    await published(engine, yaml.safe_dump(document, sort_keys=False))
    assert await build(engine)
    before, since = await customer_health(engine, "acme", wall()), wall()

    moved = make_event("customer.updated", id="m", data={"segment": "labs"}) | {
        "occurred_at": wall().isoformat()
    }
    await folded(engine, database_url, appender, [moved])
    at = wall()
    after, told = (
        await customer_health(engine, "acme", at),
        await explain(engine, "acme", at),
    )
    change = await diff.between(engine, "acme", since, at)

    assert before is not None
    assert after is not None
    assert (before.variant, after.variant) == (None, "labs")
    assert "silent" in after.flags
    assert after.score <= 10 < before.score
    assert told is not None
    assert told.variant == "labs"
    then = await past.explanation(engine, "acme", at)
    assert then is not None
    assert then == told
    assert change is not None
    points = {part.kind: part.points for part in change.parts}
    assert points["configuration"] == pytest.approx(change.change, abs=0.1)
    assert points["new_events"] == pytest.approx(0, abs=0.1)
    assert (change.first.variant, change.last.variant) == (None, "labs")
    assert (await history(engine))[-1][0] == "variant"
    async with engine.connect() as conn:
        alerts = (
            await conn.exec_driver_sql("select kind from alerts where customer_id = 'acme'")
        ).all()
    assert alerts == []
