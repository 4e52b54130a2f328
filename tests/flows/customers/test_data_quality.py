"""Bad data isn't no data: what a customer sent and nobody could read is told beside its score."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from healthsvc.flows.customers.explanation import explain
from healthsvc.flows.customers.health import customer_health
from healthsvc.store.intake import log
from healthsvc.wire.events.named_customer import customer_of
from tests.flows.spine import append, installed, processing, scalar, wall
from tests.support.makers import as_json, make_event
from tests.support.waiting import until


@pytest.mark.parametrize(
    ("value", "headers", "customer"),
    [
        (
            b'{"customer_id": "acme", "type": "survey.answered", "data": {"score": 99}}',
            None,
            "acme",
        ),
        (b'{"specversion": "1.0", "subject": "acme"}', None, "acme"),
        (b"{}", [("ce_subject", b"acme")], "acme"),
        (b'{"subject": "not a customer"}', None, None),
        (b'{"customer_id": 7}', None, None),
        (b'{"customer_id": "a\\u0000b"}', None, None),
        (b'{"customer_id": "acme"', None, None),
        (b"\xff", None, None),
    ],
)
def test_a_record_that_is_no_event_may_still_name_its_customer(value, headers, customer):
    assert customer_of(value, headers) == customer


async def test_events_that_could_not_be_read_are_told_of_their_customer_by_reason(
    engine, database_url
):
    appender = await installed(engine, 1)
    bad = make_event(
        "survey.answered", id="b", customer_id="acme", data={"survey": "nps", "score": 99}
    )
    good = make_event(
        "feature.used", id="g", customer_id="acme", occurred_at=datetime.now(UTC).isoformat()
    )

    async def aside() -> bool:
        return bool(
            await scalar(engine, "select count(*) from dead_letters where customer_id = 'acme'")
        )

    async with processing(engine, database_url, wall):
        await append(appender, [good])
        async with engine.begin() as conn:
            await log.append(conn, [(0, as_json(bad))])
        await until(aside)
        found = await customer_health(engine, "acme", datetime.now(UTC))
        explained = await explain(engine, "acme", datetime.now(UTC))
        async with engine.begin() as conn:
            await conn.execute(text("update dead_letters set replayed_at = now()"))
        mended = await customer_health(engine, "acme", datetime.now(UTC))

    assert found is not None
    assert explained is not None
    assert mended is not None
    assert found.data_quality.rejected == 1
    assert sum(found.data_quality.reasons.values()) == 1
    assert explained.data_quality.rejected == 1
    assert mended.data_quality.rejected == 0
