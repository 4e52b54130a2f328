"""A fuzzer of Kafka records, soaked: good events among odd records all count, each odd one is a
dead letter once."""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import Producer

from healthsvc.log.kafka.input import KafkaInput
from healthsvc.store.database.engine import AsyncEngine
from tests.flows.processing.test_kafka_unstoppable import ANY_TIME, Make, event
from tests.flows.spine import applied, installed, processing, reaches, scalar, wall
from tests.support.kafka_records import CODECS, RawBatch, RawProducer, RawRecord
from tests.support.waiting import until

MINUTES = float(os.environ.get("HEALTHSVC_TEST_SOAK_MINUTES", "1"))
AT_ONCE = 500
LOOK_AT_EACH = 20
"""Batches between two looks whether everything sent so far is counted."""

pytestmark = pytest.mark.soak


class Fuzzer:
    """Batches of records, and what must become of them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.good = self.bad = 0

    def batch(self) -> RawBatch:
        odd = self._random.random()
        records = [self._record(odd) for _ in range(self._random.randint(1, AT_ONCE))]
        return RawBatch(records=records, codec=self._random.choice(list(CODECS)))

    def transaction(self, *, commits: bool) -> list[RawRecord]:
        """Records of one transaction; those of one that is aborted must become nothing."""
        before = self.good, self.bad
        odd = self._random.random()
        records = [self._record(odd) for _ in range(self._random.randint(1, 50))]
        if not commits:
            self.good, self.bad = before
            records = [RawRecord(value=event("aborted", id=f"a{i}")) for i in range(len(records))]
        return records

    def commits(self) -> bool:
        return self._random.random() < 0.5

    def _record(self, odd: float) -> RawRecord:
        good = self._random.random() > odd / 4
        if good:
            self.good += 1
            value: bytes | None = event(f"c{self._random.randrange(1000)}", id=f"e{self.good}")
        else:
            self.bad += 1
            value = self._junk()
        headers = [self._header() for _ in range(self._random.choice([0, 0, 0, 1, 3]))]
        return RawRecord(value=value, key=self._maybe(), headers=headers, timestamp=self._time())

    def _junk(self) -> bytes | None:
        some = self._random.randbytes(self._random.choice([1, 30, 2000]))
        return self._random.choice(
            [None, b"", b"{}", b"[]", b"\0" * 9, b"\xff" + some, b'{"customer_id": "\\u0000"}']
        )

    def _maybe(self) -> bytes | None:
        return self._random.choice([None, b"", b"k", self._random.randbytes(9)])

    def _header(self) -> tuple[bytes, bytes | None]:
        name = self._random.choice(
            [b"x", b"", b"a\0b", b"\xff\xfe", b"traceparent", self._random.randbytes(5)]
        )
        return name, self._maybe()

    def _time(self) -> int | None:
        now = int(time.time())
        return self._random.choice(
            [None, None, None, 0, -1, now, now * 10**6, now * 10**9, 2**63 - 1]
        )


class Transactions:
    """A transactional producer. Its calls block."""

    def __init__(self, bootstrap: str, topic: str, name: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name})
        self._producer.init_transactions(60)
        self._topic = topic

    def send(self, partition: int, records: Sequence[RawRecord], *, commits: bool) -> None:
        """Send one transaction to a partition, and commit or abort it."""
        self._producer.begin_transaction()
        for record in records:
            headers = [(name.decode("latin-1").replace("\0", ""), v) for name, v in record.headers]
            self._producer.produce(
                self._topic, record.value, record.key, partition=partition, headers=headers
            )
        self._producer.flush(60)
        if commits:
            self._producer.commit_transaction(60)
        else:
            self._producer.abort_transaction(60)


@pytest.mark.timeout(0)
async def test_good_events_among_odd_records_all_count_and_each_odd_one_is_a_dead_letter(
    engine: AsyncEngine, database_url: str, kafka: str, kafka_topic: Make, record_property: Any
) -> None:
    topic = kafka_topic(partitions=2, config=ANY_TIME)
    fuzzer, sent, worst, number = Fuzzer(seed := random.randrange(2**32)), 0, 0.0, 0
    await installed(engine, 2)
    source = KafkaInput(bootstrap_servers=kafka, topic=topic, partitions=2)
    transactions = await asyncio.to_thread(Transactions, kafka, topic, f"soak-{seed}")
    deadline = time.monotonic() + MINUTES * 60
    async with (
        RawProducer(kafka) as producer,
        processing(engine, database_url, wall, inputs=[source]) as task,
    ):
        while time.monotonic() < deadline:
            for _ in range(LOOK_AT_EACH):
                batch = fuzzer.batch()
                sent += len(batch.records)
                await producer.send(topic, number % 2, batch)
                number += 1
            commits = fuzzer.commits()
            together = fuzzer.transaction(commits=commits)
            await asyncio.to_thread(transactions.send, number % 2, together, commits=commits)
            sent += len(together)
            probe, began = f"probe{number}", time.monotonic()
            await producer.send(
                topic, number % 2, RawBatch(records=[RawRecord(value=event(probe))])
            )
            fuzzer.good, sent = fuzzer.good + 1, sent + 1
            await until(lambda probe=probe: reaches(engine, probe, 1))
            worst = max(worst, time.monotonic() - began)
            assert not task.done(), f"seed {seed}"

        async def all_counted() -> bool:
            return await applied(engine) >= fuzzer.good

        await until(all_counted)
    print(
        f"\n{sent} records, {fuzzer.bad} of them set aside; a good one counted within {worst:.2f}"
        f" s; seed {seed}"
    )
    record_property("records", sent)
    assert await applied(engine) == fuzzer.good
    assert await scalar(engine, "select count(*) from dead_letters") == fuzzer.bad
    assert (
        await scalar(
            engine, "select count(*) from dead_letters where reason in ('unfoldable', 'unreadable')"
        )
        == 0
    )
