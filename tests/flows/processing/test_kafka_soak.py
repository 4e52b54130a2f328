"""A fuzzer of Kafka records, soaked: good events among odd records all count, each odd one is a
dead letter once."""

import os
import random
import time
from typing import Any

import pytest

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


@pytest.mark.timeout(0)
async def test_good_events_among_odd_records_all_count_and_each_odd_one_is_a_dead_letter(
    engine: AsyncEngine, database_url: str, kafka: str, kafka_topic: Make, record_property: Any
) -> None:
    topic = kafka_topic(partitions=2, config=ANY_TIME)
    fuzzer, sent, worst, number = Fuzzer(seed := random.randrange(2**32)), 0, 0.0, 0
    await installed(engine, 2)
    source = KafkaInput(bootstrap_servers=kafka, topic=topic, partitions=2)
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
        f"\n{sent} records, {fuzzer.bad} of them set aside; a good one counted within {worst:.2f} s; seed {seed}"
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
