"""Worker processes as they run in production, to be stopped, frozen and killed by the test that
started them."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.faults import ask
from tests.support.forked import Forked
from tests.support.waiting import PATIENCE_SECONDS, eventually


class Worker:
    """One `healthsvc process`."""

    def __init__(
        self, url: str, bootstrap: str, topic: str, folder: Path, number: int, **settings: str
    ) -> None:
        self.log_path = folder / f"worker-{number}.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HEALTHSVC_")}
        environment |= {
            "HEALTHSVC_DATABASE_URL": url,
            "HEALTHSVC_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "HEALTHSVC_EVENTS_TOPIC": topic,
            "HEALTHSVC_DATA_DIR": str(folder),
            "HEALTHSVC_LEASE_SECONDS": "2",
            "HEALTHSVC_LOG_FORMAT": "json",
            **{f"HEALTHSVC_{name.upper()}": value for name, value in settings.items()},
        }
        self.log_path.write_bytes(b"")
        self._process = Forked(["process"], env=environment, output=self.log_path, cwd=folder)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> int:
        """In good order; answers its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def said(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of this name."""
        lines: list[dict[str, Any]] = []
        for line in self.log_path.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return [line for line in lines if isinstance(line, dict) and line.get("event") == event]


class Fleet:
    """The workers of one test on one database and topic."""

    def __init__(self, url: str, bootstrap: str, topic: str, folder: Path, **settings: str) -> None:
        self.url, self.bootstrap, self.topic = url, bootstrap, topic
        self._folder, self._settings = folder, settings
        self._all: list[Worker] = []

    def start(self) -> Worker:
        worker = Worker(
            self.url, self.bootstrap, self.topic, self._folder, len(self._all), **self._settings
        )
        self._all.append(worker)
        return worker

    @property
    def started(self) -> list[Worker]:
        """All that ever were."""
        return list(self._all)

    def owners(self) -> dict[int, int]:
        """How many partitions each process id owns."""
        found: dict[int, int] = {}
        for row in ask.rows(
            self.url,
            "select owner, count(*) n from partitions where owner is not null group by owner",
        ):
            found[int(row["owner"].rsplit("-", 2)[1])] = row["n"]
        return found

    def close(self) -> None:
        for worker in self._all:
            if worker.alive:
                worker.thaw()
                worker.kill()


@contextlib.contextmanager
def fleet(url: str, bootstrap: str, topic: str, folder: Path, **settings: str) -> Iterator[Fleet]:
    made = Fleet(url, bootstrap, topic, folder, **settings)
    try:
        yield made
    finally:
        made.close()


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for it; answers how long it took."""
    began = time.monotonic()
    eventually(condition, what=what, seconds=seconds)
    return time.monotonic() - began
