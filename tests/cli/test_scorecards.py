"""The commands about scorecards, as an operator uses them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from healthsvc.cli import app
from healthsvc.wire.scorecards.document import default_document

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Run:
    monkeypatch.setenv("HEALTHSVC_DATABASE_URL", database_url)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    file = tmp_path / "ours.yaml"
    file.write_text(
        default_document()
        .replace("name: default", "name: ours")
        .replace("    share: 0.3\n", "    share: 0.4\n", 1)
    )
    return file


def test_a_good_file_is_good_and_a_bad_one_is_told_with_every_place(run: Run, ours: Path) -> None:
    assert run("scorecard", "validate", str(ours)).exit_code == 0
    ours.write_text(
        ours.read_text()
        .replace("kind: extent", "kind: extend")
        .replace("alert: critical", "alert: now", 1)
    )
    done = run("scorecard", "validate", str(ours))
    machine = json.loads(run("scorecard", "validate", str(ours), "--json").stdout)

    assert done.exit_code == 1
    assert "/measures/2/judge/kind" in done.stdout
    assert "did you mean 'extent'?" in done.stdout
    assert [e["pointer"] for e in machine["errors"]] == ["/measures/2/judge/kind", "/flags/0/alert"]
    assert machine["valid"] is False


def test_a_file_is_compared_tried_out_published_and_taken_back(run: Run, ours: Path) -> None:
    shown = json.loads(run("scorecard", "diff", "default", str(ours), "--json").stdout)
    assert [(c["path"], c["before"], c["after"]) for c in shown] == [
        ("/name", "default", "ours"),
        ("/measures/sessions/share", 0.3, 0.4),
    ]
    assert json.loads(run("scorecard", "preview", str(ours), "--json").stdout)["customers"] == 0

    done = run("scorecard", "publish", str(ours))
    assert done.exit_code == 0, done.output
    assert "Version 2 is live" in done.stdout
    assert [v["state"] for v in json.loads(run("scorecard", "list", "--json").stdout)] == [
        "live",
        "retired",
    ]
    assert run("scorecard", "diff", "live", "2").stdout == "They are the same.\n"
    assert run("scorecard", "publish", "2").exit_code == 2
    assert run("scorecard", "publish", "7").exit_code == 2
    assert json.loads(run("scorecard", "publish", "1", "--json").stdout)["version"] == 1
    assert "Version 1 is live" in run("rebuild").stdout
    status = json.loads(run("scorecard", "status", "--json").stdout)
    assert (status["live_version"], status["building"]) == (1, None)
    assert "activity" in status["unfed"]


def test_a_bad_file_is_never_published(run: Run, ours: Path) -> None:
    ours.write_text("name: x")
    done = run("scorecard", "publish", str(ours))

    assert done.exit_code == 1
    assert "/dimensions: is missing" in done.stderr
    assert len(json.loads(run("scorecard", "list", "--json").stdout)) == 1


def test_a_fitted_model_needs_a_backtest_or_a_reason(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "fitted.yaml"
    before = yaml.safe_load(default_document())
    model = {"name": "scaled_prior", "kind": "churn_probability", "intercept": -2.0, "terms": []}
    file.write_text(
        yaml.safe_dump(before | {"risk": {"horizon_days": 28, "model": model}}, sort_keys=False)
    )

    held = run("scorecard", "publish", str(file))
    done = run("scorecard", "publish", str(file), "--override", "judged offline")

    assert held.exit_code == 2
    assert "no backtest of this model is known" in held.output
    assert done.exit_code == 0, done.output
    assert "against the ship gate: judged offline" in run("scorecard", "list").stdout
