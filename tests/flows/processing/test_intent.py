"""Cancel intent that is shown again is told again, unless its alert is still open."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from tests.flows.spine import append, installed, processing, reaches, rows
from tests.support.clock import Clock
from tests.support.makers import make_event
from tests.support.waiting import until

CANCEL_PAGE = {"url": "https://app.example.com/account/cancel"}


async def alerts(engine) -> list[str]:
    found = await rows(
        engine, "select state from alerts where kind = 'cancel_intent' order by position"
    )
    return [row.state for row in found]


async def test_another_look_at_the_cancel_page_is_a_new_alert_once_the_first_was_closed(
    engine, database_url
):
    appender, clock = await installed(engine), Clock(datetime.now(UTC) - timedelta(hours=3))

    async def look(number: int) -> None:
        clock.advance(minutes=20)
        view = make_event(
            id=f"v{number}", customer_id="acme", occurred_at=clock().isoformat(), data=CANCEL_PAGE
        )
        await append(appender, [view])
        await until(lambda: reaches(engine, "acme", number))

    async with processing(engine, database_url, clock):
        await look(1)
        await look(2)
        while_open = await alerts(engine)
        async with engine.begin() as conn:
            await conn.execute(
                text(
                    "update alerts set state = 'resolved', resolved_by = 'jo', resolved_at = now()"
                )
            )
        await look(3)

    assert while_open == ["open"]
    assert await alerts(engine) == ["resolved", "open"]
