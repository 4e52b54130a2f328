"""Backtest, fit, compare and preview: what a person gets from the commands."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from healthsvc.cli import app
from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.flows.lab.compare import risks_of
from healthsvc.flows.lab.fit import fit, scorecard_with
from healthsvc.flows.lab.outcomes import from_log
from healthsvc.flows.lab.score import score
from healthsvc.wire.files.columns import read_events
from healthsvc.wire.files.labels import read_labels
from healthsvc.wire.files.row_groups import RowTally
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.flows.lab import logs

LOG = logs.make_log(customers=500)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lab")
    logs.write_events(made / "e.csv.gz", LOG.events)
    logs.write_rows(made / "l.csv.gz", LOG.rows)
    return made


def lab(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["lab", *map(str, arguments)])


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_score_writes_a_risk_for_each_row_and_tells_what_it_did(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "s.csv"

    told = answer(
        lab("score", "--events", folder / "e.csv.gz", "--labels", folder / "l.csv.gz", "--out", out)
    )

    lines = out.read_text().splitlines()
    assert lines[0] == "account_id,obs_ts,risk"
    assert [line.split(",")[:2] for line in lines[1:]] == [[r[0], r[1]] for r in LOG.rows]
    assert (told["model"], told["reason"], told["risk_kind"]) == (
        "prior",
        "no_outcomes_given",
        "ranking",
    )
    assert told["rows"] == len(LOG.rows)


def test_a_fault_in_a_file_is_told_with_path_and_line(folder: Path, tmp_path: Path) -> None:
    rows = logs.write_rows(
        tmp_path / "bad.csv.gz", [("a", "2023-05-01", "28", "0"), ("b", "yesterday", "28", "0")]
    )

    result = lab(
        "score", "--events", folder / "e.csv.gz", "--labels", rows, "--out", tmp_path / "s.csv"
    )

    assert result.exit_code == 1
    assert "bad.csv.gz, line 3: obs_ts must be a time such as" in result.stderr


def test_a_backtest_judges_later_dates_beside_baselines_and_draws_a_report(
    folder: Path, tmp_path: Path
) -> None:
    report = tmp_path / "r.html"

    found = answer(
        lab(
            "backtest",
            "--events",
            folder / "e.csv.gz",
            "--labels",
            folder / "l.csv.gz",
            "--report",
            report,
        )
    )

    assert {"prior", "base_rate", "recency", "rfm_logistic", "one_decayed_level"} <= found[
        "beside"
    ].keys()
    assert found["beside"]["base_rate"]["auc"] == 0.5
    assert found["model"]["auc"] > 0.6
    assert found["gate"]["checks"]
    page = report.read_text()
    assert page.count("<svg") >= 4
    assert "http" not in page.replace("http-equiv", "")


def test_a_fit_is_a_scorecard_that_can_be_read_compared_and_looked_at(
    folder: Path, tmp_path: Path
) -> None:
    card = tmp_path / "card.yaml"
    files = ("--events", folder / "e.csv.gz", "--labels", folder / "l.csv.gz")

    told = answer(lab("fit", *files, "--out", card))
    rules = compile_document(card.read_text()).program.risk_rules
    compared = answer(lab("compare", card, card, *files))
    seen = answer(lab("preview", card, "--events", folder / "e.csv.gz"))

    assert told["reason"] == "fitted"
    assert rules is not None
    assert (rules.model.name, rules.model.kind) == (told["model"], "churn_probability")
    assert yaml.safe_load(card.read_text())["measures"]
    assert compared["auc_gain"]["value"] == 0
    assert compared["red"]["enter"] == 0
    assert seen["customers"] == len({e[0] for e in LOG.events})


@pytest.mark.parametrize("command", ["compare", "preview"])
def test_help_says_which_command_shows_the_bands_of_the_health_score(command: str) -> None:
    assert "lab replay shows the health score's bands." in " ".join(
        lab(command, "--help").stdout.split()
    )


def test_a_published_model_scores_as_the_fit_did_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    early, late = LOG.until(170.0).rows, LOG.since(170.0).rows
    known = read_labels(logs.write_rows(tmp_path / "l0.csv.gz", early), outcomes=True)
    rows = read_labels(logs.write_rows(tmp_path / "l.csv.gz", late), outcomes=False)

    at_once = score(folder / "e.csv.gz", rows, fit=known, mapping=TypeMapping()).risks
    fitted = fit(folder / "e.csv.gz", known, TypeMapping(), int(rows.obs_us.min()), lambda _: None)
    rules = compile_document(scorecard_with(default_document(), fitted.rules)).program.risk_rules

    assert rules is not None
    assert risks_of(folder / "e.csv.gz", rows, rules, lambda _: None).tolist() == at_once.tolist()


def test_outcomes_from_the_log_are_silence_or_an_outcome_event(tmp_path: Path) -> None:
    events = [("stays", logs.at(d), "login", "") for d in range(0, 120, 3)]
    events += [("fades", logs.at(d), "login", "") for d in range(0, 60, 3)]
    events += [("quits", logs.at(d), "login", "") for d in range(0, 62, 3)]
    events += [("quits", logs.at(70), "subscription.cancelled", "")]
    path = logs.write_events(tmp_path / "e.csv.gz", sorted(events, key=lambda e: e[1]))

    silent = from_log(read_events(path, RowTally()), TypeMapping(), "silence", 28 * DAY_US)
    cancelled = from_log(read_events(path, RowTally()), TypeMapping(), "cancelled", 28 * DAY_US)

    def churned(labels: Any) -> dict[str, float]:
        return {
            a: float(np.max(labels.churned[[x == a for x in labels.accounts]]))
            for a in set(labels.accounts)
        }

    assert churned(silent) == {"stays": 0, "fades": 1, "quits": 1}
    assert churned(cancelled) == {"stays": 0, "fades": 0, "quits": 1}
    last = logs.START_US + 117 * DAY_US
    assert (silent.obs_us + 28 * DAY_US <= last).all()


def test_a_leak_is_told_when_the_outcome_is_an_event_before_the_row(tmp_path: Path) -> None:
    churners = {(r[0], r[1]) for r in LOG.rows if r[3] == "1"}
    leaks = [(a, obs, "goodbye_clicked", "") for a, obs in churners]
    path = logs.write_events(
        tmp_path / "e.csv.gz", sorted([*LOG.events, *leaks], key=lambda e: e[1])
    )
    rows = logs.write_rows(tmp_path / "l.csv.gz", LOG.rows)

    told = answer(lab("fit", "--events", path, "--labels", rows))

    assert any("is an event the outcome itself?" in w for w in told["warnings"])


def test_the_prior_becomes_a_number_only_under_an_honest_name(folder: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.yaml"
    events = ("--events", folder / "e.csv.gz", "--out", card)

    silence = answer(lab("fit", *events, "--prior-as-silence"))
    by_silence = compile_document(card.read_text()).program.risk_rules
    stated = answer(lab("fit", *events, "--base-rate", "0.04"))
    by_rate = compile_document(card.read_text()).program.risk_rules

    assert (silence["risk_kind"], stated["risk_kind"]) == (
        "probability_of_silence",
        "churn_probability",
    )
    assert by_silence is not None
    assert by_rate is not None
    rows = from_log(
        read_events(folder / "e.csv.gz", RowTally()), TypeMapping(), "silence", 28 * DAY_US
    )
    told = risks_of(folder / "e.csv.gz", rows, by_silence, lambda _: None)
    assert abs(told.mean() - rows.churned.mean()) < 0.01
    last = rows.obs_us == rows.obs_us.max()
    assert (
        abs(risks_of(folder / "e.csv.gz", rows, by_rate, lambda _: None)[last].mean() - 0.04) < 1e-9
    )


def test_drift_is_told_when_outcomes_leave_what_was_told(folder: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.yaml"
    answer(
        lab("fit", "--events", folder / "e.csv.gz", "--labels", folder / "l.csv.gz", "--out", card)
    )
    doubled = [(*r[:3], "1" if r[3] == "1" or i % 9 == 0 else "0") for i, r in enumerate(LOG.rows)]
    worse = logs.write_rows(tmp_path / "worse.csv.gz", doubled)

    calm = answer(
        lab("drift", card, "--events", folder / "e.csv.gz", "--labels", folder / "l.csv.gz")
    )
    alarmed = answer(lab("drift", card, "--events", folder / "e.csv.gz", "--labels", worse))

    assert (calm["alarm"], alarmed["alarm"]) == (False, True)
    assert alarmed["intercept_off_by"] > 0.2


def test_segments_get_figures_of_their_own(folder: Path, tmp_path: Path) -> None:
    names = sorted({r[0] for r in LOG.rows})
    segments = logs.write(
        tmp_path / "s.csv.gz",
        ("account_id", "segment"),
        [(n, "big" if i % 2 else "small") for i, n in enumerate(names)],
    )

    found = answer(
        lab(
            "backtest",
            "--events",
            folder / "e.csv.gz",
            "--labels",
            folder / "l.csv.gz",
            "--segments",
            segments,
        )
    )

    rows = [found["by_segment"][s]["rows"] for s in ("big", "small")]
    assert sum(rows) == found["model"]["rows"]
