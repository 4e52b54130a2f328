"""Logs that nobody has seen: other scales, names, files. Each row gets its answer, a fault gets one
sentence."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from healthsvc.cli import app
from healthsvc.core.fit import standard_errors
from tests.flows.lab import varied
from tests.flows.lab.logs import Row, write_events, write_rows

EVENTS = ("account_id", "ts", "type", "value")
ROWS = ("account_id", "obs_ts", "horizon_days", "churned")
LOG = varied.make(varied.Shape(customers=60, dates=5))
Table = list[tuple[str, ...]]


def score(folder: Path, events: Path, rows: Path, fit: Path | None = None) -> Result:
    files = ["--events", events, "--labels", rows, "--out", folder / "s.csv"] + (
        ["--fit", fit] if fit else []
    )
    return CliRunner().invoke(app, ["lab", "score", *map(str, files)])


def risks(folder: Path, result: Result, rows: int) -> Any:
    assert result.exit_code == 0, result.output
    with (folder / "s.csv").open() as file:
        found = np.array([float(row["risk"]) for row in csv.DictReader(file)])
    assert len(found) == rows
    assert ((found >= 0) & (found <= 1)).all()
    return found


def order(rows: list[Row], found: Any) -> standard_errors.EstimatedFigure:
    _, customer = np.unique([r[0] for r in rows], return_inverse=True)
    return standard_errors.auc(
        np.array([r[3] == "1" for r in rows], float), found, customer.astype(np.int64)
    )


@pytest.mark.parametrize("name", varied.SHAPES)
def test_any_shape_of_log_is_ranked_sensibly(tmp_path: Path, name: str) -> None:
    log = varied.make(varied.SHAPES[name])
    events, rows = (
        write_events(tmp_path / "e.csv", log.events),
        write_rows(tmp_path / "l.csv", log.rows),
    )

    found = risks(tmp_path, score(tmp_path, events, rows), len(log.rows))

    told = order(log.rows, found)
    assert np.isnan(told.value) or told.value > 0.5
    assert np.ptp(found) > 0.1


@pytest.mark.parametrize(
    "name", ["one date", "two dates", "few customers", "nobody leaves", "an hour ahead"]
)
def test_too_little_to_fit_on_leaves_the_prior(tmp_path: Path, name: str) -> None:
    log = varied.make(varied.SHAPES[name])
    early, late = varied.halves(log)
    events = write_events(tmp_path / "e.csv", log.events)
    rows, fit = write_rows(tmp_path / "l.csv", late), write_rows(tmp_path / "l0.csv", early)

    result = score(tmp_path, events, rows, fit)

    risks(tmp_path, result, len(late))
    told = json.loads(result.stdout)
    assert (told["model"], told["reason"]) == ("prior", "no_evidence")


def test_a_fit_ranks_later_dates_whatever_the_values_and_the_year(tmp_path: Path) -> None:
    shape = varied.Shape(
        horizon_days=365,
        starts_us=varied.YEAR_1995,
        customers=300,
        values=("1e308", "nan", "", "x"),
    )
    log = varied.make(shape)
    early, late = varied.halves(log)
    events = write_events(tmp_path / "e.csv", log.events)
    rows, fit = write_rows(tmp_path / "l.csv", late), write_rows(tmp_path / "l0.csv", early)

    result = score(tmp_path, events, rows, fit)

    found = risks(tmp_path, result, len(late))
    assert json.loads(result.stdout)["reason"] == "fitted"
    assert order(late, found).value > 0.7


def text(head: tuple[str, ...], rows: Table) -> str:
    return "\n".join([",".join(row) for row in [head, *rows]]) + "\n"


FORMS: dict[str, Callable[[str], bytes]] = {
    "with a byte order mark": lambda t: b"\xef\xbb\xbf" + t.encode(),
    "with CRLF": lambda t: t.replace("\n", "\r\n").encode(),
    "gzipped": lambda t: gzip.compress(t.encode()),
    "quoted": lambda t: (
        '"' + t.rstrip("\n").replace("\n", '"\n"').replace(",", '","') + '"\n'
    ).encode(),
    "with blank lines": lambda t: t.replace("\n", "\n\n").encode(),
    "without a last line end": lambda t: t.rstrip("\n").encode(),
    "with capitals in the header": lambda t: (
        t.split("\n", 1)[0].upper() + "\n" + t.split("\n", 1)[1]
    ).encode(),
    "with other offsets": lambda t: t.replace("Z,", "+00:00,").encode(),
    "without offsets": lambda t: t.replace("Z,", ",").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_a_file_changes_no_score(tmp_path: Path, form: str) -> None:
    plain = text(EVENTS, list(LOG.events)), text(ROWS, list(LOG.rows))
    answers = []
    for name, make in (("plain", str.encode), (form, FORMS[form])):
        events, rows = tmp_path / f"{name} e", tmp_path / f"{name} l"
        events.write_bytes(make(plain[0]))
        rows.write_bytes(make(plain[1]))
        answers.append(risks(tmp_path, score(tmp_path, events, rows), len(LOG.rows)).tolist())

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("events", "rows", "sentence"),
    [
        (b"", None, "since it is empty"),
        (b"account_id;ts;type\n", None, "separated by commas"),
        (b"account_id,ts,type\n\xff\xfe,2024-01-01,x\n", None, "must be UTF-8"),
        (b"account_id,ts,type\n" + b"a,1700000000,x\n" * 50, None, "ts must be a time such as"),
        (None, b"account_id,obs_ts,horizon_days\n", "has no rows"),
        (None, b"account_id,obs_ts,horizon_days\na,2024-01-01,0\n", "line 2: horizon_days must be"),
        (None, b"account_id,obs_ts\na,2024-01-01\n", "missing horizon_days"),
    ],
)
def test_bad_input_is_told_in_a_sentence(
    tmp_path: Path, events: bytes | None, rows: bytes | None, sentence: str
) -> None:
    given = tmp_path / "e.csv", tmp_path / "l.csv"
    given[0].write_bytes(text(EVENTS, list(LOG.events)).encode() if events is None else events)
    given[1].write_bytes(text(ROWS, list(LOG.rows)).encode() if rows is None else rows)

    result = score(tmp_path, *given)

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    "fit", [text(ROWS, []), text(ROWS, [(*r[:3], "") for r in LOG.rows]), text(ROWS, LOG.rows[-9:])]
)
def test_outcomes_of_which_none_can_be_used_are_no_evidence(tmp_path: Path, fit: str) -> None:
    events, rows = (
        write_events(tmp_path / "e.csv", LOG.events),
        write_rows(tmp_path / "l.csv", LOG.rows),
    )
    (tmp_path / "l0.csv").write_text(fit)

    result = score(tmp_path, events, rows, tmp_path / "l0.csv")

    risks(tmp_path, result, len(LOG.rows))
    assert json.loads(result.stdout)["reason"] == "no_evidence"
