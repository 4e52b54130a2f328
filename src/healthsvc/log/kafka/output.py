"""Into the events topic: an idempotent producer, every record acknowledged by all replicas in
sync."""

from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from healthsvc.flows.intake.replay_output import OutputAwayError, ReplayBatch, SendResult
from healthsvc.log.kafka.client import KafkaSecurity


class KafkaOutput:
    """Produces batches keyed by customer; in one partition the order of the file is kept. Used as
    `async with`."""

    def __init__(
        self, bootstrap_servers: str, topic: str, security: KafkaSecurity | None = None
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._security = security or KafkaSecurity()
        self._producer: Any = None

    async def __aenter__(self) -> "KafkaOutput":
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            client_id="healthsvc-replay",
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            max_batch_size=256 * 1024,
            **self._security.arguments(),
        )
        try:
            await self._producer.start()
        except KafkaError as error:
            await self._producer.stop()
            raise OutputAwayError(f"no Kafka at {self._bootstrap_servers}: {error}") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def identity(self) -> str:
        return f"kafka {self._bootstrap_servers} {self._topic}"

    async def send(self, batch: ReplayBatch) -> SendResult:
        try:
            pending = [
                await self._producer.send(self._topic, value=event, key=customer_id.encode())
                for customer_id, event in zip(batch.customer_ids, batch.events, strict=True)
            ]
            for record in pending:
                await record
        except KafkaError as error:
            raise OutputAwayError(str(error)) from error
        return SendResult(accepted=len(batch))

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()
