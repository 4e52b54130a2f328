"""The database of a million customers: filled by the product itself from Kafka, once, and kept in .bench/.

It is made anew when the schema, the core or the load's generator changed, and when it is older than MAX_AGE_SECONDS,
for its customers would have fallen silent.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import ground, load, product
from benchmarks.ground import ROOT, Ground

CUSTOMERS = 1_000_000
CHUNK = 100_000
SEED = 7
PREFIX = "bench_million_"
MAX_AGE_SECONDS = 12 * 3600
LAST_OCCURRED_SECONDS_AGO = 3 * 3600  # before the two hours of the measured load


def template(base: Ground, partitions: int, tell: Callable[[int], None]) -> str:
    """The template's name, its customers at home in so many partitions.

    `tell` is called with the number of events that were counted since it was last called.
    """
    start = f"{PREFIX}{_fingerprint()}_{partitions}_"
    for name in ground.databases(base.postgres, start):
        if time.time() - int(name.removeprefix(start)) < MAX_AGE_SECONDS:
            return name
    for name in ground.databases(base.postgres, PREFIX):
        ground.drop(base.postgres, name)
    return _make(base, f"{start}{int(time.time())}", partitions, tell)


def _make(base: Ground, name: str, partitions: int, tell: Callable[[int], None]) -> str:
    filling = "bench_filling"
    ground.create(base.postgres, filling, template=base.empty)
    product.fill(base, base.postgres.url(filling), _loads(), partitions, tell)
    ground.forget_reading(base.postgres, filling)
    ground.rename(base.postgres, filling, name)
    return name


def _loads() -> Iterator[load.Load]:
    end_us = (time.time_ns() // 1_000) - LAST_OCCURRED_SECONDS_AGO * 1_000_000
    make = partial(load.fill, customers=CHUNK, seed=SEED, end_us=end_us)
    return (make(first=first) for first in range(0, CUSTOMERS, CHUNK))


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for folder in ("migrations/versions", "src/healthsvc/core", "benchmarks"):
        for path in sorted((ROOT / folder).glob("*")):
            if path.is_file() and (folder != "benchmarks" or path.name in ("load.py", "million.py")):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
