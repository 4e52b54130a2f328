"""Requests a second that a running service answers, beside a bare FastAPI route that returns as
many bytes or decodes the same events: wrk, 16 connections, all customers of a demo fleet in random
order.

`python -m benchmarks.http_rates [ROW …]` measures these rows alone, without Kafka.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks import load
from benchmarks.ground import COMMAND, ROOT, WORK, BenchmarkError, environment
from benchmarks.latency import KEY, running_service, until_ready
from benchmarks.memory import cpu_seconds
from benchmarks.product import Measured, end, free_port
from healthsvc.runtime.embedded import running_url

CUSTOMERS, CONNECTIONS = 300, 16
SECONDS, WARM_UP_SECONDS = 4, 4
BUSY_EVENTS_PER_SECOND, BUSY_CUSTOMERS = 10_000, 10_000
_REQUESTS = re.compile(r"(\d+) requests in")
_ELAPSED = re.compile(r"requests in ([0-9.]+)(m?s),")
_FAILURES = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SOCKET_ERRORS = re.compile(r"Socket errors: (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A row: which paths are read, whether with entity tags, whether events are folded beside."""

    name: str
    path: str
    conditional: bool = False
    busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A row: how many events a request has."""

    name: str
    events: int


RATES: tuple[Read | Post, ...] = (
    Read(name="read_customer_vs_bare", path="/v1/customers/{}"),
    Read(name="read_customer_busy_vs_bare", path="/v1/customers/{}", busy=True),
    Read(name="read_customer_304_vs_bare", path="/v1/customers/{}", conditional=True),
    Read(name="read_explanation_vs_bare", path="/v1/customers/{}/health/explanation"),
    Read(name="read_list_vs_bare", path="/v1/customers?limit=50"),
    Read(name="worklist_vs_bare", path="/v1/worklist"),
    Post(name="post_event_vs_bare", events=1),
    Post(name="post_events_vs_bare", events=100),
)
NAMES = tuple(rate.name for rate in RATES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A service with a fleet of customers, and the bare application."""

    service: str
    service_pid: int
    bare: str
    bare_pid: int
    log: "EventLog"
    folder: Path

    def measure(self, rate: Read | Post) -> Measured:
        """The service's rate."""
        if isinstance(rate, Post):
            return self._posted(self.service + "/v1/events", self.service_pid, rate)
        paths = _paths(self.folder, rate)
        if not rate.busy:
            return self._read(self.service, self.service_pid, paths, rate)
        with self.log.written(BUSY_EVENTS_PER_SECOND):
            return self._read(self.service, self.service_pid, paths, rate)

    def reference(self, rate: Read | Post) -> Measured:
        """The bare route's, with an answer of the same size, or the same request."""
        if isinstance(rate, Post):
            return self._posted(self.bare + "/events", self.bare_pid, rate)
        path = _listed(self.folder / "bare", [f"/bytes/{self.size(rate)}"])
        return wrk(self.bare, self.bare_pid, "wrk_get.lua", [str(path), "plain"])

    def _read(self, url: str, pid: int, paths: Path, read: Read) -> Measured:
        how = "tags" if read.conditional else "plain"
        tags = {"BENCH_TAGS": "1"} if read.conditional else {}
        return wrk(url, pid, "wrk_get.lua", [str(paths), how], tags)

    def _posted(self, url: str, pid: int, post: Post) -> Measured:
        customers = _listed(self.folder / "customers", [customer_id(n) for n in range(CUSTOMERS)])
        instant = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return wrk(url, pid, "wrk_post.lua", [str(customers), str(post.events), instant])

    def size(self, read: Read) -> int:
        """Bytes of an answer; of a 304, those of the answer that it saves."""
        headers = {"Authorization": f"Bearer {KEY}"}
        url = self.service + read.path.format(customer_id(0))
        return len(httpx.get(url, headers=headers, trust_env=False).raise_for_status().content)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """Where a process of its own writes events at an even pace."""

    database: str

    @contextmanager
    def written(self, per_second: int) -> Iterator[None]:
        """Have events written meanwhile, from a second before on."""
        command = [sys.executable, "-m", "benchmarks.writer", self.database, str(per_second)]
        process = subprocess.Popen(command, env=environment(), cwd=ROOT)
        try:
            time.sleep(3.0)
            yield
            if process.poll() is not None:
                raise BenchmarkError("the writer of events ended")
        finally:
            end(process)


@contextmanager
def serving(customers: int = CUSTOMERS) -> Iterator[Serving]:
    """Start both, and have the service count a demo fleet."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reads-", dir=WORK)))
        port, process = stack.enter_context(running_service(folder / "data"))
        url = f"http://127.0.0.1:{port}"
        asyncio.run(_ready(url, process))
        _fill(url, customers)
        bare_port, bare = stack.enter_context(_bare())
        asyncio.run(_bare_ready(bare_port))
        yield Serving(
            service=url,
            service_pid=process.pid,
            bare=f"http://127.0.0.1:{bare_port}",
            bare_pid=bare.pid,
            log=EventLog(database=_database(folder / "data")),
            folder=folder,
        )


def wrk(
    url: str,
    pid: int,
    script: str,
    arguments: Sequence[str],
    variables: Mapping[str, str] | None = None,
) -> Measured:
    """Requests that wrk got answered; cpu_seconds: those of the process `pid`."""
    command = ["-s", str(Path(__file__).with_name(script)), url, "--", *arguments]
    _wrk(WARM_UP_SECONDS, command, variables or {})
    before = cpu_seconds(pid)
    output = _wrk(SECONDS, command, variables or {})
    return _measured(output, cpu_seconds(pid) - before)


def _wrk(seconds: int, arguments: Sequence[str], variables: Mapping[str, str]) -> str:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", *arguments]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "BENCH_KEY": KEY, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise BenchmarkError("wrk isn't installed: apt-get install wrk") from error
    return done.stdout + done.stderr


def customer_id(number: int) -> str:
    """The id of a customer of the demo fleet, numbered from 0."""
    return f"synthetic-1-{number + 1:03}"


def events(count: int) -> list[tuple[str, str]]:
    """Customer and event, of the benchmark's mix, about a fleet of which the demo's customers are a
    part."""
    made = load.make(
        count=count, customers=BUSY_CUSTOMERS, seed=time.time_ns(), end_us=time.time_ns() // 1_000
    )
    entries: list[tuple[str, str]] = []
    for key, value in zip(made.keys, made.values, strict=True):
        number = int(key.removeprefix(b"customer-"))
        own = customer_id(number) if number < CUSTOMERS else key.decode()
        entries.append((own, value.replace(key, own.encode()).decode()))
    return entries


def _measured(output: str, used: float) -> Measured:
    requests, elapsed = _REQUESTS.search(output), _ELAPSED.search(output)
    failed = _FAILURES.search(output) or _SOCKET_ERRORS.search(output)
    if requests is None or elapsed is None or failed is not None:
        raise BenchmarkError(f"wrk: {output[-500:]}")
    seconds = float(elapsed[1]) / (1_000 if elapsed[2] == "ms" else 1)
    return Measured(events=int(requests[1]), seconds=seconds, cpu_seconds=used)


def _paths(folder: Path, read: Read) -> Path:
    paths = [read.path.format(customer_id(number)) for number in range(CUSTOMERS)]
    return _listed(folder / "paths", paths)


def _listed(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def _fill(url: str, customers: int) -> None:
    command = [str(COMMAND), "demo", "--url", url, "--customers", str(customers)]
    variables = environment(HEALTHSVC_ADMIN_KEY=KEY)
    subprocess.run(command, env=variables, cwd=ROOT, check=True, capture_output=True)
    headers = {"Authorization": f"Bearer {KEY}"}
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        last = f"{url}/v1/customers/{customer_id(customers - 1)}"
        answer = httpx.get(last, headers=headers, trust_env=False)
        if answer.status_code == 200 and answer.json()["band"] is not None:
            time.sleep(2.0)
            return
        time.sleep(0.5)
    raise BenchmarkError("the demo fleet wasn't counted")


def _database(data_dir: Path) -> str:
    url = running_url(data_dir)
    assert url is not None, "the service runs"
    return url


@contextmanager
def _bare() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.reference_bare", "--port", str(port)]
    process = subprocess.Popen(command, env=environment(), cwd=ROOT)
    try:
        yield port, process
    finally:
        end(process)


async def _ready(url: str, process: subprocess.Popen[bytes]) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        await until_ready(client, process)


async def _bare_ready(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        for _ in range(100):
            try:
                await client.get("/bytes/20")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise BenchmarkError("the bare application didn't start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    chosen = [rate for rate in RATES if not arguments.rows or rate.name in arguments.rows]
    WORK.mkdir(exist_ok=True)
    with serving() as both:
        for number in range(arguments.rounds):
            for rate in chosen:
                ours, bare = both.measure(rate), both.reference(rate)
                print(
                    f"round {number + 1}  {rate.name:30} {ours.rate:8,.0f}/s"
                    f"  bare {bare.rate:8,.0f}/s  ratio {ours.rate / bare.rate:.3f}"
                    f"  cpu {ours.cpu_seconds / max(1, ours.events) * 1e3:.2f} ms",
                    flush=True,
                )


if __name__ == "__main__":
    main()
