"""Running roles together until a signal comes or one of them dies, and stopping them all in good
time."""

import asyncio
import concurrent.futures
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
import uvloop

from healthsvc.store.database.outage import is_outage
from healthsvc.telemetry import LogEvent

DRAIN_SECONDS: Final = (
    20.0  # of the 25 that a SIGTERM may take; the rest is for the database to stop
)
SWITCH_SECONDS: Final = 0.0005
"""How long a thread that computes may keep the interpreter from one that answers. With Python's own
5 ms each read and write of a socket or of the log would wait so long for the thread that folds."""
EXIT_DIED: Final = 70  # EX_SOFTWARE of sysexits.h

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One long-running part; `run` returns soon after the event is set, and at no other time.

    With `thread` it gets an event loop of its own in a thread of its own: its computing doesn't
    hold up the others.
    """

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]
    thread: bool = False


def run(roles: Sequence[Role], *, drain_seconds: float = DRAIN_SECONDS) -> int:
    """Run all roles; answer the exit code: 0 after a signal and a clean stop, 70 when a role died
    or wouldn't stop.

    SIGTERM or SIGINT asks all roles to stop; a second one stops waiting for them.
    """
    if any(role.thread for role in roles):
        sys.setswitchinterval(SWITCH_SECONDS)
    return uvloop.run(_run(roles, drain_seconds))


async def _run(roles: Sequence[Role], drain_seconds: float) -> int:
    stop, hurry = asyncio.Event(), asyncio.Event()
    _listen_to_signals(stop, hurry)
    tasks = {asyncio.create_task(_start(role, stop), name=role.name) for role in roles}
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
    died = done - {stopping}
    log.info(LogEvent.SERVICE_STOPPING, roles=[role.name for role in roles])
    stop.set()
    clean = await _drain(tasks, hurry, drain_seconds)
    failed = [task for task in tasks if _complain(task, early=task in died)]
    stopping.cancel()
    return EXIT_DIED if failed or died or not clean else 0


def _listen_to_signals(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)


async def _start(role: Role, stop: asyncio.Event) -> None:
    log.info(LogEvent.ROLE_STARTED, role=role.name)
    if role.thread:
        await _run_in_thread(role, stop)
    else:
        await role.run(stop)


async def _run_in_thread(role: Role, stop: asyncio.Event) -> None:
    """The role in a thread and loop of its own; cancelling this cancels the role there."""
    ending: concurrent.futures.Future[None] = concurrent.futures.Future()
    ready: concurrent.futures.Future[
        tuple[asyncio.AbstractEventLoop, asyncio.Event, asyncio.Task[None]]
    ]
    ready = concurrent.futures.Future()

    async def inside() -> None:
        task = asyncio.current_task()
        assert task is not None
        its_stop = asyncio.Event()
        ready.set_result((asyncio.get_running_loop(), its_stop, task))
        await role.run(its_stop)

    def body() -> None:
        try:
            uvloop.run(inside())
        except BaseException as error:
            ending.set_exception(error)
        else:
            ending.set_result(None)

    # a daemon: a role that hangs in C code must not keep the process from ending
    threading.Thread(target=body, name=role.name, daemon=True).start()
    loop, its_stop, its_task = await asyncio.wrap_future(ready)
    outcome: asyncio.Future[Any] = asyncio.wrap_future(ending)
    stopping: asyncio.Future[Any] = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({outcome, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not outcome.done():
            loop.call_soon_threadsafe(its_stop.set)
        await asyncio.shield(outcome)
    except asyncio.CancelledError:
        if not outcome.done():
            loop.call_soon_threadsafe(its_task.cancel)
        raise
    finally:
        stopping.cancel()


async def _drain(tasks: set[asyncio.Task[None]], hurry: asyncio.Event, seconds: float) -> bool:
    """Wait for the roles to end; cancel those that don't. True if all ended by themselves."""
    hurried = asyncio.create_task(hurry.wait())
    everything = asyncio.create_task(asyncio.wait(tasks))
    await asyncio.wait({everything, hurried}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    slow = [task for task in tasks if not task.done()]
    if slow:
        log.error(LogEvent.ROLE_SLOW, roles=sorted(task.get_name() for task in slow))
        for task in slow:
            task.cancel()
        await asyncio.wait(slow, timeout=2.0)
    everything.cancel()
    return not slow


def _complain(task: asyncio.Task[None], *, early: bool) -> bool:
    """Log how a role ended; True if it wasn't as it should."""
    error = _cause(task.exception()) if task.done() and not task.cancelled() else None
    if error is not None:
        trace = (
            None if is_outage(error) else error
        )  # where in the code a database is missed tells nobody anything
        log.error(
            LogEvent.ROLE_DIED,
            role=task.get_name(),
            why=f"{type(error).__name__}: {error}",
            exc_info=trace,
        )
    elif early:
        log.error(LogEvent.ROLE_DIED, role=task.get_name(), why="it ended without being asked to")
    else:
        log.info(LogEvent.ROLE_STOPPED, role=task.get_name())
    return error is not None or early


def _cause(error: BaseException | None) -> BaseException | None:
    """What went wrong inside of task groups, if it is one thing."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
