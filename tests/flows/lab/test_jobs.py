"""A kept version held against the live one by a run: what commands say of the same log, or why
nothing is said."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.section import RiskRules
from healthsvc.flows.lab import export, runs
from healthsvc.flows.lab.compare import compare, everyone, preview
from healthsvc.flows.lab.fit import scorecard_with
from healthsvc.flows.lab.jobs import (
    OTHER_PAGES,
    Comparison,
    ComparisonJob,
    Documents,
    PreviewJob,
    run_job,
)
from healthsvc.flows.lab.outcomes import from_log
from healthsvc.flows.projections import publish
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.files.columns import read_events
from healthsvc.wire.files.row_groups import RowTally
from healthsvc.wire.scorecards.document import compile_document, default_document
from tests.flows.lab import logs
from tests.flows.lab.test_runs import archived, executed, story
from tests.flows.projections.test_ship_gate import RULES
from tests.support.makers import make_actor

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
FITTED = scorecard_with(default_document(), RULES)
KINDS = pytest.mark.parametrize(
    "wanted", [Comparison(version=2), PreviewJob(version=2)], ids=["compare", "preview"]
)


def quiet(*_: Any) -> None: ...


def rules_of(document: str) -> RiskRules:
    rules = compile_document(document).program.risk_rules
    assert rules is not None
    return rules


def without(section: str) -> str:
    return yaml.safe_dump(
        {k: v for k, v in yaml.safe_load(default_document()).items() if k != section}
    )


async def exported(engine: AsyncEngine, folder: Path) -> Path:
    """The archive as a file, as the commands take it."""
    await export.write(engine, folder / "e.csv.gz", compile_document("").program.risk_type, quiet)
    return folder / "e.csv.gz"


async def run_of(engine: AsyncEngine, url: str, wanted: ComparisonJob) -> dict[str, Any]:
    """The result of a run, once it is done."""
    done = await executed(
        engine, url, await runs.ask(engine, wanted, by=make_actor("kim"), now=NOW)
    )
    assert (done.state, done.failure) == ("done", None)
    return done.result or {}


async def test_a_run_says_what_the_command_says_of_the_same_log(
    engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    events = story(customers=60, days=120)
    await archived(engine, database_url, events)
    version, _ = await publish.keep(engine, FITTED, by=make_actor("kim"), now=NOW)
    log, live, new = await exported(engine, tmp_path), rules_of(""), rules_of(FITTED)

    compared = await run_of(
        engine,
        database_url,
        Comparison(version=version.version, outcome="silence", horizon_days=14, capacity=7),
    )
    previewed = await run_of(engine, database_url, PreviewJob(version=version.version))

    known = from_log(read_events(log, RowTally()), live.mapping, "silence", 14 * DAY_US)
    assert compared["compare"] == compare(log, known, live, new, 7, quiet)
    assert compared["compare"]["auc_gain"]["value"] != 0
    assert (compared["events"], compared["rows"], compared["detail"]) == (
        len(events),
        len(known),
        "",
    )
    assert previewed["preview"] == preview(
        log, everyone(log, None, new.model.horizon_us), new, live, quiet
    )
    assert (previewed["preview"]["customers"], previewed["version"], previewed["warnings"]) == (
        60,
        2,
        [],
    )


async def test_a_comparison_without_churners_is_a_plain_answer(
    engine: AsyncEngine, database_url: str
) -> None:
    events = [e for e in story(customers=20, days=90) if e["type"] != "subscription.cancelled"]
    await archived(engine, database_url, events)

    found = await run_of(engine, database_url, Comparison(version=1, horizon_days=14))

    assert (found["compare"], found["churners"]) == (None, 0)
    assert found["rows"] > 0
    assert found["detail"] == "on the dates to be judged all customers have the same outcome"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return logs.write_events(
        tmp_path_factory.mktemp("run_job") / "e.csv.gz", logs.make_log(customers=40).events
    )


@KINDS
def test_where_either_has_no_risk_section_it_is_said(log: Path, wanted: ComparisonJob) -> None:
    bare = without("risk")

    of_version = run_job(log, wanted, Documents(live="", version=bare), quiet)
    of_live = run_job(log, wanted, Documents(live=bare, version=""), quiet)

    assert (of_version[wanted.kind], of_version["detail"]) == (
        None,
        "version 2 has no /risk section",
    )
    assert (of_live[wanted.kind], of_live["detail"]) == (
        None,
        "the live scorecard has no /risk section",
    )


@KINDS
def test_a_version_that_reads_pages_otherwise_is_warned_of(
    log: Path, wanted: ComparisonJob
) -> None:
    other = yaml.safe_dump(
        yaml.safe_load(FITTED) | {"page_kinds": [{"kind": "cancel", "words": ["farewell"]}]}
    )

    assert run_job(log, wanted, Documents(live="", version=other), quiet)["warnings"] == [
        OTHER_PAGES
    ]
    assert run_job(log, wanted, Documents(live=other, version=other), quiet)["warnings"] == []
