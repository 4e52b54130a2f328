"""Delivering webhooks: claim under a lease, POST outside of any transaction, write down what came of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from healthsvc.core.delivery import NoAnswer, Outcome, Outgoing, Silence, is_success, judge, label
from healthsvc.flows.delivery.attempts import Finished, save
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.outage import is_outage
from healthsvc.store.database.secrets import Vault
from healthsvc.store.delivery import deliveries
from healthsvc.store.delivery.deliveries import CHANNEL, Claimed, Room
from healthsvc.telemetry import DELIVERY_ATTEMPTS, EVENT_TO_WEBHOOK, OUTBOX_AGE, LogEvent

POLL_SECONDS: Final = 1.0  # the net, should a notification be lost
PAUSE_SECONDS: Final = 0.5  # after a failed transaction
CONTENTION_SECONDS: Final = 0.005
RECORD_TRIES: Final = 5
RECORD_BATCH: Final = 200
WATCH_SECONDS: Final = 10.0
SWEEP_SECONDS: Final = 3600.0
RETENTION: Final = timedelta(days=30)
SWEEP_CHUNK: Final = 500


class Send(Protocol):
    """Posts a message once; network trouble is an outcome, not an exception."""

    async def send(self, outgoing: Outgoing) -> Outcome: ...


class Wake(Protocol):
    """Waits for a notification on channels; False after the timeout."""

    async def wait(self, channels: set[str], timeout: float) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is tried at a time. The lease must outlast the sender's deadline by some seconds."""

    concurrency: int = 64
    per_endpoint: int = 8
    lease: timedelta = timedelta(seconds=30)

    @property
    def failing(self) -> int:
        """Of all tries at a time, those that endpoints which fail may take: the well ones never wait for them."""
        return max(1, self.concurrency // 4)


class Deliverer:
    """One worker. Any number may run beside it, in this or other processes, each under an id of its own."""

    def __init__(
        self,
        engine: AsyncEngine,
        sender: Send,
        *,
        now: Callable[[], datetime],
        wake: Wake,
        vault: Vault,
        worker_id: str,
        chance: Callable[[], float],
        limits: Limits | None = None,
    ) -> None:
        self._engine, self._sender, self._now, self._ear, self._vault = engine, sender, now, wake, vault
        self._worker, self._chance, self._limits = worker_id, chance, limits or Limits()
        self._held: dict[int, str] = {}  # deliveries in flight, and their endpoints
        self._failing: set[str] = set()  # of these, the endpoints that failed last time
        self._hungry = False  # more may be due as soon as a try ends
        self._look = asyncio.Event()
        self._stopping = False
        self._finished: asyncio.Queue[Finished | None] = asyncio.Queue()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; then end what is in flight, which takes the sender's deadline at most."""
        async with asyncio.TaskGroup() as group:
            aides = [group.create_task(aide) for aide in (self._hear(), self._heed(stop), self._keep_house())]
            recorder = group.create_task(self._record())
            tries: set[asyncio.Task[None]] = set()
            await self._claim_until(stop, group, tries)
            await asyncio.gather(*tries)
            self._finished.put_nowait(None)
            await recorder
            for aide in aides:
                aide.cancel()

    async def _hear(self) -> None:
        while True:
            await self._ear.wait({CHANNEL}, POLL_SECONDS)
            self._look.set()

    async def _heed(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping = True
        self._look.set()

    async def _claim_until(self, stop: asyncio.Event, group: asyncio.TaskGroup, tries: set[asyncio.Task[None]]) -> None:
        while not stop.is_set():
            self._look.clear()
            try:
                claimed, contended = await self._claim()
            except Exception as error:
                self._complain(error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            for each in claimed:
                task = group.create_task(self._try(each))
                tries.add(task)
                task.add_done_callback(tries.discard)
            if contended:
                await asyncio.sleep(CONTENTION_SECONDS)
            else:
                await self._look.wait()

    async def _claim(self) -> tuple[list[Claimed], bool]:
        slots = self._limits.concurrency - len(self._held)
        if slots <= 0:
            self._hungry = True
            return [], False
        failing = self._limits.failing - sum(each in self._failing for each in self._held.values())
        room = Room(slots=slots, failing_slots=max(0, failing), per_endpoint=self._limits.per_endpoint, held=self._held)
        now = self._now()
        async with self._engine.begin() as conn:
            claimed, contended = await deliveries.claim(
                conn, room, worker=self._worker, now=now, lease_until=now + self._limits.lease
            )
        for each in claimed:
            self._held[each.id] = each.endpoint_id
            (self._failing.add if each.failing else self._failing.discard)(each.endpoint_id)
        busy = Counter(self._held.values())
        self._hungry = len(claimed) == slots or any(self._is_full(*each) for each in busy.items())
        return claimed, contended

    def _is_full(self, endpoint_id: str, tries: int) -> bool:
        return tries >= (1 if endpoint_id in self._failing else self._limits.per_endpoint)

    async def _try(self, claimed: Claimed) -> None:
        started_at = self._now()
        outcome = await self._post(claimed, started_at)
        ended_at = self._now()
        verdict = judge(outcome, attempt=claimed.attempt + 1, at=ended_at, chance=self._chance())
        self._measure(claimed, outcome, ended_at)
        finished = Finished(claimed=claimed, started_at=started_at, ended_at=ended_at, outcome=outcome, verdict=verdict)
        self._finished.put_nowait(finished)
        structlog.get_logger().info(
            LogEvent.DELIVERY_ATTEMPTED,
            delivery=claimed.id,
            message=claimed.message_id,
            endpoint=claimed.endpoint_id,
            attempt=claimed.attempt + 1,
            outcome=label(outcome),
            seconds=round(outcome.seconds, 4),
            verdict=verdict.__class__.__name__,
        )

    async def _post(self, claimed: Claimed, at: datetime) -> Outcome:
        try:
            outgoing = Outgoing(
                url=claimed.url,
                message_id=claimed.message_id,
                body=claimed.body.encode(),
                secrets=self._secrets(claimed),
                at=at,
            )
            return await self._sender.send(outgoing)
        except Exception as error:  # a fault of ours must cost this delivery a try, not all others their deliverer
            self._complain(error)
        return NoAnswer(reason=Silence.FAULT, seconds=0.0)

    def _secrets(self, claimed: Claimed) -> tuple[str, ...]:
        sealed = [each for each in (claimed.secret, claimed.previous_secret) if each is not None]
        return tuple(self._vault.decrypt(each, claimed.endpoint_id) for each in sealed)

    def _measure(self, claimed: Claimed, outcome: Outcome, at: datetime) -> None:
        DELIVERY_ATTEMPTS.labels(outcome=label(outcome)).inc()
        if claimed.attempt == 0 and claimed.logged_at is not None and is_success(outcome):
            EVENT_TO_WEBHOOK.observe(max(0.0, (at - claimed.logged_at).total_seconds()))

    async def _record(self) -> None:
        """Write tries as they end, together those that end while others are being written; until a None."""
        while (first := await self._finished.get()) is not None:
            batch = [first]
            while len(batch) < RECORD_BATCH and not self._finished.empty():
                following = self._finished.get_nowait()
                if following is None:
                    self._finished.put_nowait(None)
                    break
                batch.append(following)
            await self._save(batch)
            for each in batch:
                self._release(each)

    async def _save(self, batch: Sequence[Finished]) -> None:
        """Write a batch, patiently while the database is away: what isn't written is sent again when its lease ends."""
        failures = 0
        while failures < RECORD_TRIES:
            try:
                async with self._engine.begin() as conn:
                    saved = await save(conn, self._worker, batch)
            except Exception as error:
                self._complain(error)
                failures += 0 if is_outage(error) and not self._stopping else 1
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            for endpoint_id, reason in saved.disabled.items():
                structlog.get_logger().warning(LogEvent.ENDPOINT_DISABLED, endpoint=endpoint_id, reason=reason)
            return

    def _release(self, finished: Finished) -> None:
        endpoint_id = self._held.pop(finished.claimed.id)
        if endpoint_id not in self._held.values():
            self._failing.discard(endpoint_id)
        if self._hungry:
            self._look.set()

    async def _keep_house(self) -> None:
        """Show the outbox's age, and delete what is past retention."""
        loop = asyncio.get_running_loop()
        sweep_at = loop.time()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                async with self._engine.begin() as conn:
                    OUTBOX_AGE.set(await deliveries.oldest_untried_seconds(conn))
                if loop.time() >= sweep_at:
                    await sweep(self._engine, self._now())
                    sweep_at = loop.time() + SWEEP_SECONDS
            except Exception as error:
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        structlog.get_logger().warning(LogEvent.DELIVERER_FAILED, error=repr(error), worker=self._worker)


async def sweep(engine: AsyncEngine, now: datetime, keep: timedelta = RETENTION) -> int:
    """Delete messages, deliveries and attempts older than `keep`, in short transactions; answers how many messages."""
    total = 0
    while True:
        async with engine.begin() as conn:
            gone = await deliveries.delete_old(conn, now - keep, SWEEP_CHUNK)
        total += gone
        if gone < SWEEP_CHUNK:
            return total
        await asyncio.sleep(CONTENTION_SECONDS)
