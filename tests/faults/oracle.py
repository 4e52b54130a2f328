"""What was sent, and whether each customer has exactly that: nothing lost, nothing twice."""

import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from healthsvc.core.folding import facts
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from healthsvc.wire.scorecards.document import compile_document
from tests.faults import ask
from tests.faults.workers import until
from tests.support.makers import as_json, make_event
from tests.support.waiting import PATIENCE_SECONDS

TYPES = (
    "feature.used",
    "page.viewed",
    "session.started",
    "ticket.opened",
    "ticket.resolved",
    "survey.answered",
    "invoice.paid",
)
LIVE = "(select id from projections where state = 'live')"
AGAIN = 0.05
"""Share of records that are sent a second time, some time later, by another producer."""


class Stream(threading.Thread):
    """Producers with two partitioners at once, sending paced events, some of them twice; remembers
    what it sent."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        events: int,
        seconds: float,
        customers: int = 150,
        seed: int = 1,
    ) -> None:
        super().__init__(daemon=True)
        self.topic, self.bootstrap = topic, bootstrap
        self.sent: Counter[tuple[str, str]] = Counter()
        self.records = self.events = 0
        self._goal, self._seconds, self._customers = events, seconds, customers
        self._chance = random.Random(seed)
        self._named = f"{seed}-{id(self)}"
        self._begin = datetime.now(UTC)
        self._halt = threading.Event()
        self._failed: list[str] = []
        self._producers = [
            self._producer(partitioner) for partitioner in ("consistent_random", "murmur2_random")
        ]

    def _producer(self, partitioner: str) -> Producer:
        options = {
            "bootstrap.servers": self.bootstrap,
            "enable.idempotence": True,
            "linger.ms": 5,
            "delivery.timeout.ms": 120_000,
        }
        return Producer(
            {
                **options,
                "partitioner": partitioner,
                "topic.metadata.refresh.interval.ms": 1000,
                "log_level": 0,
            }
        )

    def run(self) -> None:
        waiting: list[tuple[float, str, bytes]] = []
        began = time.monotonic()
        while self.events < self._goal and not self._halt.is_set():
            due = int(min(1.0, (time.monotonic() - began) / self._seconds) * self._goal)
            for _ in range(due - self.events):
                self._send_one(waiting)
            while waiting and waiting[0][0] < time.monotonic():
                _, customer, record = waiting.pop(0)
                self._produce(customer, record)
            for producer in self._producers:
                producer.poll(0)
            time.sleep(0.01)
        for _, customer, record in waiting:
            self._produce(customer, record)
        for producer in self._producers:
            if producer.flush(PATIENCE_SECONDS):
                self._failed.append("not flushed")

    def _send_one(self, waiting: list[tuple[float, str, bytes]]) -> None:
        customer, type = f"c{self._chance.randrange(self._customers)}", self._chance.choice(TYPES)
        at = self._begin - timedelta(seconds=self._chance.randrange(20 * 86_400))
        event = make_event(
            type,
            id=f"{self._named}-{self.events}",
            customer_id=customer,
            occurred_at=at.isoformat(),
        )
        record = as_json(event).encode()
        self.events += 1
        self.sent[customer, type] += 1
        self._produce(customer, record)
        if self._chance.random() < AGAIN:
            waiting.append((time.monotonic() + self._chance.random() * 2, customer, record))
            waiting.sort()

    def _produce(self, customer: str, record: bytes) -> None:
        self.records += 1
        self._chance.choice(self._producers).produce(
            self.topic, record, customer, on_delivery=self._delivered
        )

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed.append(str(error))

    def finish(self, *, now: bool = False) -> None:
        """Wait until all is acknowledged; `now`: send no more new ones."""
        if now:
            self._halt.set()
        self.join(2 * PATIENCE_SECONDS)
        assert not self.is_alive()
        assert self._failed == []


def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Where the topic's partitions end."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "oracle", "log_level": 0})
    try:
        found = consumer.list_topics(topic, timeout=PATIENCE_SECONDS).topics[topic].partitions
        places = [TopicPartition(topic, partition) for partition in found]
        return {
            at.partition: consumer.get_watermark_offsets(at, timeout=PATIENCE_SECONDS)[1]
            for at in places
        }
    finally:
        consumer.close()


def settled(url: str, target: dict[int, int]) -> bool:
    """Whether both inputs are read to their end; one snapshot, since a hand-over moves between
    them."""
    found = ask.rows(
        url,
        "select p.partition, kafka_offset, table_offset, head from partitions p join log_heads h"
        f" using (partition) where p.projection = {LIVE}",
    )
    done = {
        r["partition"]
        for r in found
        if r["kafka_offset"] >= target.get(r["partition"], -1) and r["table_offset"] == r["head"]
    }
    return done >= target.keys()


def assert_exact(url: str, *streams: Stream, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until everything is read, then compare every customer and type; answers how long the
    catching up took."""
    target = ends(streams[0].bootstrap, streams[0].topic)
    took = until(lambda: settled(url, target), "everything read", seconds)
    sent: Counter[tuple[str, str]] = Counter()
    for stream in streams:
        sent += stream.sent
    per_customer: Counter[str] = Counter()
    for (customer, _), count in sent.items():
        per_customer[customer] += count
    found = counted(url)
    differing = {
        c: (found.get(c), per_customer.get(c))
        for c in {*found, *per_customer}
        if found.get(c) != per_customer.get(c)
    }
    assert not differing, f"customer: (counted, sent) {differing}"
    archived = """
        select c.customer_id, a.event::jsonb ->> 'type' as type, count(*) as n,
            count(distinct a.event::jsonb ->>
        'id') as ids
        from archive a join customers c on c.key = a.customer_key group by 1, 2
    """
    found = ask.rows(url, archived)
    assert {(r["customer_id"], r["type"]): r["n"] for r in found} == dict(sent)
    assert all(r["n"] == r["ids"] for r in found)
    assert ask.value(url, "select count(*) from dead_letters") == 0
    assert ask.value(url, f"select sum(applied) from partitions where projection = {LIVE}") == sum(
        sent.values()
    )
    return took


def counted(url: str) -> dict[str, int]:
    """`events_total` of every customer, out of its packed state."""
    found = ask.rows(
        url,
        "select c.customer_id, s.* from states s join customers c on c.key = s.customer_key"
        f" where s.projection = {LIVE}",
    )
    table = States(compile_document("").program, max(1, len(found)))
    table.load(
        [
            Stored(
                customer_id=r["customer_id"],
                key=r["customer_key"],
                partition=r["partition"],
                state=r["state"],
                decision=r["decision"],
                profile=None,
            )
            for r in found
        ]
    )
    return {name: int(table.facts[row, facts.EVENTS]) for name, row in table.row_of.items()}
