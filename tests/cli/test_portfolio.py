"""`healthsvc portfolio` tells a period's figures to people, to spreadsheets and to machines."""

import json

import pytest
from typer.testing import CliRunner

from healthsvc.cli import app


def test_the_figures_are_told_in_three_forms(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("HEALTHSVC_DATABASE_URL", database_url)
    period = ["portfolio", "--from", "2026-01-01", "--to", "2026-04-01"]
    people, table, machine = (
        CliRunner().invoke(app, [*period, *form]) for form in ([], ["--csv"], ["--json"])
    )

    assert "2026-01-01 to 2026-04-01" in people.stdout
    assert "All customers: 0 at the start, 0 lost" in people.stdout
    assert table.stdout.startswith("from,to,group,customers_at_start")
    assert json.loads(machine.stdout)["total"]["retention_rate"]["value"] is None


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    done = CliRunner().invoke(app, ["portfolio", "--from", "2026-04-01", "--to", "2026-01-01"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--from must be before --to" in done.stderr
