"""`healthsvc` processes that are forked from one that has imported everything.

A process of its own in every way (memory, signals, exit code), without two seconds of imports at each
start.
`tests/e2e` starts the command itself, as an operator would.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

PRELOADED = (
    "healthsvc.cli.roles",
    "healthsvc.cli.up",
    "healthsvc.wiring.api",
    "healthsvc.wiring.deliver",
    "healthsvc.wiring.process",
)


class Forked:
    """One `healthsvc ARGUMENTS`; has the part of `subprocess.Popen` that tests use."""

    def __init__(
        self, arguments: Sequence[str], *, env: Mapping[str, str], output: Path, cwd: Path
    ) -> None:
        self._process = ForkServerProcess(
            target=_run, args=(list(arguments), dict(env), str(output), str(cwd))
        )
        _server().set_forkserver_preload(list(PRELOADED))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("healthsvc", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Nothing happens if it has ended."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _server() -> ForkServerContext:
    return multiprocessing.get_context("forkserver")


def _run(arguments: list[str], env: dict[str, str], output: str, cwd: str) -> None:
    from healthsvc import cli

    os.setsid()
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    sys.argv = ["healthsvc", *arguments]
    cli.main()
