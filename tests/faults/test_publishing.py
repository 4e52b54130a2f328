"""Projections that are built and take over while workers read Kafka, and die: each customer has
each event once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from healthsvc.flows.projections import publish
from healthsvc.store.database.engine import create_engine
from healthsvc.wire.scorecards.document import default_document
from tests.faults import ask
from tests.faults.hold import Hold, until_one_waits
from tests.faults.oracle import LIVE, assert_exact
from tests.faults.test_workers import install, shared, stream
from tests.faults.workers import Fleet, Worker, fleet, until
from tests.support.makers import make_actor


@pytest.fixture
def workers(
    database_url: str, kafka: str, kafka_topic: Callable[..., str], tmp_path: Path
) -> Iterator[Fleet]:
    ask.run(install(database_url))
    with fleet(database_url, kafka, kafka_topic(4), tmp_path) as made:
        yield made


def ours() -> str:
    """The default scorecard with a variant, and sign-ins judged by their place among the
    customers."""
    document = yaml.safe_load(default_document()) | {"name": "ours"}
    next(m for m in document["measures"] if m["name"] == "sessions")["judge"] = {
        "kind": "segment",
        "at": 4,
    }
    document["variants"] = [
        {"name": "new", "when": {"stage": "onboarding"}, "bands": {"healthy": 75}}
    ]
    return yaml.safe_dump(document, sort_keys=False)


def asked_for(url: str, document: str | None = None) -> None:
    """A document is to become live, or what is live to be built anew."""

    async def asked() -> publish.PublishOutcome:
        engine, now = create_engine(url), datetime.now(UTC)
        try:
            if document is None:
                return await publish.rebuild(engine, by=make_actor("test"), now=now)
            version, _ = await publish.keep(engine, document, by=make_actor("test"), now=now)
            return await publish.publish(engine, version.version, by=make_actor("test"), now=now)
        finally:
            await engine.dispose()

    assert isinstance(ask.run(asked()), publish.Begun)


def builder(workers: Fleet) -> Worker | None:
    """The worker that builds."""
    name = ask.value(workers.url, "select builder from projections where state = 'building'")
    return next((w for w in workers.started if w.alive and name and f"-{w.pid}-" in name), None)


def live(url: str) -> int:
    return int(ask.value(url, f"select {LIVE}"))


def test_projections_take_over_under_load_while_the_builder_is_killed(workers: Fleet) -> None:
    workers.start()
    workers.start()
    until(shared(workers, 2, 2), "both have their share")
    sending = stream(workers, events=9_000, seconds=30)
    until(
        lambda: int(ask.value(workers.url, "select sum(applied) from partitions") or 0) > 1_000,
        "some are counted",
    )

    kill_the_builder_in_a_step_of_its_folding(workers)
    until(lambda: live(workers.url) == 2, "the other one goes on with it")
    workers.start()
    asked_for(workers.url)
    until(lambda: live(workers.url) == 3, "it takes over as well")
    sending.finish()

    assert_exact(workers.url, sending)
    frozen = "select frozen like '%reference%' from scorecards where version = 2"
    assert ask.value(workers.url, frozen) is True
    owned = "select count(*) from partitions where projection = 3 and owner is not null"
    until(lambda: ask.value(workers.url, owned) == 4, "the workers have changed over")


def kill_the_builder_in_a_step_of_its_folding(workers: Fleet) -> None:
    """It stands still before it indexes the archive, and then before it writes how far it has
    folded."""
    owned = "select count(*) from partitions where projection = 2 and owner is not null"
    with Hold(workers.url, "lock table archive in row exclusive mode") as archive:
        asked_for(workers.url, ours())
        until(lambda: ask.value(workers.url, owned) == 4, "somebody builds")
        doomed = builder(workers)
        assert doomed is not None
        with Hold(workers.url, "select from partitions where projection = 2 for update"):
            archive.release()
            until_one_waits(workers.url, "partitions")
            doomed.kill()
