"""A real `healthsvc` process for tests: started, asked over HTTP, ended by its id."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import httpx

from tests.support.forked import Forked
from tests.support.waiting import PATIENCE_SECONDS, POLL_SECONDS

COMMAND = Path(sys.executable).with_name("healthsvc")


def environment(**variables: str) -> dict[str, str]:
    """Ours without any HEALTHSVC_ variable, and with these: `environment(PORT="0")`."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("HEALTHSVC_")}
    return bare | {f"HEALTHSVC_{name}": value for name, value in variables.items()}


def command(
    *arguments: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(**(variables or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


class Service:
    """One `healthsvc ROLE` on a free port; a context manager that ends it.

    `by_command` starts the installed command; without it the process is forked, which is quicker.
    """

    def __init__(self, role: str = "up", *, by_command: bool = False, **variables: str) -> None:
        self.role = role
        self._by_command = by_command
        self.variables = {"HOST": "127.0.0.1", "PORT": "0", "LOG_FORMAT": "json", **variables}
        self.process: subprocess.Popen[bytes] | Forked | None = None
        options = {"prefix": "healthsvc-output-", "mode": "r", "encoding": "utf-8"}
        self._output = tempfile.NamedTemporaryFile(**options)  # noqa: SIM115

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._output.close()

    def start(self) -> None:
        """Start, and wait until it says that it is ready."""
        output = Path(self._output.name)
        output.write_bytes(b"")
        env = environment(**self.variables)
        if self._by_command:
            self.process = _started([COMMAND, self.role], env, output)
        else:
            self.process = Forked([self.role], env=env, output=output, cwd=Path.cwd())
        self.wait_for({"up": "is up", "api": "listens on"}.get(self.role, "role.started"))

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def output(self) -> str:
        """Everything it printed since the last start."""
        return Path(self._output.name).read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        return self._said(r"(http://[\d.:]+)")

    @property
    def key(self) -> str:
        """The first admin key, from the file that it names."""
        return Path(self._said(r"API key +in (.+)")).read_text(encoding="ascii").strip()

    def wait_for(self, words: str) -> None:
        """Until it printed these words; fails with its output if it ends, or takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        ended = False
        while words not in self.output:
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"healthsvc {self.role} did not say {words!r}:\n{self.output}")
            assert self.process is not None
            ended = (
                self.process.poll() is not None
            )  # what it said before it ended is looked at once more
            time.sleep(POLL_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and answer its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def client(self, key: str | None = None) -> httpx.Client:
        """An HTTP client that holds a key."""
        holder = key or self.variables.get("ADMIN_KEY") or self.key
        return httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {holder}"},
            timeout=PATIENCE_SECONDS,
        )

    def _said(self, pattern: str) -> str:
        found = re.search(pattern, self.output)
        assert found, f"{pattern} isn't in\n{self.output}"
        return found.group(1)


def _started(
    arguments: Sequence[str | Path], env: Mapping[str, str], output_path: Path
) -> subprocess.Popen[bytes]:
    with open(output_path, "wb") as output:
        return subprocess.Popen(
            arguments,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
