"""`python -m benchmarks.hanging`: what nine webhook endpoints that begin to hang together cost
thirty others.

One deliverer, a real PostgreSQL, receivers on loopback. Two phases of one run under the same load:
all answer, then nine stop answering at the same moment with eight deliveries due each. A delivery's
latency runs from the message's commit to its arrival. A drain of one backlog by all endpoints comes
first.
"""

import argparse
import asyncio
import json
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog

from benchmarks.memory import cpu_seconds
from healthsvc.flows.delivery.deliver import Deliverer
from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.store.database import schema
from healthsvc.store.database.engine import AsyncEngine, create_engine
from healthsvc.store.database.listen import Listener
from healthsvc.store.database.secrets import Vault, new_signing_secret
from healthsvc.store.delivery import endpoints, outbox
from healthsvc.store.delivery.outbox import OutboxMessage
from healthsvc.webhooks.address_guard import Policy
from healthsvc.webhooks.sender import Sender

HEALTHY, HANGING = 30, 9
BURST = 8  # deliveries that are due for each endpoint when nine begin to hang
EVERY_SECONDS = 0.5  # between the messages that follow
DRAIN = 50  # messages of the backlog
SETTLE_SECONDS = 2.0


@dataclass
class Receiver:
    """Answers 200, or takes requests and never answers; notes when each message arrived."""

    port: int = 0
    hangs: bool = False
    arrivals: dict[str, float] = field(default_factory=dict)
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        task = asyncio.create_task(self._serve(reader, writer))
        self.connections.add(task)
        task.add_done_callback(self.connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if line]
                headers = {name.lower(): value for name, value in lines}
                await reader.readexactly(int(headers["content-length"]))
                self.arrivals.setdefault(headers["webhook-id"], time.perf_counter())
                if self.hangs:
                    await asyncio.Event().wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def _receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.accept, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()
    for task in (*receiver.connections,):
        task.cancel()


@dataclass
class Load:
    """Enqueues messages, and reads the healthy receivers' latencies."""

    engine: AsyncEngine
    healthy: Sequence[Receiver]
    sent: dict[str, float] = field(default_factory=dict)

    async def send(self, count: int) -> list[str]:
        """Commit `count` messages at once; answers their ids."""
        first = len(self.sent)
        ids = [f"msg_{number:06}" for number in range(first, first + count)]
        messages = [OutboxMessage(each, "alert.raised", "acme", "{}", None) for each in ids]
        async with self.engine.begin() as conn:
            await outbox.enqueue(conn, messages)
        self.sent |= dict.fromkeys(ids, time.perf_counter())
        return ids

    async def arrived(self, ids: Sequence[str], at: Sequence[Receiver]) -> list[float]:
        """Wait for the messages; answers their latencies in milliseconds."""
        while not all(each in receiver.arrivals for receiver in at for each in ids):
            await asyncio.sleep(0.02)
        return [
            1_000 * (receiver.arrivals[each] - self.sent[each]) for receiver in at for each in ids
        ]

    async def phase(self, seconds: float) -> list[float]:
        """The healthy ones' latencies: first a burst, then a message each EVERY_SECONDS."""
        ids = await self.send(BURST)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            await asyncio.sleep(EVERY_SECONDS)
            ids += await self.send(1)
        return await self.arrived(ids, self.healthy)


async def measure(url: str, seconds: float) -> dict[str, float]:
    """Figures of one run, by name."""
    engine, vault = create_engine(url), Vault(b"a benchmark's key of 32 bytes...")
    stop = asyncio.Event()
    async with (
        AsyncExitStack() as stack,
        Listener(url) as wake,
        Sender(Policy.of(allowed=["127.0.0.0/8"])) as sender,
    ):
        receivers = [
            await stack.enter_async_context(_receiving()) for _ in range(HEALTHY + HANGING)
        ]
        for number, receiver in enumerate(receivers):
            await subscribe(engine, vault, number, receiver.port)
        deliverer = Deliverer(
            engine,
            sender,
            now=lambda: datetime.now(UTC),
            notifications=wake,
            vault=vault,
            worker_id="bench",
            chance=random.random,
        )
        running = asyncio.create_task(deliverer.run(stop))
        figures = await _phases(Load(engine, receivers[:HEALTHY]), receivers, seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await engine.dispose()
    return figures


async def _phases(load: Load, receivers: Sequence[Receiver], seconds: float) -> dict[str, float]:
    await load.arrived(await load.send(BURST), receivers)
    processor = cpu_seconds(os.getpid())
    drain = await load.send(DRAIN)
    took = max(await load.arrived(drain, receivers)) / 1_000
    processor = cpu_seconds(os.getpid()) - processor
    await asyncio.sleep(SETTLE_SECONDS)
    without = await load.phase(seconds)
    await asyncio.sleep(SETTLE_SECONDS)
    for receiver in receivers[HEALTHY:]:
        receiver.hangs = True
    beside = await load.phase(seconds)
    drained = DRAIN * len(receivers)
    figures = {
        "drained a second": drained / took,
        "processor ms a delivery": 1_000 * processor / drained,
    }
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        before, after = _quantile(without, share), _quantile(beside, share)
        figures |= {
            f"{name} ms, all answer": before,
            f"{name} ms, nine hang": after,
            f"{name} ratio": after / before,
        }
    return figures


async def subscribe(engine: AsyncEngine, vault: Vault, number: int, port: int) -> None:
    """An endpoint at a port of loopback that gets everything."""
    endpoint_id = f"ep_{number:03}"
    async with engine.begin() as conn:
        await endpoints.create(
            conn,
            endpoint_id=endpoint_id,
            url=f"http://127.0.0.1:{port}/hook",
            event_types=[],
            secret=vault.encrypt(new_signing_secret(), endpoint_id),
            now=datetime.now(UTC),
        )


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="length of each of the two phases"
    )
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("ERROR"))
    with tempfile.TemporaryDirectory(prefix="hanging-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            url = postgres.start()
            asyncio.run(schema.upgrade(url))
            figures = asyncio.run(measure(url, arguments.seconds))
        finally:
            postgres.stop()
    sys.stdout.write(
        json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
