"""A customer with more items of a kind than are kept says so."""

from datetime import timedelta

from healthsvc.core.folding.items.kind import MOST
from healthsvc.flows.customers.health import customer_health
from tests.flows.projections.test_rebuild import folded
from tests.flows.spine import installed, wall
from tests.support.makers import make_event


async def test_the_profile_tells_before_when_tickets_count_as_settled(engine, database_url):
    started = wall() - timedelta(days=10)
    opened = [
        make_event(
            "ticket.opened",
            customer_id="acme",
            occurred_at=(started + timedelta(hours=n)).isoformat(),
            data={"ticket_id": f"t{n}"},
        )
        for n in range(MOST + 1)
    ]
    await folded(engine, database_url, await installed(engine, 1), opened)
    health = await customer_health(engine, "acme", wall())
    assert health is not None
    assert health.profile["items_settled_before"] == started
