"""Which entrance to the log a command uses, and opening it: a running service, Kafka, or the table
of a database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from healthsvc.core.errors import InvalidInput
from healthsvc.flows.intake.replay_output import ReplayOutput
from healthsvc.flows.intake.table_output import TableOutput
from healthsvc.log.http_output import MAX_EVENTS, HttpOutput, client_for
from healthsvc.log.kafka.output import KafkaOutput
from healthsvc.settings import Settings
from healthsvc.wiring.database import any_database, engine_on, update
from healthsvc.wiring.factories import kafka_security

APPLICATION = "healthsvc-replay"
TABLE_EVENTS = 5000


class OutputTargetError(InvalidInput):
    """The options don't name exactly one way into the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTarget:
    """The chosen entrance; none of the three named is the service's own database."""

    settings: Settings
    url: str | None = None
    key: str | None = None
    kafka: bool = False
    database: str | None = None

    def __post_init__(self) -> None:
        if sum((self.url is not None, self.kafka, self.database is not None)) > 1:
            raise OutputTargetError("choose one of --url, --kafka and --database")
        if self.url is not None and not self._key:
            raise OutputTargetError(
                "--url needs an API key: give --key, or set HEALTHSVC_ADMIN_KEY"
            )
        if self.kafka and not self.settings.kafka_bootstrap_servers:
            raise OutputTargetError("--kafka needs HEALTHSVC_KAFKA_BOOTSTRAP_SERVERS")

    @property
    def batch(self) -> int:
        """Events in one batch."""
        return MAX_EVENTS if self.url else TABLE_EVENTS

    @property
    def _key(self) -> str:
        admin = self.settings.admin_key
        return self.key or (admin.get_secret_value() if admin else "")

    @contextmanager
    def ready(self) -> Iterator[str | None]:
        """The database's address (None: it takes none); an embedded server that nobody runs is run
        meanwhile.

        Outside of any event loop, since the server is started from the main thread.
        """
        if self.url or self.kafka:
            yield None
        elif self.database:
            yield self.database
        else:
            with any_database(self.settings) as address:
                if self.settings.database is None:
                    asyncio.run(update(address, self.settings))
                yield address

    @asynccontextmanager
    async def output(self, address: str | None) -> AsyncIterator[ReplayOutput]:
        """The open entrance."""
        if self.url is not None:
            async with client_for(self.url, self._key) as client:
                yield HttpOutput(client)
        elif self.kafka:
            servers, security = (
                self.settings.kafka_bootstrap_servers or "",
                kafka_security(self.settings),
            )
            async with KafkaOutput(servers, self.settings.events_topic, security) as kafka:
                yield kafka
        else:
            async with engine_on(address or "", APPLICATION, pool_size=2) as engine:
                yield await TableOutput.open(engine)
