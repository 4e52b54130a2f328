"""The README's tour is typed in as it stands there."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from tests.support.service import Service

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def tour() -> str:
    """The tour's shell commands after the start and the demo, which other tests run."""
    block = re.search(r"<!-- tour: begin -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    return block[1][block[1].index("# A customer looks at the cancel page") :]


def test_the_tour_does_what_it_says() -> None:
    with tempfile.TemporaryDirectory(prefix="healthsvc-data-", ignore_cleanup_errors=True) as folder:
        with Service(DATA_DIR=folder, ADMIN_KEY="my-key") as service:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", tour()],
                env=os.environ | {"URL": service.url, "KEY": "my-key"},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"status":"accepted"') == 4
    assert '"score":20.0' in done.stdout
    assert "cap:cancel_intent" in done.stdout
    assert '"kind":"cancel_intent"' in done.stdout
    assert "/problems/" not in done.stdout


def test_the_two_commands_are_those_of_the_makefile() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command
