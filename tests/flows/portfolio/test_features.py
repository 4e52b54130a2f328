"""Features by name: what a customer pays for and never used, from its events through the archive."""

from datetime import timedelta

from healthsvc.flows.alerts.worklist import Some
from healthsvc.flows.portfolio.features import CustomerFeatures, of_customer
from healthsvc.flows.portfolio.figures import portfolio
from healthsvc.flows.portfolio.unused_features import Idleness, customers
from healthsvc.store.portfolio.unused_features import UnusedFilter
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


async def unused(engine, idle: bool = False, limit: int = 50, cursor: str | None = None, **which):
    return await customers(
        engine,
        Some(limit=limit, cursor=cursor),
        UnusedFilter(**which),
        Idleness(counts=idle, after=timedelta(days=90)),
        wall(),
    )


async def test_who_never_used_what_they_pay_for_is_a_list_of_customers(engine, database_url):
    appender, now = await installed(engine), wall()
    await folded(
        engine,
        database_url,
        appender,
        [
            told(now, "a", 1, "customer.updated", features_owned=["sso", "export"], owner="kim"),
            told(now, "a", 1, "feature.used", feature="export"),
            told(now, "b", 1, "customer.updated", features_owned=["sso", "export"], tier="high"),
            *[told(now, "b", 150, "feature.used", feature=f) for f in ("sso", "export")],
            told(now, "c", 1, "customer.updated", features_owned=["export"]),
            told(now, "c", 1, "feature.used", feature="export"),
            told(now, "d", 200, "customer.updated", features_owned=["export"]),
            told(now, "d", 20, "subscription.cancelled"),
            told(now, "n", 1, "customer.updated", features_owned=9),
        ],
    )

    never = await unused(engine)
    lately = await unused(engine, idle=True)

    assert [(c.customer_id, c.never_used, c.idle) for c in never.page.items] == [("a", ["sso"], [])]
    assert never.page.items[0].owned == 2
    assert [c.customer_id for c in lately.page.items] == ["a", "b"]
    assert lately.page.items[1].idle == ["export", "sso"]
    assert [c.customer_id for c in (await unused(engine, idle=True, tier="high")).page.items] == [
        "b"
    ]
    assert (await unused(engine, feature="export")).page.items == []
    assert (await unused(engine, owner="lee")).page.items == []
    first = await unused(engine, idle=True, limit=1)
    second = await unused(engine, idle=True, limit=1, cursor=first.page.next_cursor)
    back = await unused(engine, idle=True, limit=1, cursor=second.page.prev_cursor)
    assert [page.page.items[0].customer_id for page in (first, second, back)] == ["a", "b", "a"]
    assert second.page.next_cursor is None
