"""Reference (a): a bare aiokafka loop, getmany plus a typed JSON decode of the envelope, and
nothing else.

Prints one line of JSON: events, seconds (first fetch asked for to last record decoded),
cpu_seconds.
"""

import argparse
import asyncio
import json
import time
from datetime import datetime

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

BATCH = 5_000


class Envelope(msgspec.Struct, gc=False):
    """The envelope with its instant checked; the data inside stays undecoded, which favours this
    reference."""

    id: str
    source: str
    type: str
    customer_id: str
    occurred_at: datetime
    contact_id: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


async def measure(bootstrap: str, topic: str, partitions: int, count: int) -> dict[str, float]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, partition) for partition in range(partitions)])
        await consumer.seek_to_beginning()
        return await _read(consumer, count)
    finally:
        await consumer.stop()


async def _read(consumer: AIOKafkaConsumer, count: int) -> dict[str, float]:
    decode = msgspec.json.Decoder(Envelope).decode
    seen = 0
    started, cpu = time.perf_counter(), time.process_time()
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=1_000, max_records=BATCH)).values():
            for record in records:
                decode(record.value)
            seen += len(records)
    return {
        "events": seen,
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--count", type=int, required=True)
    given = parser.parse_args()
    print(
        json.dumps(
            asyncio.run(measure(given.bootstrap, given.topic, given.partitions, given.count))
        )
    )


if __name__ == "__main__":
    main()
