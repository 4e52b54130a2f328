"""Scores come from what was known at each row's instant, and from nothing else."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.flows.lab.score import Scored, score
from healthsvc.flows.lab.score_results import summary
from healthsvc.wire.files.labels import read_labels
from tests.flows.lab import logs
from tests.flows.lab.logs import Event, Row

LOG = logs.make_log(customers=240)
CUT = 170.0


def scored(
    folder: Path, events: list[Event], rows: list[Row], fit: list[Row] | None = None
) -> Scored:
    wanted = read_labels(logs.write_rows(folder / "l.csv.gz", rows), outcomes=False)
    known = (
        None
        if fit is None
        else read_labels(logs.write_rows(folder / "l0.csv.gz", fit), outcomes=True)
    )
    return score(
        logs.write_events(folder / "e.csv.gz", events), wanted, fit=known, mapping=TypeMapping()
    )


@cache
def usual(*, fitted: bool) -> Scored:
    """What most tests compare with: the log as it is, its later rows, fitted on its earlier ones or
    not at all."""
    with TemporaryDirectory() as folder:
        return scored(
            Path(folder), LOG.events, LOG.since(CUT).rows, LOG.until(CUT).rows if fitted else None
        )


def told(folder: Path, found: Scored) -> dict[str, Any]:
    return summary(found, read_labels(folder / "l.csv.gz", outcomes=False))


@pytest.fixture(params=[False, True], ids=["untrained", "fitted"])
def fit(request: pytest.FixtureRequest) -> list[Row] | None:
    return LOG.until(CUT).rows if request.param else None


def test_a_score_is_the_same_without_the_events_after_it(
    tmp_path: Path, fit: list[Row] | None
) -> None:
    late = LOG.since(CUT).rows
    first = late[0][1]
    rows = [r for r in late if r[1] == first]

    whole = scored(tmp_path, LOG.events, rows, fit)
    known = scored(tmp_path, [e for e in LOG.events if e[1] <= first], rows, fit)

    assert whole.risks.tolist() == known.risks.tolist()


def test_a_score_is_the_same_whatever_is_said_of_outcomes(
    tmp_path: Path, fit: list[Row] | None
) -> None:
    swapped = [(*r[:3], "what?") for r in LOG.since(CUT).rows]

    expected = usual(fitted=fit is not None).risks.tolist()

    assert scored(tmp_path, LOG.events, swapped, fit).risks.tolist() == expected


def test_a_score_is_the_same_in_any_order_and_sample_of_rows(
    tmp_path: Path, fit: list[Row] | None
) -> None:
    rows = LOG.since(CUT).rows
    every = usual(fitted=fit is not None).risks
    order = np.random.default_rng(3).permutation(len(rows))
    kept = sorted(
        {0, *order[: len(rows) // 3].tolist()}
    )  # with the first row: it says up to when outcomes are known

    shuffled = scored(tmp_path, LOG.events, [rows[i] for i in order], fit and fit[::-1]).risks
    sampled = scored(tmp_path, LOG.events, [rows[i] for i in kept], fit).risks

    assert shuffled.tolist() == every[order].tolist()
    assert sampled.tolist() == every[kept].tolist()


def test_a_score_is_the_same_from_a_log_that_is_not_in_order(tmp_path: Path) -> None:
    rows = LOG.since(CUT).rows
    by_customer = sorted(LOG.events, key=lambda e: e[0])

    found = scored(tmp_path, by_customer, rows)

    assert found.sorted_first
    assert found.risks.tolist() == usual(fitted=False).risks.tolist()
    assert any("order of time" in w for w in told(tmp_path, found)["warnings"])


def test_outcomes_not_known_at_the_first_row_are_dropped_and_counted(tmp_path: Path) -> None:
    rows, fit = LOG.since(CUT).rows, LOG.until(CUT).rows
    ends = logs.at(CUT - logs.HORIZON_DAYS + 4)
    lied = [(*r[:3], "01"[r[3] == "0"]) if r[1] > ends else r for r in fit]

    honest, other = usual(fitted=True), scored(tmp_path, LOG.events, rows, lied)

    assert honest.risks.tolist() == other.risks.tolist()
    assert told(tmp_path, honest)["fit_rows"]["dropped_horizon_too_late"] > 0


def test_enough_outcomes_give_a_churn_probability(tmp_path: Path) -> None:
    rows = LOG.since(CUT).rows

    found = scored(tmp_path, LOG.events, rows, LOG.until(CUT).rows)
    facts = told(tmp_path, found)

    assert facts["model"] in ("scaled_prior", "prior_with_deviations", "additive")
    assert facts["risk_kind"] == "churn_probability"
    assert facts["horizon_days"] == logs.HORIZON_DAYS
    churned = np.array([r[3] == "1" for r in rows])
    assert found.risks[churned].mean() > 2 * found.risks[~churned].mean()
    assert abs(found.risks.mean() - churned.mean()) < 0.05


@pytest.mark.parametrize("churners", [10, 20, 49])
def test_few_churners_leave_the_prior(tmp_path: Path, churners: int) -> None:
    fit, rows = LOG.until(CUT).rows, LOG.since(CUT).rows
    leaving = sorted({r[0] for r in fit if r[3] == "1"})[:churners]
    few = [r for r in fit if r[3] == "0" or r[0] in leaving]

    found = scored(tmp_path, LOG.events, rows, few)
    facts = told(tmp_path, found)

    assert (facts["model"], facts["reason"]) == ("prior", "no_evidence")
    assert "are needed" in facts["models"][0]["detail"]
    assert found.risks.tolist() == usual(fitted=False).risks.tolist()


def test_outcomes_that_behaviour_does_not_tell_leave_the_prior(tmp_path: Path) -> None:
    log = logs.make_log(customers=500, telling=False)
    rng = np.random.default_rng(5)
    noise = [(*r[:3], str(int(rng.random() < 0.15))) for r in log.until(CUT).rows]

    facts = told(tmp_path, scored(tmp_path, log.events, log.since(CUT).rows, noise))

    assert (facts["model"], facts["reason"]) == ("prior", "no_evidence")
    assert "behaviour alone" in facts["models"][0]["detail"]


def test_customers_without_events_and_twin_rows_get_their_answers(tmp_path: Path) -> None:
    rows = [("nobody", logs.at(200), "28", ""), *LOG.since(CUT).rows[:2], LOG.since(CUT).rows[0]]
    early = [("c0001", logs.at(-500), "28", "")]

    found = scored(tmp_path, LOG.events, rows + early)

    assert len(found.risks) == 5
    assert found.risks[1] == found.risks[3]
    assert found.risks[0] == found.risks[4] == found.risks.max()
    assert told(tmp_path, found)["rows_without_events"] == 2


def test_each_horizon_has_a_model_of_its_own(tmp_path: Path) -> None:
    name, obs = LOG.since(CUT).rows[0][:2]
    rows = [(name, obs, days, "") for days in ("14", "28", "90")]

    found = scored(tmp_path, LOG.events, rows)

    assert len(found.models) == 3
    assert len(set(found.risks.tolist())) == 3
    assert found.risks[1] == scored(tmp_path, LOG.events, rows[1:2]).risks[0]


def test_types_that_no_word_recognises_are_told(tmp_path: Path) -> None:
    events = [(a, ts, "17" if kind == "error" else kind, v) for a, ts, kind, v in LOG.events]

    facts = told(tmp_path, scored(tmp_path, events, LOG.since(CUT).rows))

    assert facts["mapping"] == {
        "feature_used": {"kind": "act", "by": "word"},
        "17": {"kind": "act", "by": "assumed"},
    }
    assert any("'17'" in w for w in facts["warnings"])


def test_huge_negative_and_missing_values_do_not_spoil_a_fit(tmp_path: Path) -> None:
    odd = ["1e308", "-1e300", "inf", "nan", "", "-5", "abc"]
    events = [(a, ts, kind, odd[i % len(odd)]) for i, (a, ts, kind, _) in enumerate(LOG.events)]

    found = scored(tmp_path, events, LOG.since(CUT).rows, LOG.until(CUT).rows)

    assert np.isfinite(found.risks).all()
    assert ((found.risks >= 0) & (found.risks <= 1)).all()
