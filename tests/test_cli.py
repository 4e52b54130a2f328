"""The command line speaks plainly: helps, refuses in one line, and prints JSON for machines."""

import json

import pytest

from healthsvc import __version__
from tests.support.service import command

COMMANDS = ["up", "api", "process", "deliver", "migrate", "replay", "demo", "keys", "version", "variables"]


def test_help_names_every_command() -> None:
    shown = command("--help").stdout
    assert [name for name in COMMANDS if f" {name} " not in shown] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = command(name, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_version_is_printed_for_people_and_for_machines() -> None:
    assert command("version").stdout == f"healthsvc {__version__}\n"
    assert json.loads(command("version", "--json").stdout)["version"] == __version__


@pytest.mark.parametrize("role", ["up", "api", "process", "deliver", "migrate"])
def test_a_bad_variable_is_refused_in_one_line(role: str) -> None:
    done = command(role, variables={"PORT": "no-port"})
    assert done.returncode == 2
    assert done.stderr == "HEALTHSVC_PORT: 'no-port' is not allowed; it must be a whole number from 0 to 65535.\n"


@pytest.mark.parametrize("role", ["api", "process", "deliver"])
def test_a_role_that_runs_alone_needs_a_database(role: str) -> None:
    done = command(role)
    assert done.returncode == 2
    (sentence,) = done.stderr.strip().splitlines()
    assert "HEALTHSVC_DATABASE_URL" in sentence


def test_a_database_that_is_away_is_told_in_one_line() -> None:
    done = command("migrate", variables={"DATABASE_URL": "postgresql://me@127.0.0.1:1/nowhere"})
    assert done.returncode == 69
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("The database can't be used")


def test_a_misspelt_variable_is_warned_about(database_url: str) -> None:
    done = command("migrate", variables={"DATABASE_URL": database_url, "ARCHIV": "false"})
    assert done.returncode == 0
    assert "did you mean HEALTHSVC_ARCHIVE?" in done.stderr


def test_a_scorecard_with_a_fault_is_refused_with_its_place(tmp_path: object) -> None:
    path = f"{tmp_path}/scorecard.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("name: mine\n")
    done = command("migrate", variables={"SCORECARD": path})
    assert done.returncode == 2
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("HEALTHSVC_SCORECARD: ")


def test_migrate_says_where_the_database_is(database_url: str) -> None:
    done = command("migrate", "--json", variables={"DATABASE_URL": database_url})
    assert json.loads(done.stdout)["revision"]


def test_a_scope_that_does_not_exist_is_refused_with_those_that_do() -> None:
    done = command("keys", "create", "--name", "x", "--scope", "everything")
    assert done.returncode == 2
    assert "customers:read" in done.stderr


def test_variables_are_listed_for_people_and_for_machines() -> None:
    assert "HEALTHSVC_PORT  (8000)" in command("variables").stdout
    assert {"name", "default", "allowed", "meaning"} <= json.loads(command("variables", "--json").stdout)[0].keys()
