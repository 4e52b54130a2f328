"""Delivering webhooks: claim under a lease, POST outside of any transaction, write down what came
of it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from typing import Final

import structlog

from healthsvc.core.delivery import (
    NoAnswer,
    Outcome,
    Outgoing,
    Silence,
    is_alive,
    is_success,
    judge,
    label,
)
from healthsvc.core.delivery_slots import TICK_SECONDS, Slots
from healthsvc.flows.delivery.attempts import Finished, save
from healthsvc.flows.delivery.ports import DeliveryLimits, Send, Wake
from healthsvc.flows.readiness.steps import Steps
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.outage import is_outage
from healthsvc.store.database.secrets import Vault
from healthsvc.store.delivery import claims
from healthsvc.store.delivery.claims import Claimed, Room
from healthsvc.store.delivery.outbox import CHANNEL
from healthsvc.telemetry import (
    DELIVERY_ATTEMPTS,
    DELIVERY_SLOTS,
    EVENT_TO_WEBHOOK,
    PROBATION,
    LogEvent,
)

CLAIMING: Final = "deliveries.claim"
RECORDING: Final = "deliveries.record"
TICKS_TO_FORGET: Final = 600
POLL_SECONDS: Final = 1.0  # the net, should a notification be lost
PAUSE_SECONDS: Final = 0.5  # after a failed transaction
CONTENTION_SECONDS: Final = 0.005
RECORD_TRIES: Final = 5
RECORD_BATCH: Final = 200
WATCH_SECONDS: Final = 10.0
SWEEP_SECONDS: Final = 3600.0


class Deliverer:
    """One worker. Any number may run beside it, in this or other processes, each under an id of its
    own."""

    def __init__(  # noqa: PLR0913  # the composition root gives each part
        self,
        engine: AsyncEngine,
        sender: Send,
        *,
        now: Callable[[], datetime],
        notifications: Wake,
        vault: Vault,
        worker_id: str,
        chance: Callable[[], float],
        limits: DeliveryLimits | None = None,
        steps: Steps | None = None,
    ) -> None:
        self._steps = steps or Steps()
        self._claiming = self._steps.register(CLAIMING, POLL_SECONDS)
        self._recording = self._steps.register(RECORDING, POLL_SECONDS)
        self._engine, self._sender, self._now, self._notifications, self._vault = (
            engine,
            sender,
            now,
            notifications,
            vault,
        )
        self._worker, self._chance, self._limits = worker_id, chance, limits or DeliveryLimits()
        self._slots = Slots(
            concurrency=self._limits.concurrency, per_endpoint=self._limits.per_endpoint
        )
        self._limited = False  # more may be due as soon as a slot is free
        self._wake_up = asyncio.Event()
        self._stopping = self._saving = False
        self._finished: asyncio.Queue[Finished | None] = asyncio.Queue()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; then end what is in flight, which takes the sender's deadline at
        most."""
        try:
            await self._run(stop)
        finally:
            self._steps.remove(CLAIMING)
            self._steps.remove(RECORDING)

    async def _run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            helpers = [
                group.create_task(helper)
                for helper in (
                    self._watch_notifications(),
                    self._watch_stop(stop),
                    self._watch_tries(),
                )
            ]
            recorder = group.create_task(self._record())
            tries: set[asyncio.Task[None]] = set()
            await self._claim_until(stop, group, tries)
            await asyncio.gather(*tries)
            self._finished.put_nowait(None)
            await recorder
            for helper in helpers:
                helper.cancel()

    async def _watch_notifications(self) -> None:
        while True:
            await self._notifications.wait({CHANNEL}, POLL_SECONDS)
            if self._finished.empty() and not self._saving:
                self._recording.progressed()  # nothing waits to be recorded
            self._wake_up.set()

    async def _watch_stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping = True
        self._wake_up.set()

    async def _claim_until(
        self, stop: asyncio.Event, group: asyncio.TaskGroup, tries: set[asyncio.Task[None]]
    ) -> None:
        while not stop.is_set():
            self._wake_up.clear()
            try:
                claimed, contended = await self._claim()
            except Exception as error:
                self._claiming.failed(error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self._claiming.succeeded()
            for each in claimed:
                task = group.create_task(self._try(each))
                tries.add(task)
                task.add_done_callback(tries.discard)
            if contended:
                await asyncio.sleep(CONTENTION_SECONDS)
            else:
                await self._wake_up.wait()

    async def _claim(self) -> tuple[list[Claimed], bool]:
        slots = self._slots
        room = Room(
            openings=slots.openings(), allowances=slots.allowances(), in_flight=slots.running
        )
        now = self._now()
        async with self._engine.begin() as conn:
            claimed, contended = await claims.claim(
                conn, room, worker=self._worker, now=now, lease_until=now + self._limits.lease
            )
        for each in claimed:
            slots.begin(each.id, each.endpoint_id, failing=each.failing)
        self._limited = slots.is_binding
        self._show_slots()
        return claimed, contended

    async def _try(self, claimed: Claimed) -> None:
        started_at = self._now()
        outcome = await self._post(claimed, started_at)
        ended_at = self._now()
        verdict = judge(outcome, attempt=claimed.attempt + 1, at=ended_at, chance=self._chance())
        self._slots.end(claimed.id, success=is_alive(verdict))
        self._measure(claimed, outcome, ended_at)
        finished = Finished(
            claimed=claimed,
            started_at=started_at,
            ended_at=ended_at,
            outcome=outcome,
            verdict=verdict,
        )
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

    async def _watch_tries(self) -> None:
        for tick in count(1):
            await asyncio.sleep(TICK_SECONDS)
            if self._slots.tick():
                self._look_if_limited()
            if tick % TICKS_TO_FORGET == 0:
                self._slots.forget_idle()

    def _look_if_limited(self) -> None:
        if self._limited:
            self._wake_up.set()

    def _show_slots(self) -> None:
        for pool, used in self._slots.used.items():
            DELIVERY_SLOTS.labels(pool=pool.value).set(used)
        PROBATION.set(self._slots.in_probation)

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
        except (
            Exception
        ) as error:  # a fault of ours must cost this delivery a try, not all others their deliverer
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
        """Write tries as they end, together those that end while others are being written; until a
        None."""
        while (first := await self._finished.get()) is not None:
            batch = [first]
            while len(batch) < RECORD_BATCH and not self._finished.empty():
                following = self._finished.get_nowait()
                if following is None:
                    self._finished.put_nowait(None)
                    break
                batch.append(following)
            self._saving = True
            await self._save(batch)
            self._saving = False
            for each in batch:
                self._slots.release(each.claimed.id)
            self._show_slots()
            self._look_if_limited()

    async def _save(self, batch: Sequence[Finished]) -> None:
        """Write a batch, patiently while the database is away: what isn't written is sent again
        when its lease ends."""
        failures = 0
        while failures < RECORD_TRIES:
            try:
                async with self._engine.begin() as conn:
                    saved = await save(conn, self._worker, batch)
            except Exception as error:
                self._recording.failed(error)
                failures += 0 if is_outage(error) and not self._stopping else 1
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            for endpoint_id, reason in saved.disabled.items():
                structlog.get_logger().warning(
                    LogEvent.ENDPOINT_DISABLED, endpoint=endpoint_id, reason=reason
                )
            self._recording.succeeded()
            return

    def _complain(self, error: Exception) -> None:
        structlog.get_logger().warning(
            LogEvent.DELIVERER_FAILED, error=repr(error), worker=self._worker
        )
