"""Loyalty, fit and touch, through the log into the customer and the list."""

from datetime import datetime, timedelta
from typing import Any

from healthsvc.flows import read
from tests.flows.spine import installed, rows, wall
from tests.flows.test_rebuild import folded
from tests.support.makers import make_event


def told(now: datetime, customer: str, days: float, type: str, **data: Any) -> dict[str, Any]:
    """So many days before now."""
    at = (now - timedelta(days=days)).isoformat()
    return make_event(type, customer_id=customer, data=data) | {"occurred_at": at}


def faithful(now: datetime, customer: str) -> list[dict[str, Any]]:
    """Two years there, renewed twice, recommends, uses the product six times a day; small, and tech touch."""
    return [
        told(now, customer, 730, "customer.updated", tier="tech", mrr=20, parent_id="group"),
        *[told(now, customer, days, "subscription.renewed") for days in (500, 200)],
        told(now, customer, 100, "referral.made", kind="referral"),
        told(now, customer, 1, "survey.answered", survey="nps", score=10),
        *[told(now, customer, days / 6, "feature.used", feature="export") for days in range(6 * 90)],
        told(now, customer, 0, "feature.requested", feature="import"),
    ]


async def test_the_loyal_small_customer_is_listed_and_told_what_to_do_until_it_complains(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, [*faithful(wall(), "a"), told(wall(), "b", 0, "session.started")])

    (listed,) = await rows(engine, "select loyalty, flags, parent_id, icp_fit from standings where customer_id = 'a'")
    found = await read.customer(engine, "a", wall())
    assert found is not None
    assert abs(listed.loyalty - found["loyalty"]["score"]) < 10
    assert {"loyal", "promoter"} <= set(listed.flags)
    assert (listed.parent_id, listed.icp_fit, found["icp"]["fit"]) == ("group", None, None)
    assert {play["because"]: play["play"].split(",")[0] for play in found["loyalty"]["plays"]} == {
        "promoter": "Ask for a referral.",
        "loyal": "Nurture",
        "asks_for_more": "Pass the request on to product",
    }
    assert (found["touch"]["suggested"], found["touch"]["agrees"]) == ("high", False)
    assert found["touch"]["sentence"].startswith("Your systems say tech; high is suggested: uses the product")
    assert sum(part["points"] for part in found["loyalty"]["contributions"]) == found["loyalty"]["score"]

    await folded(engine, database_url, appender, [told(wall(), "a", 0, "complaint.filed", complaint_id="1")])
    upset = await read.customer(engine, "a", wall())
    assert upset is not None
    assert upset["loyalty"]["plays"] == []
    unknown = await read.customer(engine, "b", wall())
    assert unknown is not None
    assert (unknown["loyalty"]["score"], unknown["touch"]["suggested"]) == (None, None)


async def test_who_leaves_is_neither_loyal_nor_listed_as_such(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, faithful(wall(), "a"))
    await folded(engine, database_url, appender, [told(wall(), "a", 0, "subscription.cancelled")])

    (listed,) = await rows(engine, "select loyalty, flags from standings where customer_id = 'a'")
    assert (listed.loyalty, listed.flags) == (None, ["churned"])
