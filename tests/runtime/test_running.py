"""Roles run until a signal; they are drained in good time, and one that dies takes the process down
with its reason."""

import subprocess
import sys

import pytest

from tests.support.waiting import PATIENCE_SECONDS

PROGRAM = """
import asyncio, sys, time
from healthsvc import telemetry
from healthsvc.runtime import running
telemetry.configure_logging()

async def good(stop):
    print("up", flush=True)
    await stop.wait()
    await asyncio.sleep(0.2)
    print("drained", flush=True)

async def dies(stop):
    await asyncio.sleep(0.2)
    raise RuntimeError("out of luck")

async def dies_in_group(stop):
    async with asyncio.TaskGroup() as group:
        group.create_task(dies(stop))

async def leaves(stop):
    await asyncio.sleep(0.2)

async def stubborn(stop):
    await asyncio.sleep(600)

async def frozen(stop):
    time.sleep(600)

kinds = {each.__name__: each for each in (good, dies, dies_in_group, leaves, stubborn, frozen)}
roles = [running.Role(name=a, run=kinds[a.strip("+")], thread=a.endswith("+")) for a in sys.argv[2:]]
sys.exit(running.run(roles, drain_seconds=float(sys.argv[1])))
"""


def start(*roles: str, drain_seconds: float = PATIENCE_SECONDS) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(drain_seconds), *roles]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize("role", ["good", "good+"])
def test_a_signal_drains_and_exits_0(role: str) -> None:
    process = start(role)
    process.terminate()
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, output) == (0, "drained\n")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("dies", "out of luck"),
        ("dies+", "out of luck"),
        ("dies_in_group", "RuntimeError: out of luck"),
        ("leaves", "without being asked"),
    ],
)
def test_a_role_that_dies_takes_the_process_down_with_its_reason_after_draining_the_others(
    bad: str, why: str
) -> None:
    process = start("good", bad)
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 70
    assert output == "drained\n"
    assert why in errors


@pytest.mark.parametrize("bad", ["stubborn", "stubborn+", "frozen+"])
def test_a_role_that_does_not_stop_is_left_behind(bad: str) -> None:
    process = start("good", bad, drain_seconds=1.0)
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 70
    assert "slow_to_stop" in errors
