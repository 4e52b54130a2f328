"""The lab on the service's own archive, and shadows, as an operator uses them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from healthsvc.cli import app
from healthsvc.store.database.engine import create_engine
from healthsvc.wire.scorecards.document import default_document
from tests.flows.lab.test_runs import story
from tests.flows.projections.test_rebuild import folded
from tests.flows.spine import installed

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Run:
    monkeypatch.setenv("HEALTHSVC_DATABASE_URL", database_url)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


async def fill(url: str) -> None:
    engine = create_engine(url, application="test")
    try:
        await folded(engine, url, await installed(engine), story(customers=60, days=120))
    finally:
        await engine.dispose()


def test_the_commands_take_the_archive_in_place_of_a_file(
    run: Run, database_url: str, tmp_path: Path
) -> None:
    asyncio.run(fill(database_url))
    card = tmp_path / "card.yaml"

    judged = run("lab", "backtest", "--archive", "--outcome", "silence", "--horizon-days", "14")
    fitted = run(
        "lab",
        "fit",
        "--archive",
        "--outcome",
        "silence",
        "--horizon-days",
        "14",
        "--out",
        str(card),
    )
    seen = run("lab", "preview", str(card), "--archive")

    assert judged.exit_code == 0, judged.output
    told = json.loads(judged.stdout)
    assert told["summary"]["mapping"]["page.viewed:cancel"] == {"kind": "trouble", "by": "built_in"}
    assert sum(told["steps"]["shares"].values()) == pytest.approx(1.0)
    assert fitted.exit_code == 0, fitted.output
    assert "measures:" in card.read_text()
    assert json.loads(seen.stdout)["customers"] == 60
    neither = run("lab", "backtest", "--outcome", "silence")
    assert (neither.exit_code, "give either --events, or --archive" in neither.stderr) == (1, True)


def test_a_shadow_is_begun_shown_and_ended(run: Run, tmp_path: Path) -> None:
    ours = tmp_path / "ours.yaml"
    ours.write_text(default_document().replace("name: default", "name: ours"))
    assert run("scorecard", "shadow").exit_code == 1

    begun = run("scorecard", "shadow", str(ours))

    assert begun.exit_code == 0, begun.output
    assert "Version 2 is built as a shadow" in begun.stdout
    assert json.loads(run("scorecard", "shadow", "--json").stdout)["publication"]["version"] == 2
    assert "No outcomes to judge by yet" in run("scorecard", "shadow").stdout
    assert json.loads(run("scorecard", "status", "--json").stdout)["shadow"] == 2
    assert run("scorecard", "publish", "1").exit_code == 2
    assert run("scorecard", "shadow", "--end").exit_code == 0
    assert run("scorecard", "shadow", "--end").exit_code == 2
