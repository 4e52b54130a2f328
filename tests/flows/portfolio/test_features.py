"""Features by name: what a customer pays for and never used, from its events through the archive."""

from datetime import timedelta

from healthsvc.flows.portfolio.features import CustomerFeatures, of_customer
from healthsvc.flows.portfolio.figures import portfolio
from tests.flows.portfolio.test_figures import told
from tests.flows.projections.test_rebuild import folded
from tests.flows.spine import installed, wall


async def features(engine, customer: str, **options: object) -> CustomerFeatures:
    found = await of_customer(engine, customer, wall(), **options)
    assert found is not None
    return found


def uses(found: CustomerFeatures) -> dict[str, tuple[bool, str]]:
    return {item.name: (item.owned, item.use) for item in found.items}


async def test_what_is_paid_for_and_never_used_is_named_first(engine, database_url):
    appender, now = await installed(engine), wall()
    await folded(
        engine,
        database_url,
        appender,
        [
            told(now, "a", 1, "customer.updated", features_owned=["reports", "export", "sso"]),
            told(now, "a", 200, "customer.updated", features_owned=["old"]),  # comes late
            told(now, "a", 150, "feature.used", feature="export"),
            *[told(now, "a", days, "feature.used", feature="reports") for days in (40, 3)],
            told(now, "a", 2, "feature.used", feature="beta"),
        ],
    )

    found = await features(engine, "a")

    assert uses(found) == {
        "sso": (True, "never_used"),
        "export": (True, "idle"),
        "beta": (False, "used"),
        "reports": (True, "used"),
    }
    assert [item.name for item in found.items][:2] == ["sso", "export"]
    reports = found.items[-1]
    assert reports.first_used_at is not None
    assert reports.last_used_at is not None
    assert reports.last_used_at - reports.first_used_at == timedelta(days=37)
    assert uses(await features(engine, "a", idle_after=timedelta(days=365)))["export"][1] == "used"


async def test_a_plan_told_by_its_number_says_nothing_of_what_was_never_used(engine, database_url):
    appender, now = await installed(engine), wall()
    await folded(
        engine,
        database_url,
        appender,
        [
            told(now, "n", 2, "customer.updated", features_owned=["x", "y", "x"]),
            told(now, "n", 1, "customer.updated", features_owned=7),
            told(now, "n", 1, "feature.used", feature="x"),
            told(now, "quiet", 1, "session.started"),
        ],
    )

    found = await features(engine, "n")

    assert (found.names_known, uses(found)) == (False, {"x": (False, "used")})
    quiet = await features(engine, "quiet")
    assert (quiet.names_known, quiet.told_at, quiet.items) == (False, None, [])
    assert await of_customer(engine, "nobody", now) is None


async def test_names_count_once_each_in_the_portfolio(engine, database_url):
    appender, now = await installed(engine), wall()
    await folded(
        engine,
        database_url,
        appender,
        [
            told(now, "a", 120, "customer.updated", features_owned=["x", "y", "x", "z", "q"]),
            told(now, "a", 1, "feature.used", feature="x"),
        ],
    )

    figures = await portfolio(engine, now - timedelta(days=30), now, None)

    assert figures.total.measures["adoption"].value == 0.25
