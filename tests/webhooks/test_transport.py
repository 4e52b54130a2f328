"""Connections by origin: none waits for another's, and those that nobody uses are closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from healthsvc.core.delivery import Answer, Outgoing
from healthsvc.store.database.secrets import new_signing_secret
from healthsvc.webhooks.address_guard import Policy
from healthsvc.webhooks.sender import Sender
from tests.support.waiting import PATIENCE_SECONDS, until
from tests.webhooks.receiver import HangUpError, Received, Receiver, Write, receiving

SECRET = new_signing_secret()


def outgoing(url: str) -> Outgoing:
    return Outgoing(
        url=url, message_id="msg_1", body=b"{}", secrets=(SECRET,), at=datetime.now(UTC)
    )


@asynccontextmanager
async def sending(warm: int) -> AsyncIterator[Sender]:
    policy = Policy.of(allowed=["127.0.0.0/8"])
    async with Sender(policy, deadline_seconds=PATIENCE_SECONDS, warm=warm) as sender:
        yield sender


def is_delivered(outcome: object) -> bool:
    return isinstance(outcome, Answer) and outcome.status == 200


async def test_hundreds_of_connections_that_hang_keep_no_other_endpoint_waiting() -> None:
    over = asyncio.Event()

    async def hang(received: Received, write: Write) -> None:
        await over.wait()
        raise HangUpError

    async with receiving(hang) as hanging, receiving() as well, sending(warm=4) as sender:
        waiting = [asyncio.create_task(sender.send(outgoing(hanging.url))) for _ in range(300)]
        await hanging.got(300)

        assert is_delivered(await sender.send(outgoing(well.url)))
        assert not any(each.done() for each in waiting)
        over.set()
        await asyncio.gather(*waiting)


async def test_connections_beyond_the_warm_ones_are_closed_the_oldest_first() -> None:
    async with AsyncExitStack() as stack, sending(warm=3) as sender:
        receivers: list[Receiver] = [await stack.enter_async_context(receiving()) for _ in range(8)]
        for receiver in receivers:
            assert is_delivered(await sender.send(outgoing(receiver.url)))

        await until(lambda: sum(len(each.serving) for each in receivers) <= 4)
        assert is_delivered(await sender.send(outgoing(receivers[-1].url)))
        assert is_delivered(await sender.send(outgoing(receivers[0].url)))

    assert receivers[-1].connections == 1, "its connection was still warm"
    assert receivers[0].connections == 2
