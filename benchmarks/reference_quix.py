"""Reference (c): twelve decayed counters per customer in Quix Streams, stateful, with its changelog
topic.

It runs in an environment of its own (Quix pins older libraries than the product) and on its
defaults, but for librdkafka's fetch back-off: its default of a second would slow it down. It
validates nothing, drops no duplicates and writes to no database. Prints one line of JSON: events,
seconds (first record handed over to the last checkpoint made, changelog flushed), cpu_seconds.
"""

import argparse
import json
import tempfile
import time
import uuid
from datetime import datetime
from typing import Any

from quixstreams import Application, State

HALF_LIFE_SECONDS = 14 * 86_400.0
GROUPS = (
    "page", "feature", "session", "ticket", "survey", "complaint", "invoice", "subscription",
    "engagement", "seats", "customer",
)  # fmt: skip
COLUMN = {name: index for index, name in enumerate(GROUPS)}
OTHER = len(GROUPS)


class Counters:
    """The stateful step, and the moment at which it began."""

    def __init__(self) -> None:
        self.started: float | None = None
        self.cpu = 0.0

    def apply(self, event: dict[str, Any], state: State) -> dict[str, Any]:
        if self.started is None:
            self.started, self.cpu = time.perf_counter(), time.process_time()
        at = datetime.fromisoformat(event["occurred_at"]).timestamp()
        kept = state.get("counters") or {"at": at, "levels": [0.0] * (OTHER + 1)}
        levels = kept["levels"]
        if at > kept["at"]:
            decay = 0.5 ** ((at - kept["at"]) / HALF_LIFE_SECONDS)
            levels = [level * decay for level in levels]
            kept["at"] = at
        levels[COLUMN.get(event["type"].partition(".")[0], OTHER)] += 1.0
        kept["levels"] = levels
        state.set("counters", kept)
        return event


def measure(bootstrap: str, topic: str, count: int, state_dir: str) -> dict[str, float]:
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{uuid.uuid4()}",
        auto_offset_reset="earliest",
        state_dir=state_dir,
        consumer_extra_config={"fetch.queue.backoff.ms": 5},
        loglevel="WARNING",
    )
    counters = Counters()
    frame = app.dataframe(app.topic(topic, value_deserializer="json"))
    frame.apply(counters.apply, stateful=True)
    app.run(count=count, collect=False)
    if counters.started is None:
        raise SystemExit("Quix read nothing")
    return {
        "events": count,
        "seconds": time.perf_counter() - counters.started,
        "cpu_seconds": time.process_time() - counters.cpu,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--count", type=int, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quix-") as state_dir:
        print(json.dumps(measure(given.bootstrap, given.topic, given.count, state_dir)))


if __name__ == "__main__":
    main()
