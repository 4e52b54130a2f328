"""Who reads which partition: leases in PostgreSQL, by its clock, in fair shares, handed over at
once at the end."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.processing import heartbeats, partition_leases
from healthsvc.store.processing import partitions as rows
from healthsvc.store.processing.partition_leases import Lease
from healthsvc.store.processing.partitions import Ownership


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one tick changed; `surplus` are ours until we release them, after their flush."""

    acquired: dict[int, Ownership] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    surplus: set[int] = field(default_factory=set)


class Leases:
    """One worker's partitions of one projection. Call `tick` each second, from one task.

    A lease tells others that they need not take over; the right to write is the epoch, which each
    flush compares. So a late tick costs a hand-over at worst.
    """

    def __init__(
        self, engine: AsyncEngine, projection: int, worker_id: str, lease_seconds: float = 10.0
    ) -> None:
        self._engine = engine
        self.projection = projection
        self.owner = (  # workers of another projection aren't counted in the shares
            f"{projection}/{worker_id}"
        )
        self._lease_seconds = lease_seconds
        self._epochs: dict[int, int] = {}

    @property
    def owned(self) -> Collection[int]:
        return self._epochs.keys()

    async def tick(self) -> Changes:
        """Beat, renew, notice what was lost, take up to our fair share, and name what is beyond
        it."""
        async with self._engine.begin() as conn:
            await heartbeats.heartbeat(conn, self.owner, self._lease_seconds)
            await heartbeats.forget_dead_workers(conn)
            workers = await heartbeats.live_workers(conn, f"{self.projection}/")
        async with self._engine.begin() as conn:
            await partition_leases.renew(
                conn,
                projection=self.projection,
                owner=self.owner,
                lease_seconds=self._lease_seconds,
            )
            table = await partition_leases.leases(conn, self.projection)
            lost = {
                p for p, epoch in self._epochs.items() if not self._is_ours(table.get(p), epoch)
            }
            still_owned = self._epochs.keys() - lost
            share = fair_share(self.owner, workers, table.values())
            acquired = (
                await self._take(conn, still_owned, share - len(still_owned))
                if share > len(still_owned)
                else {}
            )
        for partition in lost:
            del self._epochs[partition]
        self._remember(acquired)
        return Changes(
            acquired=acquired, lost=lost, surplus=set(sorted(still_owned)[max(share, 0) :])
        )

    def _is_ours(self, lease: Lease | None, epoch: int) -> bool:
        return lease is not None and lease.owner == self.owner and lease.epoch == epoch

    async def _take(
        self, conn: AsyncConnection, owned: Iterable[int], at_most: int
    ) -> dict[int, Ownership]:
        return await partition_leases.take(
            conn,
            projection=self.projection,
            owner=self.owner,
            lease_seconds=self._lease_seconds,
            owned=owned,
            at_most=at_most,
        )

    def _remember(self, owned: dict[int, Ownership]) -> None:
        self._epochs |= {partition: ownership.epoch for partition, ownership in owned.items()}

    async def reclaim(self, partitions: Iterable[int]) -> dict[int, Ownership]:
        """Take our partitions anew after an error, and return where they really stand; those
        missing are lost.

        Waits until the fate of our former transaction is settled: it holds the rows.
        """
        ours = set(partitions) & self._epochs.keys()
        async with self._engine.begin() as conn:
            fresh = await partition_leases.retake(
                conn,
                projection=self.projection,
                owner=self.owner,
                lease_seconds=self._lease_seconds,
                partitions=ours,
            )
        for partition in ours:
            del self._epochs[partition]
        self._remember(fresh)
        return fresh

    async def release(self, partitions: Iterable[int]) -> None:
        """Give these up, so that others take them at once; call it after their last flush."""
        ours = set(partitions) & self._epochs.keys()
        epochs = {partition: self._epochs[partition] for partition in ours}
        async with self._engine.begin() as conn:
            await partition_leases.release(
                conn, projection=self.projection, owner=self.owner, epochs=epochs
            )
        for partition in ours:
            del self._epochs[partition]

    async def ensure(self, partitions: Iterable[int]) -> None:
        """Make partitions exist that an input was found to have."""
        async with self._engine.begin() as conn:
            await rows.ensure(conn, partitions)

    async def stop(self) -> None:
        """Release everything and leave the workers; the flushes must be over."""
        await self.release(list(self._epochs))
        async with self._engine.begin() as conn:
            await heartbeats.forget_worker(conn, self.owner)


def fair_share(owner: str, workers: Iterable[str], leases: Iterable[Lease]) -> int:
    """Return how many partitions `owner` should have, so that all have the same number or one more.

    Those who have most keep the odd ones, so that as few as possible move.
    """
    table = list(leases)
    counts = dict.fromkeys({*workers, owner}, 0)
    for lease in table:
        if lease.owner in counts:
            counts[lease.owner] += 1
    ranking = sorted(counts, key=lambda worker: (-counts[worker], worker))
    each, odd = divmod(len(table), len(ranking))
    return each + (ranking.index(owner) < odd)
