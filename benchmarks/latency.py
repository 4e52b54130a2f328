"""From a POST to the webhook it causes: an idle `healthsvc up`, a real receiver, one cancel-page
view after the other.

Each view is by another customer, so each raises an alert. The clock runs from before the request is
sent to when the receiver has read the whole webhook.
"""

import asyncio
import json
import random
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.ground import COMMAND, ROOT, WORK, BenchmarkError, environment
from benchmarks.product import end, free_port

KEY = "bench-admin-key-for-loopback-only"
START_SECONDS = 120.0
WEBHOOK_SECONDS = 20.0
PAUSE_SECONDS = (0.05, 0.10)
WARM_UP = 5


def measure(count: int) -> list[float]:
    """Milliseconds from POST sent to webhook read, for `count` customers, after WARM_UP others."""
    with (
        tempfile.TemporaryDirectory(prefix="latency-", dir=WORK) as folder,
        running_service(Path(folder)) as (port, process),
    ):
        return asyncio.run(_measure(port, process, count))


async def _measure(port: int, process: subprocess.Popen[bytes], count: int) -> list[float]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        _receiver() as (receiver_port, arrivals),
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False
        ) as client,
    ):
        await until_ready(client, process)
        endpoint = {"url": f"http://127.0.0.1:{receiver_port}/", "event_types": ["alert.raised"]}
        answer = await client.post("/v1/webhooks/endpoints", json=endpoint)
        if answer.status_code != 201:
            raise BenchmarkError(f"the endpoint was refused: {answer.status_code} {answer.text}")
        took = [await _one(client, arrivals, number) for number in range(count + WARM_UP)]
        return took[WARM_UP:]


async def _one(
    client: httpx.AsyncClient, arrivals: "asyncio.Queue[tuple[str, float]]", number: int
) -> float:
    await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
    customer = f"latency-{number:04d}"
    sent = time.perf_counter()
    answer = await client.post("/v1/events", json=_cancel_view(customer))
    if answer.status_code != 202:
        raise BenchmarkError(f"the event was refused: {answer.status_code} {answer.text}")
    async with asyncio.timeout(WEBHOOK_SECONDS):
        while True:
            whose, at = await arrivals.get()
            if whose == customer:
                return (at - sent) * 1_000


def _cancel_view(customer: str) -> dict[str, object]:
    at = datetime.now(UTC).isoformat()
    data = {"url": "https://app.example.com/account/cancel", "kind": "cancel"}
    return {
        "id": f"view-{customer}",
        "source": "web",
        "type": "page.viewed",
        "customer_id": customer,
        "occurred_at": at,
        "data": data,
    }


async def until_ready(client: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.2)
    raise BenchmarkError(f"healthsvc up did not become ready; its log: {WORK / 'latency.log'}")


@contextmanager
def running_service(data_dir: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    variables = environment(
        HEALTHSVC_HOST="127.0.0.1",
        HEALTHSVC_PORT=str(port),
        HEALTHSVC_DATA_DIR=str(data_dir),
        HEALTHSVC_ADMIN_KEY=KEY,
        HEALTHSVC_WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8",
    )
    with open(WORK / "latency.log", "wb") as output:
        process = subprocess.Popen(
            [str(COMMAND), "up"],
            env=variables,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield port, process
    finally:
        end(process)


@asynccontextmanager
async def _receiver() -> AsyncIterator[tuple[int, "asyncio.Queue[tuple[str, float]]"]]:
    """A webhook receiver on loopback: each arrival as (customer, instant)."""
    arrivals: asyncio.Queue[tuple[str, float]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while body := await _request(reader):
                at = time.perf_counter()
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
                arrivals.put_nowait((_customer_of(json.loads(body)), at))
        except (asyncio.CancelledError, ConnectionError):
            pass  # the end of the run
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], arrivals


async def _request(reader: asyncio.StreamReader) -> bytes:
    """One request's body; empty when the sender has closed the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return b""
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    return await reader.readexactly(int(fields[b"content-length"]))


def _customer_of(message: object) -> str:
    """The first `customer_id` in the message, however deep."""
    if isinstance(message, dict):
        if isinstance(message.get("customer_id"), str):
            return str(message["customer_id"])
        return next((found for part in message.values() if (found := _customer_of(part))), "")
    return ""
