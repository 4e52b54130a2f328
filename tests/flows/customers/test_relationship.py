"""Loyalty, fit and touch, through the log into the customer and the list."""

from datetime import datetime, timedelta
from typing import Any

from healthsvc.flows.customers.health import customer_health
from healthsvc.flows.customers.people import people as people_at
from healthsvc.flows.customers.rollup import ParentLink
from tests.flows.projections.test_rebuild import folded
from tests.flows.spine import installed, rows, wall
from tests.support.makers import make_event


def told(now: datetime, customer: str, days: float, type: str, **data: Any) -> dict[str, Any]:
    """So many days before now."""
    at = (now - timedelta(days=days)).isoformat()
    return make_event(type, customer_id=customer, data=data) | {"occurred_at": at}


def faithful(now: datetime, customer: str) -> list[dict[str, Any]]:
    """Two years there, renewed twice, recommends, uses the product six times a day; small, and tech
    touch."""
    return [
        told(now, customer, 730, "customer.updated", tier="tech", mrr=20, parent_id="group"),
        *[told(now, customer, days, "subscription.renewed") for days in (500, 200)],
        told(now, customer, 100, "referral.made", kind="referral"),
        told(now, customer, 1, "survey.answered", survey="nps", score=10),
        *[
            told(now, customer, days / 6, "feature.used", feature="export")
            for days in range(6 * 90)
        ],
        told(now, customer, 0, "feature.requested", feature="import"),
    ]


async def test_the_loyal_small_customer_is_listed_and_told_what_to_do_until_it_complains(
    engine, database_url
):
    appender = await installed(engine)
    await folded(
        engine,
        database_url,
        appender,
        [*faithful(wall(), "a"), told(wall(), "b", 0, "session.started")],
    )

    (listed,) = await rows(
        engine, "select loyalty, flags, parent_id, icp_fit from standings where customer_id = 'a'"
    )
    found = await customer_health(engine, "a", wall())
    assert found is not None
    assert abs(listed.loyalty - found.loyalty.score) < 10
    assert {"loyal", "promoter"} <= set(listed.flags)
    assert (listed.parent_id, listed.icp_fit, found.icp.fit) == ("group", None, None)
    assert {play.because: play.play.split(".")[0] for play in found.loyalty.plays} == {
        "promoter": "Thank them and ask for a referral",
        "loyal": "Thank them for their loyalty",
        "asks_for_more": "Pass the request on to the product team",
    }
    assert (found.touch.suggested, found.touch.agrees) == ("high", False)
    assert found.touch.sentence.startswith(
        "Your systems say tech touch; high touch is suggested: uses the product"
    )
    assert sum(part.points for part in found.loyalty.contributions) == found.loyalty.score

    portuguese = await customer_health(engine, "a", wall(), language="pt")
    assert portuguese is not None
    assert portuguese.touch.sentence.startswith(
        "Os seus sistemas indicam tech touch; a sugestão é high touch:"
    )
    assert {play.play.split(".")[0] for play in portuguese.loyalty.plays} == {
        "Agradeça e peça uma indicação",
        "Agradeça pela lealdade",
        "Encaminhe o pedido à equipe de produto",
    }
    assert portuguese.loyalty.contributions[0].why.startswith("Dois anos mostram mais do que")
    assert portuguese.stage_because != found.stage_because

    await folded(
        engine, database_url, appender, [told(wall(), "a", 0, "complaint.filed", complaint_id="1")]
    )
    upset = await customer_health(engine, "a", wall())
    assert upset is not None
    assert upset.loyalty.plays == []
    unknown = await customer_health(engine, "b", wall())
    assert unknown is not None
    assert (unknown.loyalty.score, unknown.touch.suggested) == (None, None)


async def test_who_leaves_is_neither_loyal_nor_listed_as_such(engine, database_url):
    appender = await installed(engine)
    await folded(engine, database_url, appender, faithful(wall(), "a"))
    await folded(engine, database_url, appender, [told(wall(), "a", 0, "subscription.cancelled")])

    (listed,) = await rows(engine, "select loyalty, flags from standings where customer_id = 'a'")
    assert (listed.loyalty, listed.flags) == (None, ["churned"])


async def test_a_parent_tells_how_its_children_are_whoever_calls_itself_its_parent(
    engine, database_url
):
    appender, now = await installed(engine), wall()
    used = [
        told(now, customer, days, "feature.used", feature="x")
        for customer in ("group", "fr", "de", "lab", "lone")
        for days in range(20)
    ]
    above = {
        "group": "lab",
        "fr": "group",
        "de": "group",
        "lab": "de",
        "lone": "nowhere",
    }  # group, de, lab: a circle
    placed = [
        told(now, c, 1, "customer.updated", parent_id=p, mrr=10 if c == "fr" else 30)
        for c, p in above.items()
    ]
    await folded(
        engine,
        database_url,
        appender,
        [*used, *placed, told(now, "fr", 0, "page.viewed", kind="cancel", url="https://x.test/")],
    )

    group, fr, lone = [
        await customer_health(engine, customer, wall()) for customer in ("group", "fr", "lone")
    ]
    assert group is not None
    assert fr is not None
    assert lone is not None
    below = group.children
    assert (below.count, below.descendants, below.depth, below.complete) == (
        2,
        3,
        2,
        True,
    )
    assert (below.worst.customer_id, below.worst.score, below.worst_band) == (
        "fr",
        20,
        "critical",
    )
    others = [await customer_health(engine, customer, wall()) for customer in ("de", "lab")]
    expected = (20 * 10 + sum(30 * other.score for other in others if other is not None)) / 70
    assert abs(below.score - expected) < 0.01
    assert group.parent == ParentLink(customer_id="lab", known=True, in_a_circle=True)
    assert fr.parent == ParentLink(customer_id="group", known=True, in_a_circle=False)
    assert lone.parent == ParentLink(customer_id="nowhere", known=False, in_a_circle=False)
    assert lone.children is None


async def test_the_people_at_a_customer_are_told_from_the_archive(engine, database_url):
    appender, now = await installed(engine), wall()

    def by(contact: str, days: float, type: str, **data: Any) -> dict[str, Any]:
        return told(now, "acme", days, type, **data) | {"contact_id": contact}

    events = [
        *[by("ada", days, "feature.used", feature="x") for days in (60, 50, 40)],
        by("ada", 3, "contact.logged", outcome="no_answer"),
        by("bob", 2, "session.started"),
        by("bob", 45, "survey.answered", survey="nps", score=3),
        by("bob", 1, "survey.answered", survey="nps", score=9),
        by("cyd", 9, "session.started"),
        by("cyd", 8, "champion.left"),
        told(now, "acme", 0, "customer.updated", attributes={"champion": "ada"}),
        {key: value for key, value in by("", 0, "session.started").items() if key != "contact_id"},
    ]
    await folded(engine, database_url, appender, events)

    found = await people_at(engine, "acme", wall())
    assert found is not None
    people = {person.contact_id: person for person in found.items}
    assert [(name, p.status, p.champion, p.events) for name, p in people.items()][:3] == [
        ("bob", "active", False, 3),
        ("cyd", "left", False, 1),
        ("ada", "quiet", True, 3),
    ]
    assert (people["bob"].nps, people["bob"].events_28_days) == (9, 2)
    assert people["ada"].contacted_at > people["ada"].last_seen_at
    assert found.complete
    assert await people_at(engine, "nobody", wall()) is None
