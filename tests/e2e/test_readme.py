"""The tours in README.md and docs/getting-started.md are typed in as they stand, and answer as they
say."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.service import Service
from tests.support.waiting import PATIENCE_SECONDS, eventually

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TOURS = [README, ROOT / "docs" / "getting-started.md"]
BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)
PRECISION = 0.06  # the documents round to one decimal


class Step(NamedTuple):
    """Commands, and the abridged answer that the document shows for them."""

    commands: str
    answer: Any = None


def tour(document: Path) -> Iterator[Step]:
    """The demo's command, for a few customers, and the steps between the markers."""
    yield Step(f"{demo(document)} --customers 5")
    marked = re.search(
        r"<!-- tour: begin -->\n(.*?)<!-- tour: end -->",
        document.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert marked is not None
    blocks = BLOCK.findall(marked[1])
    for (kind, text), (next_kind, next_text) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind == "sh":
            yield Step(text, json.loads(next_text) if next_kind == "json" else None)


def demo(document: Path) -> str:
    """The command that loads synthetic customers, as the document has it."""
    (command,) = re.findall(
        r"^\.venv/bin/healthsvc demo .*$", document.read_text(encoding="utf-8"), re.MULTILINE
    )
    return str(command)


def typed(commands: str, service: Service, folder: Path) -> str:
    """What these commands print, typed in a folder that has the project's environment."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=os.environ | {"URL": service.url, "KEY": "my-key"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, (commands, done.stderr)
    return done.stdout


def differences(shown: Any, real: Any, at: str = "") -> Iterator[str]:
    """Where an abridged answer isn't a part of the real one; `"…"` stands for any value."""
    if shown == "…":
        return
    if isinstance(shown, dict) and isinstance(real, dict):
        for name, value in shown.items():
            yield from (
                differences(value, real[name], f"{at}/{name}")
                if name in real
                else [f"{at}/{name} is missing"]
            )
    elif isinstance(shown, list) and isinstance(real, list):
        yield from items_missing(shown, real, at)
    elif isinstance(shown, float) and isinstance(real, float):
        yield from [] if abs(shown - real) <= PRECISION else [f"{at} is {real}, not {shown}"]
    elif shown != real:
        yield f"{at} is {real!r}, not {shown!r}"


def items_missing(shown: list[Any], real: list[Any], at: str) -> Iterator[str]:
    """Each item shown is one of the real ones, each another; events of one instant have no order of
    their own."""
    rest = list(real)
    for place, item in enumerate(shown):
        match = next((each for each in rest if not list(differences(item, each))), None)
        if match is None:
            yield f"{at}/{place}: {item} isn't in {rest}"
        else:
            rest.remove(match)


@pytest.mark.parametrize("document", TOURS, ids=lambda path: path.name)
def test_a_tour_answers_as_the_document_says(
    document: Path, data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    (tmp_path / "src").symlink_to(ROOT / "src")
    steps = list(tour(document))
    assert len(steps) >= 3
    with Service(DATA_DIR=str(data_dir), ADMIN_KEY="my-key") as service:
        for step in steps:
            take(step, service, tmp_path)


def take(step: Step, service: Service, folder: Path) -> None:
    """Type the commands until they answer as shown: what was sent without waiting takes a moment to
    count."""
    if step.answer is None:
        assert "/problems/" not in typed(step.commands, service, folder)
        return
    eventually(
        lambda: list(
            differences(
                step.answer, json.loads(typed(step.commands, service, folder).splitlines()[-1])
            )
        ),
        lambda found: found == [],
        what=step.commands,
    )


def test_three_answers_of_the_readme_are_shown() -> None:
    assert sum(step.answer is not None for step in tour(README)) == 3


def test_the_two_commands_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"^    make (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert commands == ["run", "test"]
    assert [name for name in commands if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ({"score": 20.0}, {"score": 20.04, "band": "critical"}, True),
        ({"score": 20.0}, {"score": 20.4}, False),
        ([{"id": "b"}], [{"id": "a"}, {"id": "b", "more": 1}], True),
        ([{"id": "b"}, {"id": "a"}], [{"id": "a"}, {"id": "b"}], True),
        ([{"id": "a"}, {"id": "a"}], [{"id": "a"}, {"id": "b"}], False),
        ({"at": "…"}, {"at": "2026-05-04T09:30:00Z"}, True),
        ({"at": "…"}, {}, False),
    ],
)
def test_an_abridged_answer_is_held_to_the_real_one(shown: Any, real: Any, same: bool) -> None:
    assert (list(differences(shown, real)) == []) is same
