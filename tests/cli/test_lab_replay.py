"""`healthsvc lab replay`, as an operator uses it: on the archive, and on files of events."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from healthsvc.demo import history
from healthsvc.wire.scorecards.document import default_document
from tests.cli.test_lab import Run, fill, run
from tests.flows.projections.test_rebuild import story
from tests.support.makers import as_json, make_event

__all__ = ["run"]

END_US = 1_780_000_000_000_000


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a year of a synthetic fleet, told out of order and partly twice."""
    made = history.lines(history.Demo(seed=3, customers=30, end_us=END_US))
    path = tmp_path_factory.mktemp("fleet") / "fleet.ndjson"
    history.write([*reversed(made), *made[:50]], path)
    return path


def test_a_file_of_events_is_replayed_and_drawn(run: Run, fleet: Path, tmp_path: Path) -> None:
    strict, report = tmp_path / "strict.yaml", tmp_path / "report.html"
    strict.write_text(default_document().replace("healthy: 70", "healthy: 90"))

    done = run(
        "lab",
        "replay",
        str(strict),
        "--events",
        str(fleet),
        "--dates",
        "10",
        "--report",
        str(report),
    )

    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["events"] == {
        "folded": len(fleet.read_bytes().splitlines()) - 50,
        "set_aside": 0,
        "repeated": 50,
    }
    assert found["known_by"]["rule"] == "occurred"
    assert len(found["live"]["by_date"]) == found["dates"]["count"] == 10
    for side in ("live", "scorecard"):
        assert sum(found[side]["shares_on_the_last_date"].values()) == pytest.approx(1.0)
        raised = sum(d["alerts"] or 0 for d in found[side]["by_date"])
        assert sum(found[side]["alerts_by_kind"].values()) == raised > 0
        assert sum(o["alerts_per_week"] for o in found[side]["by_owner"]) == pytest.approx(
            raised / 9
        )
        assert sum(s["customers"] for s in found[side]["by_segment"].values()) == found["customers"]
    assert (
        found["against_live"]["changed_on_the_last_date"] == len(found["against_live"]["moved"]) > 0
    )
    drawn = report.read_text()
    assert (
        len(re.findall("<polygon", drawn)) == 2 * 5
    )  # four bands and who has too little evidence, of both
    assert "Who would be in another band" in drawn
    assert "src=" not in drawn


def test_types_of_a_csv_can_be_mapped_and_what_feeds_little_is_said(
    run: Run, tmp_path: Path
) -> None:
    log, mapping = tmp_path / "log.csv", tmp_path / "types.yaml"
    days = [f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in range(100)]
    log.write_text(
        "account_id,ts,type,value\n" + "".join(f"a,{day}T08:00:00Z,logged_in,1\n" for day in days)
    )
    mapping.write_text(
        "columns: {customer_id: account_id, occurred_at: ts, type: type}\ntypes: {logged_in:"
        " session.started}\n"
    )

    plain = json.loads(run("lab", "replay", "--events", str(log), "--dates", "2").stdout)
    mapped = json.loads(
        run("lab", "replay", "--events", str(log), "--dates", "2", "--mapping", str(mapping)).stdout
    )

    assert "sessions" in plain["live"]["unfed"]
    assert "sessions" not in mapped["live"]["unfed"]
    assert mapped["live"]["coverage"] > plain["live"]["coverage"]
    assert any("these events say little of it" in warning for warning in plain["warnings"])


def test_events_that_can_feed_no_score_are_said_to_be_such(run: Run, tmp_path: Path) -> None:
    log, report = tmp_path / "log.ndjson", tmp_path / "report.html"
    log.write_text("".join(as_json(event) + "\n" for event in story(40, 40)[:3]) + "{}\n")

    done = run("lab", "replay", "--events", str(log), "--report", str(report))

    found = json.loads(done.stdout)
    assert (found["live"], found["events"]["set_aside"]) == (None, 1)
    assert "these events can't feed this scorecard" in done.stderr
    assert "can&#x27;t feed this scorecard" in report.read_text()


def test_the_archive_is_replayed_up_to_an_instant(run: Run, database_url: str) -> None:
    asyncio.run(fill(database_url))

    now = run("lab", "replay", "--archive", "--dates", "10")
    before = run("lab", "replay", "--archive", "--dates", "4", "--as-of", "2020-01-01")

    found = json.loads(now.stdout)
    assert found["live"]["by_date"][-1]["customers"] > 0
    assert found["live"]["foretold"]["base_rate"] > 0
    assert "replaying the score" in now.stderr
    assert json.loads(before.stdout)["live"] is None


def test_what_makes_no_sense_is_one_sentence(run: Run, fleet: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.ndjson"
    empty.touch()

    neither = run("lab", "replay")
    counted = run("lab", "replay", "--events", str(fleet), "--known-by", "counted")
    nothing = run("lab", "replay", "--events", str(empty))

    for refused, why in (
        (neither, "give either --events, or --archive"),
        (counted, "a file doesn't tell when its events were counted"),
        (nothing, "has no events"),
    ):
        assert (refused.exit_code, why in refused.stderr) == (1, True)


def test_each_decision_of_a_replay_can_be_written_to_a_file(run: Run, tmp_path: Path) -> None:
    days = [*range(60), 61, 62]
    lines = [
        as_json(
            make_event(
                "feature.used",
                id=f"e{day}",
                customer_id="acme",
                occurred_at=(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)).isoformat(),
                data={"feature": "reports"},
            )
        )
        for day in days
    ]
    events, decisions = tmp_path / "events.ndjson", tmp_path / "decisions.ndjson"
    events.write_text("\n".join(lines) + "\n")

    done = run(
        "lab", "replay", "--events", str(events), "--as-of", "2026-05-01T00:00:00Z",
        "--decisions", str(decisions),
    )  # fmt: skip

    assert done.exit_code == 0, done.output
    made = [json.loads(line) for line in decisions.read_text().splitlines()]
    assert {one["customer_id"] for one in made} == {"acme"}
    (silent,) = [one for one in made if one["event"] == "alert" and one["name"] == "silent"]
    assert (silent["change"], silent["onset_at"][:10]) == ("raised", "2026-03-18")
    assert next(one["name"] for one in made if one["event"] == "band") != "healthy"
