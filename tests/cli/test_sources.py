import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from healthsvc.cli.sources import group

PAID = {
    "id": "evt_1",
    "created": 1767225600,
    "type": "invoice.paid",
    "data": {"object": {"id": "in_1", "customer": "cus_1", "currency": "brl", "amount_paid": 100}},
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments))


def test_a_dry_run_shows_what_each_recorded_call_becomes(tmp_path: Path) -> None:
    calls = tmp_path / "calls.ndjson"
    lines = [
        json.dumps(PAID),
        "",
        json.dumps({"type": "ping"}),
        json.dumps({"type": "invoice.paid"}),
    ]
    calls.write_text("﻿" + "\r\n".join(lines), encoding="utf-8")

    result = run("dry-run", "stripe", "--calls", str(calls))

    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[:2] for row in rows[:3]] == [
        ["1/0", "mapped"],
        ["3/0", "ignored"],
        ["4/0", "rejected"],
    ]
    assert json.loads(rows[0][2])["customer"] == ["stripe:cus_1"]
    assert rows[3] == ["# 1 ignored, 1 mapped, 1 rejected"]
    assert result.exit_code == 1


def test_a_copied_mapping_is_valid(tmp_path: Path) -> None:
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(run("show", "hubspot").stdout, encoding="utf-8")

    result = run("validate", str(mapping))

    assert (result.exit_code, result.stdout) == (0, "hubspot: 7 rules, no faults\n")


@pytest.mark.parametrize("text", ["source: 1", "{", None])
def test_a_mapping_that_cannot_be_used_is_refused(tmp_path: Path, text: str | None) -> None:
    mapping = tmp_path / "mine.yaml"
    if text is not None:
        mapping.write_text(text, encoding="utf-8")

    assert run("validate", str(mapping)).exit_code != 0


def test_the_list_has_all_built_in_sources() -> None:
    listed = {line.split()[0] for line in run("list").stdout.splitlines()}

    assert {"segment", "posthog", "stripe", "hubspot", "zendesk", "mautic"} <= listed
