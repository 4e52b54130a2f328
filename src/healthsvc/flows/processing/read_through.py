"""Workers exchange how far they have read: an event may wait in a partition that isn't its home."""

from healthsvc.core.instants import to_us
from healthsvc.flows.processing.leases import Leases
from healthsvc.flows.processing.owner import Owner
from healthsvc.store.alerts import traffic
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import partitions


async def exchange_read_through(
    engine: AsyncEngine, leases: Leases, owner: Owner, *, has_kafka: bool
) -> None:
    """Write how far this worker has read, and the traffic it has counted; with Kafka, read how far
    all have."""
    mine = owner.as_of()
    async with engine.begin() as conn:
        await traffic.add(conn, leases.owner, owner.traffic.take())
        if mine:
            await partitions.note_read(
                conn, projection=leases.projection, owner=leases.owner, through=mine
            )
        everybody = await partitions.read_by_all(conn, leases.projection)
    if has_kafka:
        owner.others_us = 0 if everybody is None else to_us(everybody)
