"""One silence is one alert, also in the database: it is escalated, told as such, and ends with the
silence."""

from datetime import UTC, datetime, timedelta

import jsonschema_rs
from sqlalchemy import text

from healthsvc.wire.webhooks.registry import TYPES
from tests.flows.spine import append, applied, installed, processing, rows, scalar
from tests.support.clock import Clock
from tests.support.makers import make_event
from tests.support.waiting import until
from tests.support.webhook_catalogue import closed


async def test_a_silence_with_the_renewal_near_is_the_same_alert_escalated(engine, database_url):
    appender, clock = await installed(engine, 1), Clock(datetime.now(UTC))
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "insert into endpoints (id, url, event_types, secret) values ('ep',"
                " 'https://x.test', '{}', 's')"
            )
        )
    uses = [
        make_event("feature.used", id=f"u{n}", customer_id="acme", occurred_at=clock().isoformat())
        for n in range(5)
    ]

    async def counts(events: int) -> None:
        async def reached() -> bool:
            return await applied(engine) == events

        await until(reached)

    async def alerted(kind: str) -> None:
        async def there() -> bool:
            return bool(
                await scalar(engine, "select count(*) from alerts where kind = :kind", kind=kind)
            )

        await until(there)

    async with processing(engine, database_url, clock):
        await append(appender, uses)
        await counts(5)
        clock.advance(days=14, minutes=1)
        await alerted("silent")
        first = await rows(engine, "select id, severity from alerts")
        renewal = {"renewal_at": (clock() + timedelta(days=60)).isoformat()}
        told = make_event(
            "customer.updated",
            id="p",
            customer_id="acme",
            occurred_at=clock().isoformat(),
            data=renewal,
        )
        await append(appender, [told])
        await alerted("silent_before_renewal")
        await append(
            appender,
            [
                make_event(
                    "feature.used", id="b", customer_id="acme", occurred_at=clock().isoformat()
                )
            ],
        )
        await counts(7)

    after = await rows(
        engine,
        "select id, kind, severity, state, detail, resolved_at, resolved_actor, condition_ended_at"
        " from alerts where kind like 'silent%'",
    )
    assert [row.severity for row in first] == ["warning"]
    assert [(r.id, r.kind, r.severity, r.state) for r in after] == [
        (first[0].id, "silent_before_renewal", "critical", "resolved")
    ]
    assert after[0].detail["before"]["kind"] == "silent"
    assert after[0].condition_ended_at == after[0].resolved_at
    assert after[0].resolved_actor == {
        "kind": "rule",
        "id": None,
        "name": "released",
        "via_key": None,
    }
    messages = await rows(
        engine,
        "select type, body::jsonb as body, body::jsonb -> 'data' as data from messages where type"
        " like 'alert.%' and body::jsonb -> 'data' ->> 'id' = :id order by created_at",
        id=first[0].id,
    )
    assert [m.type for m in messages] == ["alert.raised", "alert.escalated", "alert.resolved"]
    for message in messages:
        jsonschema_rs.validator_for(
            closed(TYPES[message.type].schema()), validate_formats=True
        ).validate(message.body)
    assert messages[1].data["previous_kind"] == "silent"
    assert messages[0].data["sequence"] < messages[1].data["sequence"]
