"""What the field reads in a customer, through the log, the archive and the past."""

from datetime import datetime, timedelta
from typing import Any

from healthsvc.flows.customers import past
from healthsvc.flows.customers.explanation import explain
from healthsvc.flows.customers.health import customer_health
from healthsvc.flows.customers.insights import ExpansionGate
from tests.flows.projections.test_rebuild import folded
from tests.flows.spine import installed, rows, wall
from tests.support.makers import make_event


def happened(now: datetime, hours: float, type: str, **data: Any) -> dict[str, Any]:
    return make_event(type, data=data) | {"occurred_at": (now - timedelta(hours=hours)).isoformat()}


def looker(now: datetime) -> list[dict[str, Any]]:
    """A customer that uses the product for months, looks at prices and bills, and searches help for
    exports."""
    pages = [
        "/pricing",
        "/plans",
        "/billing",
        "/help/export",
        "/help/articles/77-export",
        "/docs/roles",
        "/support",
    ]
    return [
        *[happened(now, 24 * d + 5, "feature.used", feature="export") for d in range(60)],
        *[
            happened(now, 1 + n / 10, "page.viewed", url=f"https://x.test{path}")
            for n, path in enumerate(pages)
        ],
        happened(now, 48, "survey.answered", survey="nps", score=9),
        happened(now, 500, "customer.updated", name="Acme Ltd", stage="value"),
        happened(now, 400, "subscription.changed", mrr=400, previous_mrr=900),
    ]


async def test_prices_help_and_money_are_told_now_and_the_same_of_the_past(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, looker(wall()))
    now = wall()

    told = await explain(engine, "acme", now)
    assert told is not None
    review = told.price_review
    assert review is not None
    assert told.help_wanted is not None
    evidence = {r.reading: [s.sign for s in r.evidence] for r in review.readings}
    assert evidence == {
        "right_size": [],
        "doubts_the_cost": ["contraction"],
        "budget_review": ["billing_pages"],
        "thinks_of_an_upgrade": ["promoter", "spec_pages"],
    }
    assert review.likely is None
    assert review.sentence.startswith("Ambiguous")
    functions = [(f.function, f.times, len(f.events)) for f in told.help_wanted.functions]
    assert functions == [("export", 2, 2), ("roles", 1, 1)]
    assert told.help_wanted.sentence.startswith(
        "Acme Ltd is looking for help with export and roles."
    )
    assert [d.money.sign for d in told.disagreements] == ["contraction"]

    later = [happened(wall(), 0, "page.viewed", url="https://x.test/billing")]
    await folded(engine, database_url, appender, later)
    assert await past.explanation(engine, "acme", now) == told
    again = await explain(engine, "acme", wall(), "pt")
    assert again is not None
    assert again.price_review != review
    assert again.help_wanted is not None
    assert "procura ajuda" in again.help_wanted.sentence


async def test_a_price_alert_brings_its_readings_and_a_question(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, looker(wall()))

    (alert,) = await rows(engine, "select detail from alerts where kind = 'price_review'")
    briefing = alert.detail["briefing"]
    assert briefing["likely"] is None
    assert [r["reading"] for r in briefing["readings"] if r["evidence"]] == [
        "doubts_the_cost",
        "thinks_of_an_upgrade",
    ]
    assert set(briefing["question"]) == {"en", "pt"}


async def test_the_customer_says_whether_more_may_be_offered(engine, database_url):
    appender = await installed(engine)
    paying = [e for e in looker(wall()) if e["type"] != "subscription.changed"]
    await folded(engine, database_url, appender, paying)
    sound = await customer_health(engine, "acme", wall())
    complaint = [happened(wall(), 0, "complaint.filed", complaint_id="1")]
    await folded(engine, database_url, appender, complaint)
    fragile = await customer_health(engine, "acme", wall())

    assert sound is not None
    assert sound.expansion == ExpansionGate(open=True, reasons=[])
    assert fragile is not None
    assert not fragile.expansion.open
    assert fragile.expansion.reasons[0].why == "A complaint is open: resolve it first."
