"""The commands `replay` and `demo` as a person uses them, on a real database."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from healthsvc.cli import app
from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.intake import log_reader
from tests.support.makers import make_event


@pytest.fixture
async def installed(
    engine: AsyncEngine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncEngine:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, 2)
    monkeypatch.setenv("HEALTHSVC_DATABASE_URL", database_url)
    monkeypatch.setenv("HEALTHSVC_DATA_DIR", str(tmp_path / "data"))
    return engine


async def healthsvc(*arguments: str, stdin: str | None = None) -> Result:
    """Run the command in a thread: it has an event loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments), stdin)


async def logged(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as conn:
        entries = [
            entry
            for partition in (0, 1)
            for entry in await log_reader.read(conn, partition, 0, 100_000)
        ]
    return [json.loads(entry.event)["id"] for entry in entries]


def write_events(path: Path, count: int, *, extra: str = "") -> str:
    lines = [json.dumps(make_event(id=f"e-{n}")) + "\n" for n in range(count)]
    path.write_text("".join(lines) + extra)
    return str(path)


async def test_a_replayed_file_is_in_the_log_and_a_second_run_sends_nothing(
    installed: AsyncEngine, tmp_path: Path
) -> None:
    file = write_events(tmp_path / "e.ndjson", 30)

    first, second = (
        await healthsvc("replay", file, "--json"),
        await healthsvc("replay", file, "--json"),
    )

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert json.loads(first.stdout)["sent"] == 30
    assert json.loads(second.stdout)["sent"] == 0
    assert len(await logged(installed)) == 30


async def test_restart_sends_all_of_it_again_under_the_same_ids(
    installed: AsyncEngine, tmp_path: Path
) -> None:
    file = tmp_path / "log.csv"
    file.write_text("account_id,ts,type,value\n" + "c1,2024-01-01T10:00:00Z,purchase,3\n" * 4)

    await healthsvc("replay", str(file))
    again = await healthsvc("replay", str(file), "--restart")

    ids = await logged(installed)
    assert again.exit_code == 0
    assert (len(ids), len(set(ids))) == (8, 4)


async def test_bad_lines_are_reported_and_the_rest_is_in(
    installed: AsyncEngine, tmp_path: Path
) -> None:
    result = await healthsvc("replay", write_events(tmp_path / "e.ndjson", 3, extra="{oh\n"))

    assert result.exit_code == 0
    assert "line 4: invalid_json" in result.stderr
    assert "1 line set aside" in result.stdout
    assert len(await logged(installed)) == 3


async def test_a_file_without_any_event_fails_and_is_never_said_to_be_in_the_log(
    installed: AsyncEngine, tmp_path: Path
) -> None:
    file = write_events(tmp_path / "e.ndjson", 0, extra="{oh\n{no\n")

    first, second = await healthsvc("replay", file), await healthsvc("replay", file)

    for done in (first, second):
        assert done.exit_code == 1
        assert "all 2 lines were set aside" in done.stdout
        assert "in the log already" not in done.stdout
    assert await logged(installed) == []


async def test_a_strict_replay_fails_at_a_bad_line(installed: AsyncEngine, tmp_path: Path) -> None:
    result = await healthsvc(
        "replay", write_events(tmp_path / "e.ndjson", 3, extra="{oh\n"), "--strict"
    )

    assert result.exit_code == 1
    assert "line 4" in result.stderr


async def test_standard_input_is_a_file_too(installed: AsyncEngine) -> None:
    result = await healthsvc("replay", "-", stdin=json.dumps(make_event(id="from-a-pipe")))

    assert result.exit_code == 0
    assert await logged(installed) == ["from-a-pipe"]


async def test_the_demo_comes_once_and_says_where_to_look(installed: AsyncEngine) -> None:
    first, second = (
        await healthsvc("demo", "--customers", "8"),
        await healthsvc("demo", "--customers", "8", "--json"),
    )

    assert first.exit_code == 0
    assert "/v1/alerts?state=open" in first.stdout
    assert "wait to be folded" in first.stdout
    assert json.loads(second.stdout)["sent"] == 0
    assert len(await logged(installed)) > 500


async def test_a_dry_run_writes_a_file_that_can_be_replayed(
    installed: AsyncEngine, tmp_path: Path
) -> None:
    out = tmp_path / "d.ndjson"
    dry = await healthsvc("demo", "--customers", "5", "--dry-run", "--out", str(out), "--json")
    before = await logged(installed)

    replayed = await healthsvc("replay", str(out), "--json")

    assert before == []
    assert json.loads(dry.stdout)["events"] == json.loads(replayed.stdout)["accepted"]


async def test_a_database_without_a_log_is_refused_in_a_sentence(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTHSVC_DATA_DIR", str(tmp_path))

    result = await healthsvc(
        "replay", write_events(tmp_path / "e.ndjson", 1), "--database", empty_database_url
    )

    assert result.exit_code == 1
    assert "healthsvc migrate" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--url", "http://127.0.0.1:1"], "API key"),
        (["--kafka"], "HEALTHSVC_KAFKA_BOOTSTRAP_SERVERS"),
        (
            ["--url", "http://127.0.0.1:1", "--key", "k", "--database", "postgresql://x"],
            "choose one",
        ),
    ],
)
async def test_options_that_name_no_entrance_are_refused(
    options: list[str], said: str, tmp_path: Path
) -> None:
    result = await healthsvc("replay", write_events(tmp_path / "e.ndjson", 1), *options)

    assert result.exit_code == 2
    assert said in result.stderr


async def test_a_missing_file_is_told(installed: AsyncEngine) -> None:
    result = await healthsvc("replay", "nowhere.ndjson")

    assert result.exit_code == 1
    assert "nowhere.ndjson" in result.stderr
