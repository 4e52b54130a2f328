"""The README's tour is typed in as it stands there."""

import os
import re
import subprocess
from pathlib import Path

from tests.support.service import Service
from tests.support.waiting import PATIENCE_SECONDS, eventually

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def tour() -> str:
    """The tour's shell commands after the start and the demo, which other tests run."""
    block = re.search(r"<!-- tour: begin -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    return block[1][block[1].index("# A customer looks at the cancel page") :]


def typed(commands: str, service: Service) -> str:
    """What these commands print."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=os.environ | {"URL": service.url, "KEY": "my-key"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tour_does_what_it_says(data_dir: Path) -> None:
    sends, asks = tour().split("\n\n", 1)
    with Service(DATA_DIR=str(data_dir), ADMIN_KEY="my-key") as service, service.client() as client:
        said = typed(sends, service)
        eventually(lambda: client.get("/v1/customers/acme").json(), lambda found: found.get("events_total") == 3)
        said += typed(asks, service)
    assert said.count('"status":"accepted"') == 4
    assert '"score":20.0' in said
    assert "cap:cancel_intent" in said
    assert '"kind":"cancel_intent"' in said
    assert "/problems/" not in said


def test_the_two_commands_are_those_of_the_makefile() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"^    make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command
