"""What a process and its children take: processor seconds, and resident memory sampled while it
runs."""

import threading
from collections.abc import Sequence
from types import TracebackType

import psutil

SAMPLE_SECONDS = 0.1
MIB = 1024 * 1024


def tree(pid: int) -> list[psutil.Process]:
    """The process and its descendants, none if it has ended."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def is_running(pid: int) -> bool:
    """False too for a child of ours that has ended and wasn't waited for."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree; children that have ended count too, once their parent has
    waited for them."""
    total = 0.0
    for process in tree(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def rss_mib(pid: int) -> float:
    total = 0.0
    for process in tree(pid):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / MIB


class MemoryWatch:
    """Samples the resident memory of processes and their children from entry to exit; `peak_mib` is
    the highest sum."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_mib = 0.0

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_mib = max(self.peak_mib, sum(map(rss_mib, self._pids)))
            if self._done.wait(SAMPLE_SECONDS):
                return
