"""`make` refuses a Python that is too old, in a sentence, and leaves nothing behind."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLD = """#!/bin/sh
case "$*" in
  *version*) echo "Python 3.9.18"; case "$*" in -c*) exit 1;; esac;;
  *venv*) mkdir -p .venv/bin; touch .venv/bin/python;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh copy of what `make run` starts from, with an old Python beside it."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    old = tmp_path / "old-python"
    old.write_text(OLD)
    old.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("python", "told"), [("./old-python", "Python 3.9.18"), ("./no-such-python", "not found")]
)
def test_a_wrong_python_is_refused_and_no_environment_is_left(
    folder: Path, python: str, told: str
) -> None:
    done = subprocess.run(
        ["make", "run", f"PYTHON={python}"],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "healthsvc needs Python 3.11 or newer" in done.stderr
    assert told in done.stderr
    assert not (folder / ".venv").exists()
