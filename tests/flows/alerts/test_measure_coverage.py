"""A measure that no event has fed in 30 days is told to whoever operates the service, once, without
being asked."""

from datetime import UTC, datetime, timedelta

from healthsvc.flows.alerts import measure_coverage
from healthsvc.flows.alerts.measure_coverage import MeasureCoverage
from tests.flows.projections.test_rebuild import folded, story
from tests.flows.spine import installed, rows, wall

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def measure(name: str, days_ago: float | None, *, is_fed: bool = False) -> MeasureCoverage:
    return MeasureCoverage(
        measure=name,
        fed=is_fed,
        last_event_at=None if days_ago is None else NOW - timedelta(days=days_ago),
    )


def test_what_is_told_names_the_measures_and_begins_when_the_last_of_them_ceased() -> None:
    found = [measure("use", 1, is_fed=True), measure("nps", 45), measure("referrals", None)]
    told = measure_coverage.trouble_of(found, NOW - timedelta(days=90))
    assert told is not None
    assert "`nps` and `referrals`" in told.summary
    assert told.onset_at == NOW - timedelta(days=15)
    assert measure_coverage.trouble_of(found[:1], NOW) is None


async def test_it_is_told_once_and_not_before_there_are_thirty_days_to_look_at(
    engine, database_url
):
    appender = await installed(engine)
    await folded(engine, database_url, appender, story(5, 200))
    await measure_coverage.watch(engine, wall())
    young = await rows(engine, "select kind from alerts where customer_id is null")
    async with engine.begin() as conn:
        await conn.exec_driver_sql(
            "update customers set created_at = created_at - interval '40 days'"
        )

    await measure_coverage.watch(engine, wall())
    await measure_coverage.watch(engine, wall() + timedelta(hours=1))

    told = await rows(
        engine, "select kind, scope, severity, summary, state from alerts where customer_id is null"
    )
    assert young == []
    assert [(a.kind, a.scope, a.severity, a.state) for a in told] == [
        ("measures_unfed", "scorecard", "info", "open")
    ]
    assert "champion_left" in told[0].summary
    assert "feature_use" not in told[0].summary
