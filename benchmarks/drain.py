"""Deliveries a second of a backlog: 10,000 that are due to 200 endpoints, beside a bare loop of
httpx that posts as many of the same size to the same receivers.

`python -m benchmarks.drain` prints both. Receivers, product and loop share the machine, the
receivers being a process of their own.
"""

import asyncio
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import structlog

from benchmarks.ground import ROOT, environment
from benchmarks.hanging import subscribe
from benchmarks.memory import cpu_seconds
from benchmarks.product import Measured, end
from healthsvc.flows.delivery.deliver import Deliverer
from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.store.database import schema
from healthsvc.store.database.engine import AsyncEngine, create_engine
from healthsvc.store.database.listen import Listener
from healthsvc.store.database.secrets import Vault
from healthsvc.store.delivery import outbox
from healthsvc.store.delivery.outbox import OutboxMessage
from healthsvc.webhooks.address_guard import Policy
from healthsvc.webhooks.sender import Sender

ENDPOINTS, MESSAGES, AT_ONCE = 200, 50, 64
BODY = json.dumps({"type": "alert.raised", "data": {"summary": "x" * 900}})
LIMIT_SECONDS = 300.0
_VAULT = Vault(b"a benchmark's key of 32 bytes...")


def drain() -> Measured:
    """The product's deliveries."""
    with tempfile.TemporaryDirectory(prefix="drain-") as folder, _receivers() as ports:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            url = postgres.start()
            asyncio.run(schema.upgrade(url))
            return asyncio.run(_drain(url, ports))
        finally:
            postgres.stop()


def loop() -> Measured:
    """The bare loop's."""
    with _receivers() as ports:
        return asyncio.run(_loop(ports))


async def _drain(url: str, ports: list[int]) -> Measured:
    engine, stop = create_engine(url), asyncio.Event()
    async with Listener(url) as wake, Sender(Policy.of(allowed=["127.0.0.0/8"])) as sender:
        for number, port in enumerate(ports):
            await subscribe(engine, _VAULT, number, port)
        deliverer = Deliverer(
            engine,
            sender,
            now=lambda: datetime.now(UTC),
            notifications=wake,
            vault=_VAULT,
            worker_id="bench",
            chance=random.random,
        )
        await _enqueue(engine)
        processor, began = cpu_seconds(os.getpid()), time.perf_counter()
        running = asyncio.create_task(deliverer.run(stop))
        await _delivered(ports)
        seconds = time.perf_counter() - began
        used = cpu_seconds(os.getpid()) - processor
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await engine.dispose()
    return Measured(events=ENDPOINTS * MESSAGES, seconds=seconds, cpu_seconds=used)


async def _enqueue(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        ids = [f"msg_{number:06}" for number in range(MESSAGES)]
        messages = [OutboxMessage(each, "alert.raised", "acme", BODY, None) for each in ids]
        await outbox.enqueue(conn, messages)


async def _delivered(ports: list[int]) -> None:
    """Return once the receivers have everything; they tell at a port of their own."""
    deadline = time.monotonic() + LIMIT_SECONDS
    async with httpx.AsyncClient(trust_env=False) as client:
        while time.monotonic() < deadline:
            answer = await client.get(f"http://127.0.0.1:{ports[0]}/count")
            if int(answer.text) >= ENDPOINTS * MESSAGES:
                return
            await asyncio.sleep(0.02)
    raise RuntimeError("the backlog wasn't delivered")


async def _loop(ports: list[int]) -> Measured:
    """Workers with endpoints of their own, so that no pool is shared."""
    context = ssl.create_default_context()  # unused, and slow to make for each client
    processor, began = cpu_seconds(os.getpid()), time.perf_counter()

    async def work(own: list[int]) -> None:
        async with httpx.AsyncClient(trust_env=False, verify=context) as client:
            for port in own * MESSAGES:
                answer = await client.post(f"http://127.0.0.1:{port}/hook", content=BODY)
                answer.raise_for_status()

    await asyncio.gather(*[work(ports[worker::AT_ONCE]) for worker in range(AT_ONCE)])
    seconds = time.perf_counter() - began
    used = cpu_seconds(os.getpid()) - processor
    return Measured(events=ENDPOINTS * MESSAGES, seconds=seconds, cpu_seconds=used)


@contextmanager
def _receivers() -> Iterator[list[int]]:
    command = [sys.executable, "-m", "benchmarks.receivers", str(ENDPOINTS)]
    process = subprocess.Popen(command, env=environment(), cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        end(process)


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("ERROR"))
    ours, bare = drain(), loop()
    print(f"{ours.rate:,.0f}/s  httpx {bare.rate:,.0f}/s  ratio {ours.rate / bare.rate:.3f}")


if __name__ == "__main__":
    main()
