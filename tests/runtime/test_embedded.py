"""The embedded PostgreSQL starts, keeps what it acknowledged, and gets up again however it or we
were ended."""

import asyncio
import os
import pwd
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from healthsvc.runtime import embedded
from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.store.database.engine import connect
from tests.support.waiting import PATIENCE_SECONDS, eventually

START_AND_HANG = """
import pathlib, sys, time
from healthsvc.runtime.embedded import EmbeddedPostgres
from healthsvc.telemetry import configure_logging
configure_logging()
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), die_with_parent=sys.argv[2] == "tied")
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def ask(url: str, *statements: str) -> object:
    """Run statements; answer the last one's first value."""

    async def run() -> object:
        conn = await connect(url)
        try:
            answers = [await conn.fetchval(statement) for statement in statements]
        finally:
            await conn.close()
        return answers[-1]

    return asyncio.run(run())


def start_in_another_process(folder: Path, *, tied: bool) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-c", START_AND_HANG, str(folder), "tied" if tied else "loose"]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def is_alive(pid: int) -> bool:
    """A process that ended but that nobody has asked for yet (a zombie) isn't."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return state.strip() != "" and not state.startswith("Z")


def test_the_first_start_makes_a_database_and_a_later_one_finds_it_again(
    own_postgres: EmbeddedPostgres,
) -> None:
    ask(own_postgres.start(), "create table t as select 1 as a")
    own_postgres.stop()
    assert own_postgres.pid is None
    assert ask(own_postgres.start(), "select current_database() || a from t") == "healthsvc1"


def test_a_killed_server_recovers_what_it_acknowledged(own_postgres: EmbeddedPostgres) -> None:
    url = own_postgres.start()
    ask(url, "create table t (a int)", "insert into t select generate_series(1, 1000)")
    assert own_postgres.pid is not None
    os.kill(own_postgres.pid, signal.SIGKILL)
    asyncio.run(own_postgres.wait())
    assert ask(own_postgres.start(), "select count(*) from t") == 1000


def test_a_server_that_outlived_its_parent_is_stopped_first(data_dir: Path) -> None:
    parent, orphan = start_in_another_process(data_dir, tied=False)
    parent.kill()
    parent.wait()
    assert is_alive(orphan)

    mine = EmbeddedPostgres(data_dir)
    assert ask(mine.start(), "select 1") == 1
    assert not is_alive(orphan)
    mine.stop()


def test_the_server_ends_by_itself_when_its_parent_is_killed(data_dir: Path) -> None:
    parent, server = start_in_another_process(data_dir, tied=True)
    parent.kill()
    parent.wait()
    eventually(lambda: not is_alive(server), what="the server has ended")


def test_a_data_folder_with_a_very_long_path_works(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir / ("deep" * 20) / ("er" * 30))
    assert ask(server.start(), "select 1") == 1
    server.stop()


def test_a_half_made_cluster_is_made_anew(data_dir: Path) -> None:
    (data_dir / "postgres.new").mkdir()
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18")
    server = EmbeddedPostgres(data_dir)
    assert ask(server.start(), "select 1") == 1
    server.stop()


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, settings={"shared_buffers": "nonsense"})
    with pytest.raises(embedded.EmbeddedPostgresError, match="nonsense"):
        server.start()


def test_a_data_folder_in_use_is_refused_in_one_sentence_that_names_the_process(
    data_dir: Path,
) -> None:
    with embedded.hold(data_dir):
        with pytest.raises(embedded.DataFolderInUseError) as refusal, embedded.hold(data_dir):
            pass
        assert f"process {os.getpid()}" in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_data_folder_is_free_again_afterwards(data_dir: Path) -> None:
    for _ in range(2):
        with embedded.hold(data_dir):
            assert (data_dir / "lock").read_text().strip() == str(os.getpid())


FIND_THE_USER = """
import sys
from healthsvc.runtime import embedded
embedded.SYSTEM_USER = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
print(embedded._system_user().pw_uid)
"""


@pytest.fixture
def unknown_user() -> Iterator[str]:
    """A name that no user has, unless the test makes it."""
    name = f"hs{uuid.uuid4().hex[:12]}"
    yield name
    subprocess.run(["userdel", name], check=False, capture_output=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes users")
def test_the_system_user_is_made_once_however_many_start_together(unknown_user: str) -> None:
    command = [sys.executable, "-c", FIND_THE_USER, unknown_user]
    starting = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    for each in starting:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in starting:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()

    answers = [each.communicate(timeout=PATIENCE_SECONDS)[0] for each in starting]

    assert [each.returncode for each in starting] == [0] * 6
    assert set(answers) == {f"{pwd.getpwnam(unknown_user).pw_uid}\n"}
