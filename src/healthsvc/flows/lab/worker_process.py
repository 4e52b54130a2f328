"""A run of the lab as a process of its own, so that folding and the API keep their interpreter and
their memory.

One line of JSON comes in on standard input: what to do and where the database is. Lines of JSON go
out: how far it is, and at last the result or the reason why there is none. When its input ends,
whoever started it is gone: so it ends too.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.instants import from_us
from healthsvc.flows.lab import export, jobs
from healthsvc.flows.lab.replay import Cards, ReplayJob, of_archive
from healthsvc.flows.lab.run import OUTCOMES_AT, RunRequest, execute
from healthsvc.store.database.engine import create_engine
from healthsvc.wire.scorecards.document import compile_document

NICENESS: Final = 10
MODULE: Final = "healthsvc.flows.lab.worker_process"


def main() -> None:
    """The whole run."""
    with open(0, "rb", buffering=0, closefd=False) as line:
        task = json.loads(line.readline())
    os.nice(NICENESS)
    folder = Path(tempfile.mkdtemp(prefix="healthsvc-lab-"))
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    try:
        message = _replay(task) if task["wanted"]["kind"] == "replay" else _run(task, folder)
    except Exception as error:
        message = {"failure": f"{type(error).__name__}: {error}"}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say(message)


def _run(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    events, document = folder / "events.csv.gz", str(task["live_document"])
    program = compile_document(document).program
    event_count, segments = asyncio.run(_export(task["url"], events, program))
    kind = task["wanted"]["kind"]
    if kind in jobs.KINDS:
        documents = jobs.Documents(live=document, version=str(task["document"]))
        comparison = jobs.run_job(events, jobs.KINDS[kind](**task["wanted"]), documents, _progress)
        return {"result": {"events": event_count, **comparison}, "model_key": None}
    since_us = int(task.get("live_since_us", 0))
    result, key = execute(
        events,
        RunRequest(**task["wanted"]),
        document,
        _progress,
        live_since_us=since_us,
        segments=segments,
    )
    return {"result": {"events": event_count, **result}, "model_key": key}


def _replay(task: dict[str, Any]) -> dict[str, Any]:
    async def replayed() -> dict[str, Any]:
        engine = create_engine(task["url"], application="healthsvc-lab")
        try:
            cards = Cards.of(task["live_document"], task["document"])
            return await of_archive(
                engine, cards, ReplayJob(**task["wanted"]), from_us(task["now_us"]), _progress
            )
        finally:
            await engine.dispose()

    return {"result": asyncio.run(replayed()), "model_key": None}


async def _export(url: str, path: Path, program: CompiledScorecard) -> tuple[int, dict[str, str]]:
    engine = create_engine(url, application="healthsvc-lab")
    try:
        event_count = await export.write(
            engine,
            path,
            program.risk_type,
            lambda n, of: _progress("reading the archive", OUTCOMES_AT * n / of),
        )
        return event_count, await export.segments(engine)
    finally:
        await engine.dispose()


def _progress(phase: str, progress: float) -> None:
    _say({"phase": phase, "progress": progress})


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message, allow_nan=False) + "\n")
    sys.stdout.flush()


def _end_with_parent(folder: Path) -> None:
    with suppress(OSError):
        while os.read(0, 1024):
            pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
