"""How fast tickets were answered and resolved: from the opening to the first answer, and to the
last resolution."""

from sqlalchemy import text

from healthsvc.core.portfolio.entries import ANSWERED, OPENED, RESOLVED
from healthsvc.store.customers.response_times import Response, responses
from healthsvc.store.database.engine import AsyncEngine

HOUR_US = 3_600_000_000
NOW_US = 1_000 * HOUR_US


async def test_time_to_first_answer_and_to_the_last_resolution_of_one_customers_tickets(
    engine: AsyncEngine,
) -> None:
    steps = [
        (1, 7, OPENED, 100),
        (1, 7, ANSWERED, 104),
        (1, 7, RESOLVED, 110),
        (1, 7, ANSWERED, 120),  # opened anew, so to say: the first answer stands
        (1, 7, RESOLVED, 130),
        (1, 8, OPENED, 200),
        (1, 8, ANSWERED, 202),
        (1, 9, OPENED, 300),  # waits
        (1, 10, OPENED, 5),  # too long ago
        (2, 7, ANSWERED, 101),  # another customer's
    ]
    async with engine.begin() as conn:
        for sequence, (customer, item, kind, hour) in enumerate(steps):
            await conn.execute(
                text(
                    "insert into ledger (customer_key, occurred_us, partition, sequence, kind,"
                    " item) values (:customer, :us, 0, :sequence, :kind, :item)"
                ),
                {
                    "customer": customer,
                    "us": hour * HOUR_US,
                    "sequence": sequence,
                    "kind": kind,
                    "item": item,
                },
            )
        found = await responses(conn, [1, 3], 50 * HOUR_US, NOW_US)

    assert found == {
        1: Response(
            tickets=3, answered=2, hours_to_first_answer=3.0, resolved=1, hours_to_resolution=30.0
        )
    }
