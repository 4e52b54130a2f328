"""One policy for all periodic work: no failure ends a loop, each is counted, long silence is
told."""

import asyncio
from contextlib import suppress

import asyncpg

from healthsvc.flows.readiness.checks import Readiness
from healthsvc.flows.readiness.steps import ON_DEMAND, Again, Step, Steps
from healthsvc.runtime.run_every import MISTAKE_SECONDS, OUTAGE_SECONDS, Periodic, run_every
from healthsvc.store.database.outage import Outage
from tests.support.waiting import until


class Work:
    """Fails as told; counts its turns."""

    def __init__(self, *outcomes: object) -> None:
        self.outcomes, self.turns = list(outcomes), 0

    async def __call__(self, _: Step) -> object:
        self.turns += 1
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


async def test_failures_are_counted_until_a_success_and_never_end_the_loop() -> None:
    work = Work(*(ValueError("odd") for _ in range(5)), asyncpg.DiskFullError("full"))
    steps, stop = Steps(), asyncio.Event()
    periodic = Periodic(name="some", seconds=1.0, work=work)
    seen: set[tuple[int, str | None, Outage | None]] = set()

    def recovered() -> bool:
        (step,) = steps.all()
        seen.add((step.failures, step.error, step.outage))
        return work.turns > 6 and step.failures == 0

    running = asyncio.create_task(run_every(periodic, steps, stop, pace=0.2))
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
        await until(recovered)
    stop.set()
    await running

    assert (5, "ValueError: odd", None) in seen
    assert (6, "DiskFullError: full", Outage.DISK_FULL) in seen
    assert steps.all() == []


async def test_a_step_that_has_more_to_do_has_its_next_turn_at_once() -> None:
    work, steps, stop = Work(Again(0.0), Again(0.0)), Steps(), asyncio.Event()

    running = asyncio.create_task(
        run_every(Periodic(name="some", seconds=3600.0, work=work), steps, stop)
    )
    await until(lambda: work.turns == 3)
    stop.set()
    await running


def test_an_outage_is_tried_again_sooner_than_a_mistake() -> None:
    assert max(OUTAGE_SECONDS) < max(MISTAKE_SECONDS)


class Monotonic:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_run_that_does_not_end_is_told_and_signs_of_progress_are_believed() -> None:
    clock = Monotonic()
    step = Step("some", 1.0, clock=clock)
    step.begin()
    clock.seconds = 29.0
    assert not step.stands_still
    step.progressed()
    clock.seconds = 58.0
    assert not step.stands_still
    clock.seconds = 60.0
    assert step.stands_still


def test_a_daily_step_may_rest_for_a_day_and_not_run_for_one() -> None:
    clock = Monotonic()
    step = Step("some", 86_400.0, clock=clock)
    clock.seconds = 86_400.0
    assert not step.stands_still
    step.begin()
    clock.seconds += 1_000.0
    assert step.stands_still


def test_what_nobody_asks_for_any_more_is_believed_for_a_minute() -> None:
    clock = Monotonic()
    step = Step("some", ON_DEMAND, clock=clock)
    for _ in range(3):
        step.failed(ValueError("odd"))
    assert step.fails
    clock.seconds = 61.0
    assert not step.fails
    assert not step.stands_still


def test_the_words_of_an_error_stay_in_the_log_since_anybody_may_ask_for_readiness() -> None:
    readiness = Readiness(process="here", roles=frozenset({"process"}))
    step = readiness.steps.register("some", 1.0)
    for _ in range(3):
        step.failed(ValueError("of customer acme"))

    sentence = readiness.verdict().sentences["/step_failing/some"]

    assert "3 times in a row (ValueError)" in sentence
    assert "acme" not in sentence
