"""Reference (b): the service one writes first. One event, one ORM session, one commit (pydantic,
SQLAlchemy, asyncpg).

Per event: validate, load the customer's counters, update the twelve, note the event's id (its key
refuses a duplicate), commit. Events are read from Kafka one at a time, a slice of the load, since
it is slow. Prints one line of JSON: events, seconds (first record to last commit), cpu_seconds.
"""

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import DateTime
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

HALF_LIFE_SECONDS = 14 * 86_400.0
GROUPS = (
    "page", "feature", "session", "ticket", "survey", "complaint", "invoice", "subscription",
    "engagement", "seats", "customer", "other",
)  # fmt: skip


class Event(BaseModel):
    """The envelope as pydantic checks it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    source: str
    type: str
    customer_id: str
    contact_id: str | None = None
    occurred_at: AwareDatetime
    data: dict[str, Any] = {}


class Base(DeclarativeBase):
    """The reference's own tables."""


class Counted(Base):
    """An event's id, once."""

    __tablename__ = "orm_counted"
    source: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]


class Customer(Base):
    """Twelve decayed counters."""

    __tablename__ = "orm_customers"
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    page: Mapped[float] = mapped_column(default=0.0)
    feature: Mapped[float] = mapped_column(default=0.0)
    session: Mapped[float] = mapped_column(default=0.0)
    ticket: Mapped[float] = mapped_column(default=0.0)
    survey: Mapped[float] = mapped_column(default=0.0)
    complaint: Mapped[float] = mapped_column(default=0.0)
    invoice: Mapped[float] = mapped_column(default=0.0)
    subscription: Mapped[float] = mapped_column(default=0.0)
    engagement: Mapped[float] = mapped_column(default=0.0)
    seats: Mapped[float] = mapped_column(default=0.0)
    customer: Mapped[float] = mapped_column(default=0.0)
    other: Mapped[float] = mapped_column(default=0.0)


def _count(customer: Customer, event: Event) -> None:
    """Decay the twelve to the event's instant, then add one to its own."""
    passed = max(0.0, (event.occurred_at - customer.at).total_seconds())
    decay = 0.5 ** (passed / HALF_LIFE_SECONDS)
    own = event.type.partition(".")[0]
    own = own if own in GROUPS else "other"
    for group in GROUPS:
        setattr(customer, group, getattr(customer, group) * decay + (group == own))
    customer.at = max(customer.at, event.occurred_at)


async def apply(sessions: async_sessionmaker[AsyncSession], raw: bytes) -> None:
    event = Event.model_validate_json(raw)
    async with sessions() as session:
        customer = await session.get(Customer, event.customer_id)
        if customer is None:
            customer = Customer(
                id=event.customer_id, at=event.occurred_at, **dict.fromkeys(GROUPS, 0.0)
            )
            session.add(customer)
        _count(customer, event)
        session.add(Counted(source=event.source, id=event.id, customer_id=event.customer_id))
        try:
            await session.commit()
        except IntegrityError:
            await session.rollback()


async def measure(bootstrap: str, topic: str, count: int, database: str) -> dict[str, float]:
    engine = create_async_engine(database.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with engine.begin() as conn:
        await conn.run_sync(Base.metadata.create_all)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        return await _run(consumer, sessions, count)
    finally:
        await consumer.stop()
        await engine.dispose()


async def _run(
    consumer: AIOKafkaConsumer, sessions: async_sessionmaker[AsyncSession], count: int
) -> dict[str, float]:
    warm = _warm_up(datetime.now(UTC))
    await apply(sessions, warm)  # compiles the statements and opens the connection
    started, cpu, seen = time.perf_counter(), time.process_time(), 0
    async for record in consumer:
        await apply(sessions, record.value)
        seen += 1
        if seen == count:
            break
    return {
        "events": seen,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
    }


def _warm_up(now: datetime) -> bytes:
    event = Event(
        id="warm-up",
        source="web",
        type="feature.used",
        customer_id="warm-up",
        occurred_at=now,
        data={"feature": "search"},
    )
    return event.model_dump_json().encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--database", required=True)
    given = parser.parse_args()
    print(
        json.dumps(asyncio.run(measure(given.bootstrap, given.topic, given.count, given.database)))
    )


if __name__ == "__main__":
    main()
