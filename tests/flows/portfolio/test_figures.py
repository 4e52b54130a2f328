"""The portfolio's figures, from events through the log and the archive into the ledger."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text

from healthsvc.flows.portfolio.figures import portfolio
from healthsvc.store.portfolio import ledger
from healthsvc.telemetry import DEAD_LETTERS
from healthsvc.wire.events.catalogue import BUILTIN_TYPES
from tests.flows.projections.test_rebuild import folded
from tests.flows.spine import installed, processing, reaches, rows, scalar, wall
from tests.support.makers import as_json, make_event
from tests.support.waiting import until

QUARTER = timedelta(days=90)


def told(now: datetime, customer: str, days: float, type: str, **data: Any) -> dict[str, Any]:
    """So many days before now."""
    at = (now - timedelta(days=days)).isoformat()
    return make_event(type, customer_id=customer, data=data) | {"occurred_at": at}


def fleet(now: datetime) -> list[dict[str, Any]]:
    """Two of tier high, one of which leaves and one grows; one of none that asks for support and
    answers."""
    return [
        told(now, "a", 120, "customer.updated", tier="high", mrr=100, features_owned=4),
        told(now, "a", 30, "subscription.changed", mrr=150, previous_mrr=100),
        *[
            told(now, "a", days, "feature.used", feature=f)
            for days, f in ((1, "x"), (2, "x"), (27, "y"), (40, "z"))
        ],
        told(now, "b", 120, "customer.updated", tier="high", mrr=300, features_owned=5),
        told(
            now,
            "b",
            20,
            "subscription.cancelled",
            effective_at=(now - timedelta(days=10)).isoformat(),
        ),
        told(
            now, "b", 0.01, "contact.logged", outcome="neutral"
        ),  # history alone is decided later, and has no group
        told(now, "c", 110, "session.started"),
        told(now, "c", 50, "ticket.opened", ticket_id="t1"),
        told(now, "c", 49, "ticket.resolved", ticket_id="t1"),
        *[
            told(now, "c", days, "survey.answered", survey="nps", score=s)
            for days, s in ((100, 3), (50, 10), (40, 7))
        ],
        told(now, "c", 39, "survey.answered", survey="csat", score=5),
        told(
            now,
            "c",
            39,
            "page.viewed",
            url="https://x.test/?q=%22customer.updated%22",
            title='"customer.updated"',
        ),
    ]


async def test_each_figure_of_a_period_and_its_trend_by_tier(engine, database_url):
    appender, now = await installed(engine), wall()
    await folded(engine, database_url, appender, fleet(now))
    end = wall()
    found = await portfolio(engine, end - QUARTER, end, "tier")

    assert [part.name for part in found.parts] == ["high", None]
    high, none = found.parts
    assert high.counts | {"mrr_at_end": 150.0} == high.counts
    assert (
        high.counts["customers_at_start"],
        high.counts["lost"],
        high.counts["functions_owned"],
    ) == (2, 1, 4)
    measures = {
        name: figure.value for name, figure in high.measures.items() if figure.value is not None
    }
    assert measures == {
        "retention_rate": 0.5,
        "churn_rate": 0.5,
        "grr": 0.25,
        "nrr": 0.375,
        "adoption": 0.5,
    }
    assert none.measures["nps"].value == 50
    assert none.measures["nps"].previous == -100
    assert none.measures["nps"].change == 150
    assert round(none.measures["hours_to_resolution"].value or 0, 6) == 24
    assert none.measures["csat"].value == 1
    assert found.total.counts["customers_at_start"] == 3
    assert (found.events_waiting, found.kept_from) == (0, None)
    assert found.total.measures["retention_rate"].previous is None  # nobody was there before


async def test_steps_of_any_size_and_at_any_time_make_the_same_ledger(engine, database_url):
    appender, now = await installed(engine), wall()
    await folded(engine, database_url, appender, fleet(now))
    steps = 0
    while waiting := await _step(engine, 2):
        steps += 1
        assert waiting > 0
    assert steps > 1
    end = wall()
    before = await portfolio(engine, end - QUARTER, end, "tier")
    await folded(
        engine,
        database_url,
        appender,
        [told(wall(), "d", 0, "customer.updated", tier="tech", mrr=1)],
    )
    await _everything_again(engine, before, end)


async def _step(engine, size: int) -> int:
    async with engine.begin() as conn:
        found = await ledger.catch_up(conn, size)
    assert found is not None
    return found


async def _everything_again(engine, before, end) -> None:
    """The ledger of all steps is the one that is taken at once."""
    tables = ("ledger", "ledger_customers", "ledger_functions")
    await _step(engine, 1000)
    stepwise = {
        table: sorted(map(str, await rows(engine, f"select * from {table}"))) for table in tables
    }
    async with engine.begin() as conn:
        await conn.execute(
            text("truncate ledger, ledger_customers, ledger_functions, ledger_marks")
        )
    assert await _step(engine, 1000) == 0
    assert {
        table: sorted(map(str, await rows(engine, f"select * from {table}"))) for table in tables
    } == stepwise
    again = await portfolio(engine, end - QUARTER, end, "tier")
    assert again.parts[0] == before.parts[0]


async def test_a_period_whose_events_are_not_all_kept_has_no_figures_and_says_so(
    engine, database_url
):
    appender, now = await installed(engine), wall()
    await folded(engine, database_url, appender, fleet(now))
    async with engine.begin() as conn:
        await conn.execute(text("delete from archive where sequence = 0"))
    end = wall()
    found = await portfolio(engine, end - QUARTER, end, None)

    assert found.kept_from is not None
    assert await scalar(engine, "select count(*) from ledger") > 0
    assert set(found.total.counts.values()) == {None}
    assert {figure.value for figure in found.total.measures.values()} == {None}
    later = await portfolio(engine, end - timedelta(microseconds=1), end, None)
    assert later.total.counts["customers_at_end"] is not None
    assert later.total.measures["nps"].previous is None


async def test_an_event_that_cannot_be_read_is_set_aside_and_all_others_are_in_the_figures(
    engine, database_url
):
    appender, now = await installed(engine, 1), wall()
    await folded(engine, database_url, appender, fleet(now))
    bad = told(now, "d", 5, "ticket.opened", ticket_id="t9")
    await folded(engine, database_url, appender, [bad])
    async with engine.begin() as conn:
        await conn.execute(
            text(
                """update archive set event = '"ticket.opened"' || event where event like '%"t9"%'"""
            )
        )
    counted = DEAD_LETTERS.labels("unreadable")._value.get()
    end = wall()
    found = await portfolio(engine, end - QUARTER, end, None)

    assert found.events_waiting == 0
    assert (found.total.counts["customers_at_start"], found.total.counts["mrr_at_end"]) == (3, 150)
    letters = await rows(
        engine, "select origin, topic, position, reason, customer_id from dead_letters"
    )
    assert [tuple(letter) for letter in letters] == [
        ("archive", "ledger", len(fleet(now)), "unreadable", "d")
    ]
    assert DEAD_LETTERS.labels("unreadable")._value.get() == counted + 1


HARMLESS: dict[str, dict[str, Any]] = {
    "subscription.changed": {"mrr": 150},
    "subscription.renewed": {"mrr": 150},
    "ticket.answered": {"ticket_id": "never opened"},
    "ticket.resolved": {"ticket_id": "never opened"},
    "customer.updated": {"tier": "high"},
    "feature.used": {"feature": "x"},
    "session.started": {},
}
"""Events that leave the figures of `fleet` as they are."""
DECLARED = {
    type: {
        field.name for field in msgspec.structs.fields(BUILTIN_TYPES[type].__annotations__["data"])
    }
    for type in HARMLESS
}
ODD = (
    "x",
    "",
    "NaN",
    "Infinity",
    "1e400",
    " 12 ",
    True,
    None,
    [],
    {},
    [[1]],
    {"a": "b"},
    -0.0,
    10**30,
    "\ud7ff",
    "é" * 900,
)
"""Values where a number, an instant or an id would be expected."""
FIELDS = (
    "mrr",
    "previous_mrr",
    "features_owned",
    "score",
    "survey",
    "ticket_id",
    "effective_at",
    "feature",
    "kind",
    "value",
)


async def test_fields_that_a_type_does_not_know_are_in_no_figure(engine, database_url):
    appender, now = await installed(engine), wall()
    await folded(engine, database_url, appender, fleet(now))
    end = wall()
    before = await portfolio(engine, end - QUARTER, end, "tier")

    undeclared = [
        told(
            now,
            "a",
            5,
            type,
            **data,
            **{name: odd for name in FIELDS if name not in DECLARED[type]},
        )
        for type, data in HARMLESS.items()
        for odd in ODD
    ]
    await folded(engine, database_url, appender, undeclared)
    after = await portfolio(engine, end - QUARTER, end, "tier")

    assert after.events_waiting == 0
    assert (after.total, after.parts) == (before.total, before.parts)
    assert await scalar(engine, "select count(*) from dead_letters") == 0


async def test_a_declared_number_that_rounds_to_zero_is_zero(engine, database_url):
    appender, now = await installed(engine, 1), wall()
    tiny = told(now, "a", 1, "customer.updated", mrr=0.5) | {}
    written = as_json(tiny).replace("0.5", "1e-400")
    async with processing(engine, database_url, wall):
        await appender.append([("a", written)])
        await until(lambda: reaches(engine, "a", 1))
    end = wall()
    found = await portfolio(engine, end - QUARTER, end, None)

    assert (found.events_waiting, found.total.counts["mrr_at_end"]) == (0, 0)


async def test_a_type_written_with_escapes_is_in_the_figures(engine, database_url):
    appender, now = await installed(engine, 1), wall()
    written = as_json(told(now, "a", 1, "subscription.changed", mrr=70)).replace(
        "subscription.", "subscription\\u002e"
    )
    async with processing(engine, database_url, wall):
        await appender.append([("a", written)])
        await until(lambda: reaches(engine, "a", 1))
    end = wall()
    found = await portfolio(engine, end - QUARTER, end, None)

    assert found.total.counts["mrr_at_end"] == 70


async def test_a_cancellation_takes_effect_on_the_date_that_it_names(engine, database_url):
    appender, now = await installed(engine, 1), wall()
    dated = [
        told(
            now,
            customer,
            9,
            "subscription.cancelled",
            effective_at=f"{now + timedelta(days=days):%Y-%m-%d}",
        )
        for customer, days in (("stays", 5), ("left", -5))
    ]
    before = [told(now, customer, 20, "session.started") for customer in ("stays", "left")]
    await folded(engine, database_url, appender, [*before, *dated])
    end = wall()
    found = await portfolio(engine, end - timedelta(days=15), end, None)

    assert (found.total.counts["customers_at_start"], found.total.counts["customers_at_end"]) == (
        2,
        1,
    )
