"""Deliveries from the outbox to real receivers on loopback, through a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from healthsvc.core.delivery import Answer, NoAnswer, Outcome, Outgoing, Silence
from healthsvc.flows.delivery import deliver
from healthsvc.flows.delivery.deliver import Deliverer
from healthsvc.flows.delivery.ports import DeliveryLimits, Send
from healthsvc.flows.delivery.upkeep import sweep
from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.store.database import schema
from healthsvc.store.database.engine import AsyncEngine, create_engine
from healthsvc.store.database.keyset import Place
from healthsvc.store.database.listen import Listener
from healthsvc.store.database.secrets import Vault, new_signing_secret
from healthsvc.store.delivery import deliveries, endpoints
from healthsvc.store.delivery.outbox import CHANNEL
from healthsvc.webhooks.address_guard import Policy
from healthsvc.webhooks.sender import Sender
from tests.store.delivery.outbox import VAULT, enqueue, make_endpoint, make_message, rows, states
from tests.support.clock import Clock
from tests.support.waiting import PATIENCE_SECONDS, until
from tests.webhooks.receiver import HangUpError, Received, Write, receiving, replying

LOOPBACK = Policy.of(allowed=["127.0.0.0/8"])


def real_now() -> datetime:
    return datetime.now(UTC)


def middle() -> float:
    return 0.5


class Rig:
    """Starts deliverers on one database, and stops them."""

    def __init__(self, engine: AsyncEngine, database_url: str, now: Callable[[], datetime]) -> None:
        self.engine, self.database_url, self.now = engine, database_url, now
        self.started = 0

    @asynccontextmanager
    async def delivering(
        self,
        *,
        sender: Send | None = None,
        limits: DeliveryLimits | None = None,
        vault: Vault = VAULT,
    ) -> AsyncIterator[asyncio.Task[None]]:
        """A deliverer that runs until the block ends, and then drains."""
        self.started += 1
        stop = asyncio.Event()
        async with (
            Listener(self.database_url) as wake,
            Sender(LOOPBACK, deadline_seconds=PATIENCE_SECONDS) as own,
        ):
            deliverer = Deliverer(
                self.engine,
                sender or own,
                now=self.now,
                notifications=wake,
                vault=vault,
                worker_id=f"w{self.started}",
                chance=middle,
                limits=limits,
            )
            task = asyncio.create_task(deliverer.run(stop))
            try:
                yield task
            finally:
                stop.set()
                await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result()

    async def settled(self, endpoint_id: str, expected: list[str]) -> None:
        async def same() -> bool:
            return await states(self.engine, endpoint_id) == expected

        await until(same)


@pytest.fixture
def rig(engine: AsyncEngine, database_url: str, clock: Clock) -> Rig:
    """Under a clock that stands still until the test moves it."""
    return Rig(engine, database_url, clock)


async def nudge(engine: AsyncEngine) -> None:
    """Let deliverers look at once, now that the clock was moved."""
    await rows(engine, "select pg_notify(:channel, '')", channel=CHANNEL)


async def attempts(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    found = await rows(
        engine, "select attempt, status, outcome from attempts order by delivery_id, attempt"
    )
    return [tuple(row.values()) for row in found]


# ------------------------------------------------------------------------------------------ the way


async def test_a_message_arrives_signed_and_is_recorded(rig: Rig, engine: AsyncEngine) -> None:
    async with receiving(replying(200, b"thanks")) as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        message = make_message()
        async with rig.delivering():
            await enqueue(engine, message)
            (got,) = await receiver.got(1)
            await rig.settled(endpoint.id, ["delivered"])

    assert got.id == message.id
    assert got.headers["webhook-timestamp"] == str(int(rig.now().timestamp()))
    assert await rows(engine, "select attempt, status, outcome, response from attempts") == [
        {"attempt": 1, "status": 200, "outcome": "delivered", "response": "thanks"}
    ]


@pytest.fixture
def rig_in_real_time(engine: AsyncEngine, database_url: str) -> Rig:
    return Rig(engine, database_url, real_now)


async def test_an_idle_deliverer_hears_of_a_message_without_any_poll(
    rig_in_real_time: Rig, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "POLL_SECONDS", 2 * PATIENCE_SECONDS)
    async with receiving() as receiver:
        await make_endpoint(engine, receiver.url)
        async with rig_in_real_time.delivering():
            for number in range(1, 21):
                await asyncio.sleep(0.02)
                await enqueue(engine, make_message())
                await receiver.got(number)


async def test_what_was_enqueued_while_nobody_delivered_is_delivered_at_the_start(
    rig: Rig, engine: AsyncEngine
) -> None:
    async with receiving() as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        await enqueue(engine, *(make_message() for _ in range(30)))
        async with rig.delivering():
            await rig.settled(endpoint.id, ["delivered"] * 30)

    assert len(set(receiver.ids)) == len(receiver.ids) == 30
    assert receiver.connections <= 8


async def test_two_deliverers_share_the_work_without_sending_twice(
    rig: Rig, engine: AsyncEngine
) -> None:
    async with receiving() as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        async with rig.delivering(), rig.delivering():
            await enqueue(engine, *(make_message() for _ in range(60)))
            await rig.settled(endpoint.id, ["delivered"] * 60)

    assert len(set(receiver.ids)) == len(receiver.ids) == 60


async def test_during_a_rotation_both_secrets_verify_and_afterwards_the_new_one_alone(
    rig: Rig, engine: AsyncEngine, clock: Clock
) -> None:
    new = new_signing_secret()
    async with receiving() as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        async with engine.begin() as conn:
            sealed = VAULT.encrypt(new, endpoint.id)
            await endpoints.rotate(conn, endpoint.id, sealed, clock() + timedelta(hours=24))
        async with rig.delivering():
            await enqueue(engine, make_message())
            await rig.settled(endpoint.id, ["delivered"])
            clock.advance(hours=25)
            await enqueue(engine, make_message())
            await rig.settled(endpoint.id, ["delivered"] * 2)

    during, after = (each.headers["webhook-signature"].split(" ") for each in receiver.received)
    assert (len(during), len(after)) == (2, 1)


# ----------------------------------------------------------------------------------------- failures


async def test_failed_tries_follow_the_schedule_under_one_id_each_signed_anew(
    rig: Rig, engine: AsyncEngine, clock: Clock
) -> None:
    async with receiving(script=[replying(500, b"no"), replying(404)]) as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        async with rig.delivering():
            await enqueue(engine, make_message())
            for count, wait in enumerate((5, 300), start=1):
                await receiver.got(count)
                await until(lambda count=count: _recorded(engine, count))
                clock.advance(seconds=wait - 0.1)
                await nudge(engine)
                await asyncio.sleep(0.1)
                assert len(receiver.received) == count
                clock.advance(seconds=0.2)
                await nudge(engine)
            await rig.settled(endpoint.id, ["delivered"])

    assert len(set(receiver.ids)) == 1
    assert len({each.headers["webhook-timestamp"] for each in receiver.received}) == 3
    assert await attempts(engine) == [
        (1, 500, "server_error"),
        (2, 404, "client_error"),
        (3, 200, "delivered"),
    ]


async def _recorded(engine: AsyncEngine, count: int) -> bool:
    return len(await attempts(engine)) == count


async def test_retry_after_is_waited_for(rig: Rig, engine: AsyncEngine, clock: Clock) -> None:
    async with receiving(script=[replying(429, retry_after="100")]) as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        async with rig.delivering():
            await enqueue(engine, make_message())
            await until(lambda: _recorded(engine, 1))
            clock.advance(seconds=99)
            await enqueue(engine, make_message())
            await asyncio.sleep(0.1)
            assert len(receiver.received) == 1, "the endpoint is left alone as a whole"
            clock.advance(seconds=15)
            await nudge(engine)
            await rig.settled(endpoint.id, ["delivered", "delivered"])


async def test_a_redirect_is_a_failure_and_not_followed(rig: Rig, engine: AsyncEngine) -> None:
    async with (
        receiving() as elsewhere,
        receiving(replying(301, location=elsewhere.url)) as receiver,
    ):
        endpoint = await make_endpoint(engine, receiver.url)
        async with rig.delivering():
            await enqueue(engine, make_message())
            await until(lambda: _recorded(engine, 1))

        assert elsewhere.connections == 0
    assert await states(engine, endpoint.id) == ["pending"]
    assert await attempts(engine) == [(1, 301, "redirect")]


async def test_an_endpoint_that_is_gone_is_switched_off_and_the_others_are_told(
    rig: Rig, engine: AsyncEngine
) -> None:
    async with receiving(replying(410)) as gone, receiving() as other:
        endpoint = await make_endpoint(
            engine, gone.url, types=["alert.raised", "endpoint.disabled"]
        )
        await make_endpoint(engine, other.url, types=["endpoint.disabled"])
        async with rig.delivering():
            await enqueue(engine, make_message())
            (told,) = await other.got(1)
            await enqueue(engine, make_message())
            await asyncio.sleep(0.1)

    assert len(gone.received) == 1
    assert told.json()["data"] == {
        "endpoint_id": endpoint.id,
        "url": gone.url,
        "reason": "gone",
        "failing_since": None,
    }
    assert await states(engine, endpoint.id) == ["aborted"]
    assert await rows(
        engine, "select state, disabled_reason from endpoints where id = :id", id=endpoint.id
    ) == [{"state": "disabled", "disabled_reason": "gone"}]


async def test_an_endpoint_that_failed_for_five_days_is_switched_off(
    rig: Rig, engine: AsyncEngine, clock: Clock
) -> None:
    off_after: list[int] = []
    async with receiving(replying(500)) as receiver:
        await make_endpoint(engine, receiver.url)
        async with rig.delivering():
            for count in range(
                1, 14
            ):  # one try each ten hours, as a failing endpoint rests while the clock stands
                await enqueue(engine, make_message())
                await until(lambda count=count: _recorded(engine, count))
                off_after += [count] * len(
                    await rows(engine, "select 1 from endpoints where state = 'disabled'")
                )
                clock.advance(hours=10)

    assert off_after == [13]
    (row,) = await rows(engine, "select disabled_reason from endpoints")
    assert row["disabled_reason"] == "failing"


async def test_what_is_exhausted_is_told_to_the_others_once_and_so_is_a_late_success(
    rig: Rig, engine: AsyncEngine, clock: Clock
) -> None:
    async with receiving(replying(500)) as failing, receiving() as other:
        endpoint = await make_endpoint(engine, failing.url, types=["alert.raised"])
        await make_endpoint(engine, other.url, types=["delivery.exhausted", "delivery.recovered"])
        await enqueue(engine, make_message(id="msg_1"))
        await rows(engine, "update deliveries set attempt = 9 returning 1")
        async with rig.delivering():
            (exhausted,) = await other.got(1)
            await rig.settled(endpoint.id, ["exhausted"])
            failing.always = replying(200)
            clock.advance(minutes=1)
            async with engine.begin() as conn:
                (row,) = await deliveries.page(conn, endpoint.id, Place(limit=10))
                await deliveries.replay(conn, row.id)
            _, recovered = await other.got(2)
            await rig.settled(endpoint.id, ["delivered"])

    assert exhausted.json()["type"] == "delivery.exhausted"
    assert recovered.json()["type"] == "delivery.recovered"
    assert exhausted.json()["data"] | {"outcome": "", "attempts": 0} == {
        "delivery_id": row.id,
        "endpoint_id": endpoint.id,
        "url": failing.url,
        "message_id": "msg_1",
        "message_type": "alert.raised",
        "attempts": 0,
        "outcome": "",
    }


async def test_two_endpoints_that_fail_dont_tell_each_other_for_ever(
    rig: Rig, engine: AsyncEngine
) -> None:
    async with receiving(replying(500)) as one, receiving(replying(500)) as two:
        await make_endpoint(engine, one.url)
        await make_endpoint(engine, two.url)
        await enqueue(engine, make_message("delivery.exhausted"))
        await rows(engine, "update deliveries set attempt = 9 returning 1")
        async with rig.delivering():
            await until(lambda: _recorded(engine, 2))

    assert len(await rows(engine, "select * from messages")) == 1


async def test_a_message_that_the_receiver_turns_away_is_not_tried_again(
    rig: Rig, engine: AsyncEngine
) -> None:
    async with receiving(replying(400, webhook_delivery="abort-message")) as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        async with rig.delivering():
            await enqueue(engine, make_message())
            await rig.settled(endpoint.id, ["aborted"])

    assert await rows(engine, "select failing_since from endpoints") == [{"failing_since": None}]


async def test_a_secret_that_doesnt_open_costs_its_delivery_a_try_and_no_other(
    rig: Rig, engine: AsyncEngine
) -> None:
    async with receiving() as receiver:
        sealed_elsewhere = await make_endpoint(engine, receiver.url)
        await rows(
            engine,
            "update endpoints set secret = 'x' where id = :id returning 1",
            id=sealed_elsewhere.id,
        )
        fine = await make_endpoint(engine, receiver.url)
        async with rig.delivering():
            await enqueue(engine, make_message())
            await rig.settled(fine.id, ["delivered"])
            await until(lambda: _recorded(engine, 2))

    assert await states(engine, sealed_elsewhere.id) == ["pending"]
    assert (1, None, "fault") in await attempts(engine)


# --------------------------------------------------------------------------- others are not delayed


async def test_dead_endpoints_dont_delay_the_others(
    rig_in_real_time: Rig, engine: AsyncEngine
) -> None:
    limits, over = (
        DeliveryLimits(concurrency=16, per_endpoint=4, lease=timedelta(minutes=5)),
        asyncio.Event(),
    )

    async def hang(received: Received, write: Write) -> None:
        await over.wait()
        raise HangUpError

    async with receiving(hang) as hanging, receiving() as well:
        for _ in range(3):
            await make_endpoint(engine, hanging.url)
        await make_endpoint(engine, "http://127.0.0.1:1/refuses")
        lively = await make_endpoint(engine, well.url)
        await enqueue(engine, *(make_message() for _ in range(20)))
        async with rig_in_real_time.delivering(limits=limits):
            await hanging.got(3)
            await rig_in_real_time.settled(lively.id, ["delivered"] * 20)
            for number in range(21, 31):
                await enqueue(engine, make_message())
                await well.got(number)
            assert len(hanging.received) == 3, "all of them still hang"
            over.set()


async def test_endpoints_that_begin_to_hang_together_dont_delay_the_others(
    rig_in_real_time: Rig, engine: AsyncEngine
) -> None:
    limits, over = DeliveryLimits(concurrency=64, lease=timedelta(minutes=5)), asyncio.Event()

    async def hang(received: Received, write: Write) -> None:
        await over.wait()
        raise HangUpError

    async with receiving() as fickle, receiving() as well:
        nine = [await make_endpoint(engine, fickle.url) for _ in range(9)]
        lively = await make_endpoint(engine, well.url)
        async with rig_in_real_time.delivering(limits=limits):
            await enqueue(engine, *(make_message() for _ in range(20)))
            for endpoint in (*nine, lively):
                await rig_in_real_time.settled(endpoint.id, ["delivered"] * 20)
            fickle.always = hang
            await enqueue(engine, *(make_message() for _ in range(8)))
            await fickle.got(9 * 21)
            for number in range(29, 61):
                await enqueue(engine, make_message())
                await well.got(number)
            await rig_in_real_time.settled(lively.id, ["delivered"] * 60)
            failed = "select 1 from attempts where outcome <> 'delivered'"
            assert await rows(engine, failed) == [], "all of the nine still hang"
            over.set()


async def test_sixty_of_two_hundred_endpoints_that_hang_at_a_start_dont_delay_the_others(
    rig_in_real_time: Rig, engine: AsyncEngine
) -> None:
    over = asyncio.Event()

    async def hang(received: Received, write: Write) -> None:
        await over.wait()
        raise HangUpError

    async with receiving(hang) as hanging, receiving() as well:
        for number in range(200):
            await make_endpoint(engine, hanging.url if number < 60 else well.url)
        await enqueue(engine, *(make_message() for _ in range(3)))
        async with rig_in_real_time.delivering(limits=LONG_LEASE):
            await hanging.got(60)
            await well.got(140 * 3)
            assert len(hanging.received) == 60, "each of them hangs in its first try"
            over.set()

    assert len(set(well.ids)) == 3
    assert len(well.ids) == 140 * 3


async def test_a_try_that_takes_long_leaves_its_slot_to_others(
    rig_in_real_time: Rig, engine: AsyncEngine
) -> None:
    over = asyncio.Event()

    async def hang(received: Received, write: Write) -> None:
        await over.wait()
        raise HangUpError

    async with receiving(hang) as hanging, receiving() as well:
        await make_endpoint(engine, hanging.url)
        new = await make_endpoint(engine, well.url)
        await enqueue(engine, make_message())
        one_slot_on_probation = DeliveryLimits(concurrency=4, lease=timedelta(minutes=5))
        async with rig_in_real_time.delivering(limits=one_slot_on_probation):
            await rig_in_real_time.settled(new.id, ["delivered"])
            assert len(hanging.received) == 1
            over.set()


async def test_a_dead_endpoints_backlog_is_probed_not_hammered(
    rig: Rig, engine: AsyncEngine, clock: Clock
) -> None:
    async with receiving(replying(500)) as receiver:
        await make_endpoint(engine, receiver.url)
        # A single message: the rest after a failure is a share of the time since the first one,
        # and the clock stands, so a second message would be tried at once.
        await enqueue(engine, make_message())
        async with rig.delivering():
            await until(lambda: _recorded(engine, 1))
            clock.advance(minutes=1)
            await enqueue(engine, *(make_message() for _ in range(500)))
            for count in (2, 3, 4):
                await until(lambda count=count: _recorded(engine, count))
                await nudge(engine)
                await asyncio.sleep(0.1)
                assert len(receiver.received) == count, "it rests while the clock stands"
                clock.advance(seconds=30)
                await nudge(engine)


# ---------------------------------------------------------------------------- crashes and the drain


class CrashingSender:
    """Posts, and then the process is gone before it can write anything down."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.posted = asyncio.Event()

    async def send(self, outgoing: Outgoing) -> Outcome:
        await self.sender.send(outgoing)
        self.posted.set()
        await asyncio.sleep(60)
        raise AssertionError("It was meant to be cancelled.")


async def test_a_crash_between_post_and_record_means_delivered_again_under_the_same_id(
    rig: Rig, engine: AsyncEngine, clock: Clock
) -> None:
    async with receiving() as receiver, Sender(LOOPBACK) as sender:
        endpoint = await make_endpoint(engine, receiver.url)
        crashing = CrashingSender(sender)
        async with rig.delivering(sender=crashing) as task:
            await enqueue(engine, make_message())
            await crashing.posted.wait()
            task.cancel()
        assert await states(engine, endpoint.id) == ["pending"]

        async with rig.delivering():
            await asyncio.sleep(0.1)
            assert len(receiver.received) == 1, "its lease holds"
            clock.advance(seconds=31)
            await nudge(engine)
            await rig.settled(endpoint.id, ["delivered"])

    assert len(receiver.received) == 2
    assert len(set(receiver.ids)) == 1
    assert await attempts(engine) == [(1, 200, "delivered")]


async def test_stopping_ends_what_is_in_flight_and_writes_it_down(
    rig: Rig, engine: AsyncEngine
) -> None:
    async def slow(received: Received, write: Write) -> None:
        await asyncio.sleep(0.3)
        await replying(200)(received, write)

    async with receiving(slow) as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        async with rig.delivering():
            await enqueue(engine, make_message())
            await receiver.got(1)

    assert await states(engine, endpoint.id) == ["delivered"]


async def test_a_restart_of_the_database_during_a_post_loses_nothing_and_sends_nothing_twice(
    own_postgres: EmbeddedPostgres,
) -> None:
    answer = asyncio.Event()

    async def patient(received: Received, write: Write) -> None:
        await answer.wait()
        await replying(200)(received, write)

    url = await asyncio.to_thread(own_postgres.start)
    await schema.upgrade(url)
    engine = create_engine(url)
    rig = Rig(engine, url, real_now)
    async with receiving(patient) as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        async with (
            Sender(LOOPBACK, deadline_seconds=60) as sender,
            rig.delivering(sender=sender, limits=LONG_LEASE),
        ):
            await enqueue(engine, make_message())
            await receiver.got(1)
            await asyncio.to_thread(own_postgres.stop)
            answer.set()
            await asyncio.sleep(0.5)
            assert await asyncio.to_thread(own_postgres.start) == url
            await enqueue(engine, make_message())
            await receiver.got(2)
            await rig.settled(endpoint.id, ["delivered"] * 2)
    await engine.dispose()

    assert len(set(receiver.ids)) == len(receiver.ids) == 2


LONG_LEASE = DeliveryLimits(lease=timedelta(minutes=5))


class ScriptedSender:
    """Answers from a list, without any network."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.outcomes = list(outcomes)

    async def send(self, outgoing: Outgoing) -> Outcome:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def test_a_fault_of_the_sender_is_a_failed_try(
    rig: Rig, engine: AsyncEngine, clock: Clock
) -> None:
    endpoint = await make_endpoint(engine)
    sender = ScriptedSender(
        RuntimeError("a bug"),
        NoAnswer(reason=Silence.TIMEOUT, seconds=2),
        Answer(status=200, seconds=1),
    )

    async with rig.delivering(sender=sender):
        await enqueue(engine, make_message())
        for count, wait in ((1, 5), (2, 301)):
            await until(lambda count=count: _recorded(engine, count))
            clock.advance(seconds=wait)
            await nudge(engine)
        await rig.settled(endpoint.id, ["delivered"])

    assert [each[2] for each in await attempts(engine)] == ["fault", "timeout", "delivered"]


async def test_an_endpoint_deleted_while_it_is_posted_to_leaves_nothing_behind(
    rig: Rig, engine: AsyncEngine
) -> None:
    async def slow(received: Received, write: Write) -> None:
        await asyncio.sleep(0.2)
        await replying(500)(received, write)

    async with receiving(slow) as receiver:
        endpoint = await make_endpoint(engine, receiver.url)
        async with rig.delivering():
            await enqueue(engine, make_message())
            await receiver.got(1)
            async with engine.begin() as conn:
                await endpoints.delete(conn, endpoint.id)

    assert await rows(engine, "select * from attempts") == []


async def test_old_messages_are_swept(engine: AsyncEngine) -> None:
    await enqueue(engine, *(make_message() for _ in range(3)))

    assert await sweep(engine, real_now()) == 0
    assert await sweep(engine, real_now() + timedelta(days=31)) == 3
