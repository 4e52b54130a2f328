"""The command line speaks plainly: helps, refuses in one line, and prints JSON for machines."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from healthsvc import __version__
from healthsvc.cli import app
from healthsvc.cli.up import write_key

COMMANDS = [
    "up",
    "api",
    "process",
    "deliver",
    "migrate",
    "replay",
    "demo",
    "customers",
    "explain",
    "worklist",
    "alerts",
    "endpoints",
    "keys",
    "version",
    "variables",
    "scorecard",
    "rebuild",
    "portfolio",
    "pages",
]
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Runs a command in this process, under these variables only: `run("up", PORT="x")`."""
    for name in list(os.environ):
        if name.startswith("HEALTHSVC_") and not name.startswith("HEALTHSVC_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HEALTHSVC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "120")
    handlers, level = logging.root.handlers[:], logging.root.level

    def invoke(*arguments: str, **variables: str) -> Result:
        for name, value in variables.items():
            monkeypatch.setenv(f"HEALTHSVC_{name}", value)
        return CliRunner().invoke(app, list(arguments))

    yield invoke
    logging.root.handlers[:], logging.root.level = handlers, level
    structlog.reset_defaults()


def test_help_names_every_run(run: Run) -> None:
    shown = run("--help").stdout
    assert [name for name in COMMANDS if f" {name} " not in shown] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    assert "Usage:" in done.stdout


def test_version_is_printed_for_people_and_for_machines(run: Run) -> None:
    assert run("version").stdout == f"healthsvc {__version__}\n"
    assert json.loads(run("version", "--json").stdout)["version"] == __version__


@pytest.mark.parametrize("spelling", ["version", "--version"])
def test_the_version_is_printed_without_loading_what_commands_need(spelling: str) -> None:
    program = (
        "import sys; sys.argv[1:] = [sys.argv[1]]; import healthsvc.cli; healthsvc.cli.main(); "
        + ("print([m for m in ('pydantic', 'rich', 'sqlalchemy', 'numpy') if m in sys.modules])")
    )
    done = subprocess.run(
        [sys.executable, "-c", program, spelling], capture_output=True, text=True, check=True
    )

    assert done.stdout == f"healthsvc {__version__}\n[]\n"


@pytest.mark.parametrize(
    "command",
    [
        ("keys", "create", "--name", "x"),
        ("scorecard", "list"),
        ("scorecard", "diff", "live", "default"),
        ("portfolio",),
        ("rebuild",),
        ("demo",),
        ("lab", "replay", "--archive"),
    ],
    ids=" ".join,
)
def test_a_folder_without_a_database_is_told_and_left_alone(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = run(*command)

    (sentence,) = done.stderr.strip().splitlines()
    assert (done.exit_code, done.stdout) == (1, "")
    assert sentence.startswith("There is no database here")
    assert "HEALTHSVC_DATA_DIR" in sentence
    assert not (tmp_path / "data").exists()


def test_a_database_that_is_not_ours_yet_is_left_alone(run: Run, empty_database_url: str) -> None:
    done = run("scorecard", "list", DATABASE_URL=empty_database_url)

    assert done.exit_code == 1
    assert "healthsvc migrate" in done.stderr
    assert run("scorecard", "list").exit_code == 1  # still: the first one installed nothing


def test_a_misspelt_command_is_answered_with_the_nearest(run: Run) -> None:
    done = run("scorcard")
    assert done.exit_code == 2
    assert "'scorecard'" in done.stderr


def test_the_first_key_is_written_where_only_its_owner_reads_it(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "first-admin-key").write_text("an older one, for all to read")

    path = write_key(tmp_path / "new", "hsk_1")

    assert path.read_text() == "hsk_1\n"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("role", ["up", "api", "process", "deliver", "migrate"])
def test_a_bad_variable_is_refused_in_one_line(run: Run, role: str) -> None:
    done = run(role, PORT="no-port")
    assert done.exit_code == 2
    assert (
        done.stderr
        == "HEALTHSVC_PORT: 'no-port' is not allowed; it must be a whole number from 0 to 65535.\n"
    )


@pytest.mark.parametrize("role", ["api", "process", "deliver"])
def test_a_role_that_runs_alone_needs_a_database(run: Run, role: str) -> None:
    done = run(role)
    assert done.exit_code == 2
    (sentence,) = done.stderr.strip().splitlines()
    assert "HEALTHSVC_DATABASE_URL" in sentence


def test_a_database_that_is_away_is_told_in_one_line(run: Run) -> None:
    done = run("migrate", DATABASE_URL="postgresql://me@127.0.0.1:1/nowhere")
    assert done.exit_code == 69
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("The database can't be used")


def test_a_misspelt_variable_is_warned_about(run: Run, database_url: str) -> None:
    done = run("migrate", DATABASE_URL=database_url, ARCHIV="false")
    assert done.exit_code == 0
    assert "did you mean HEALTHSVC_ARCHIVE?" in done.stderr


def test_a_scorecard_with_a_fault_is_refused_with_its_place(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "scorecard.yaml"
    path.write_text("name: mine\n", encoding="utf-8")
    done = run("migrate", SCORECARD=str(path))
    assert done.exit_code == 2
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("HEALTHSVC_SCORECARD: ")


def test_migrate_says_where_the_database_is(run: Run, database_url: str) -> None:
    done = run("migrate", "--json", DATABASE_URL=database_url)
    assert json.loads(done.stdout)["revision"]


def test_a_scope_that_does_not_exist_is_refused_with_those_that_do(run: Run) -> None:
    done = run("keys", "create", "--name", "x", "--scope", "everything")
    assert done.exit_code == 2
    assert "customers:read" in done.stderr


def test_variables_are_listed_for_people_and_for_machines(run: Run) -> None:
    assert "HEALTHSVC_PORT  (8000)" in run("variables").stdout
    assert {"name", "default", "allowed", "meaning"} <= json.loads(
        run("variables", "--json").stdout
    )[0].keys()


def test_a_worker_does_not_load_the_api_it_doesnt_serve() -> None:
    asked = "import healthsvc.cli, healthsvc.wiring.process, sys; print('fastapi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
