"""The deployment files agree with the code: variables, commands, steps. No engine is needed; the
roles run elsewhere for real."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from healthsvc.cli import COMMANDS
from healthsvc.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
)
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
OURS = {
    name: service
    for name, service in COMPOSE["services"].items()
    if service["image"].startswith("healthsvc")
}
VARIABLES = {f"HEALTHSVC_{name.upper()}" for name in Settings.model_fields}


def test_the_compose_file_has_the_four_roles_and_what_they_stand_on():
    assert OURS.keys() == {"migrate", "api", "process", "deliver"}
    assert COMPOSE["services"].keys() - OURS.keys() == {"postgres", "kafka"}


@pytest.mark.parametrize("role", sorted(OURS))
def test_a_container_runs_a_command_and_sets_variables_that_exist(role):
    service = OURS[role]
    assert service["command"] == [role]
    assert role in COMMANDS
    assert service["environment"].keys() <= VARIABLES


@pytest.mark.parametrize("role", sorted(OURS))
def test_a_container_is_confined(role):
    service = OURS[role]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert int(service["stop_grace_period"].removesuffix("s")) > 25


def test_a_role_waits_for_the_migration():
    for role in OURS.keys() - {"migrate"}:
        assert OURS[role]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_what_a_container_depends_on_and_mounts_is_in_the_file():
    named = {
        volume.split(":")[0]
        for s in COMPOSE["services"].values()
        for volume in s.get("volumes", [])
    }
    needed = {name for s in COMPOSE["services"].values() for name in s.get("depends_on", {})}
    assert named == COMPOSE["volumes"].keys()
    assert needed <= COMPOSE["services"].keys()


def test_the_image_copies_what_exists_and_all_that_the_wheel_is_built_from():
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"][
        "build"
    ]["targets"]["wheel"]
    needed = {*build["packages"], *build.get("force-include", {})}
    assert all((ROOT / source).exists() for source in copied)
    assert {path.split("/")[0] for path in needed} <= copied


def test_the_image_runs_without_root_and_sets_variables_that_exist():
    last_stage = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER 10001:10001$", last_stage, re.MULTILINE)
    assert set(re.findall(r"HEALTHSVC_[A-Z_]+", last_stage)) <= VARIABLES
    assert re.search(r'^ENTRYPOINT \["healthsvc"\]$', last_stage, re.MULTILINE)
