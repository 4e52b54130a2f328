"""Servers shared by all workers of a test session: started by the first that asks, ended by the
session's controller.

The controller (the only process without xdist) makes a folder and names it in the environment,
which workers inherit. A worker that needs a server takes the folder's lock, starts the server if
its note isn't there, and leaves a note with its process id.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "HEALTHSVC_TEST_SHARED_DIR"


def open_session() -> None:
    """Called by the controller, before workers exist."""
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix="healthsvc-tests-")


def close_session() -> None:
    """Called by the controller, after all workers ended: stop what they started, by process id."""
    folder = Path(os.environ.pop(VARIABLE))
    for note in folder.glob("*.json"):
        end(json.loads(note.read_text())["pid"])
    shutil.rmtree(folder, ignore_errors=True)


def folder() -> Path:
    return Path(os.environ[VARIABLE])


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Only one process of the session at a time gets past here."""
    with open(folder() / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def shared(name: str, start: Callable[[], tuple[int, str]]) -> str:
    """The address of server `name`; `start` answers (process id, address) and runs once per
    session."""
    note = folder() / f"{name}.json"
    with locked(name):
        if not note.exists():
            pid, address = start()
            note.write_text(json.dumps({"pid": pid, "address": address}))
        return str(json.loads(note.read_text())["address"])


def end(pid: int, *, patience_seconds: float = 15.0) -> None:
    """Ask a process to end, wait, and end it by force."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if _is_gone(pid, number):
            return
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if _is_gone(pid):
                return
            time.sleep(0.05)


def _is_gone(pid: int, number: int = 0) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a child of ours stays as a zombie until we ask for it
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    return False
