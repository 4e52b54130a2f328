"""`healthsvc pages`: which rule decides, for people and for machines."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from healthsvc.cli import app


def test_each_address_is_shown_with_its_kind_and_rule() -> None:
    done = CliRunner().invoke(
        app, ["pages", "test", "--scorecard", "default", "/deleteAccount", "/orders/7/cancel"]
    )

    lines = done.stdout.splitlines()
    assert lines[0] == "cancel   /deleteAccount"
    assert "/page_kinds/" in lines[1]
    assert lines[2] == "other    /orders/7/cancel"
    assert lines[3].strip() == "no rule knows it; simplified: /orders/0/cancel"


def test_a_scorecard_of_ones_own_is_tried_before_it_is_published(tmp_path: Path) -> None:
    default = Path("src/healthsvc/defaults/scorecard.yaml").read_text(encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(default.replace("page_kinds:", "page_kinds:\n  - {kind: spec, pathname: [/x]}"))

    done = CliRunner().invoke(app, ["pages", "test", "--scorecard", str(own), "--json", "/x"])

    assert json.loads(done.stdout)["items"][0]["rule"] == "/page_kinds/0/pathname/0"


def test_rules_are_proposed_as_yaml_to_paste(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("HEALTHSVC_DATABASE_URL", database_url)

    people, machine = (
        CliRunner().invoke(app, ["pages", "suggest", *form]) for form in ([], ["--json"])
    )

    assert people.stdout.startswith("# 0 of 0 page views (0 %) lead to pages that no rule knows")
    assert json.loads(machine.stdout) == {"views": 0, "unknown": 0, "items": []}
