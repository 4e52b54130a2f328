"""Runs the references, each as a process of its own, and reads what it printed."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.ground import ROOT, BenchmarkError, environment
from benchmarks.product import Measured

QUIX_ENVIRONMENT = ROOT / ".venv-bench"
LIMIT_SECONDS = 900


def raw(kafka: str, topic: str, *, partitions: int, count: int) -> Measured:
    return _run(
        sys.executable,
        "reference_raw",
        "--bootstrap",
        kafka,
        "--topic",
        topic,
        "--partitions",
        str(partitions),
        "--count",
        str(count),
    )


def orm(kafka: str, topic: str, *, count: int, database: str) -> Measured:
    return _run(
        sys.executable,
        "reference_orm",
        "--bootstrap",
        kafka,
        "--topic",
        topic,
        "--count",
        str(count),
        "--database",
        database,
    )


def quix(kafka: str, topic: str, *, count: int) -> Measured:
    python = str(quix_environment() / "bin" / "python")
    return _run(
        python, "reference_quix", "--bootstrap", kafka, "--topic", topic, "--count", str(count)
    )


def quix_environment() -> Path:
    """Quix Streams' own virtual environment, made at first use: it pins older libraries than the
    product needs."""
    if not (QUIX_ENVIRONMENT / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(QUIX_ENVIRONMENT)], check=True)
        wanted = Path(__file__).with_name("requirements-quix.txt")
        subprocess.run(
            [
                str(QUIX_ENVIRONMENT / "bin" / "python"),
                "-m",
                "pip",
                "install",
                "-q",
                "-r",
                str(wanted),
            ],
            check=True,
        )
        (QUIX_ENVIRONMENT / "ready").touch()
    return QUIX_ENVIRONMENT


def _run(python: str, module: str, *arguments: str) -> Measured:
    command = [python, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkError(f"{module} failed:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return Measured(events=said["events"], seconds=said["seconds"], cpu_seconds=said["cpu_seconds"])
