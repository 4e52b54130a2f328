"""The straight way into the table log, for histories: thousands of events in one transaction, no
service needed."""

from collections.abc import Iterable
from zlib import crc32

from healthsvc.flows.intake.replay_output import OutputAwayError, ReplayBatch, SendResult
from healthsvc.store.database import installation
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.outage import is_outage
from healthsvc.store.intake.log import append
from healthsvc.store.processing.customer_homes import claim


class TableOutput:
    """Appends batches to the table log. Homes never change, so those seen are kept: they cost no
    query again."""

    def __init__(self, engine: AsyncEngine, home: installation.Installation) -> None:
        self._engine = engine
        self._partitions = home.partitions
        self._identity = f"table {home.identity}"
        self._homes: dict[str, int] = {}

    @staticmethod
    async def open(engine: AsyncEngine) -> "TableOutput":
        """Raises NotInstalledError when the database has no log yet."""
        async with engine.begin() as conn:
            return TableOutput(engine, await installation.read(conn))

    @property
    def identity(self) -> str:
        return self._identity

    async def send(self, batch: ReplayBatch) -> SendResult:
        """Claim homes, then append: one transaction."""
        unseen = {
            customer_id for customer_id in batch.customer_ids if customer_id not in self._homes
        }
        try:
            claimed = await self._append(batch, unseen)
        except Exception as error:
            if is_outage(error):
                raise OutputAwayError(_first_line(error)) from error
            raise
        self._homes |= claimed
        return SendResult(accepted=len(batch))

    async def close(self) -> None:
        """The engine is its maker's to dispose of."""

    async def _append(self, batch: ReplayBatch, unseen: Iterable[str]) -> dict[str, int]:
        async with self._engine.begin() as conn:
            claims = [
                (customer_id, crc32(customer_id.encode()) % self._partitions)
                for customer_id in unseen
            ]
            claimed = {
                customer_id: home.partition
                for customer_id, home in (await claim(conn, claims)).items()
            }
            homes = self._homes | claimed if claimed else self._homes
            partitions = map(homes.__getitem__, batch.customer_ids)
            await append(
                conn,
                [
                    (home, event.decode())
                    for home, event in zip(partitions, batch.events, strict=True)
                ],
            )
            return claimed


def _first_line(error: Exception) -> str:
    """What the driver says, without the statement that SQLAlchemy adds."""
    cause = getattr(error, "orig", None) or error
    return str(cause).partition("\n")[0] or type(cause).__name__
