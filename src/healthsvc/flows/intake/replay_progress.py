"""How far a replay is, on disk, so that another run goes on from there."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from healthsvc.wire.files.file_lines import BadLine

KEPT_BAD_LINES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTally:
    """How far a replay is, reruns included."""

    line: int = 0  # all lines up to it are acknowledged or set aside
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    finished: bool = False


@dataclass(slots=True, kw_only=True)
class ReplayProgress:
    """The replay's memory on disk; without a path it remembers nothing. `bad` keeps the first lines
    set aside."""

    path: Path | None = None
    tally: ReplayTally = field(default_factory=ReplayTally)
    bad: list[BadLine] = field(default_factory=list)

    @staticmethod
    def load(path: Path | None, *, restart: bool = False) -> "ReplayProgress":
        """The state in the file; a missing or broken one is a fresh start, which costs time and
        nothing else."""
        try:
            tally = (
                ReplayTally(**json.loads(path.read_bytes()))
                if path is not None and not restart
                else ReplayTally()
            )
        except (FileNotFoundError, ValueError, TypeError):
            tally = ReplayTally()
        progress = ReplayProgress(path=path, tally=tally)
        if progress.bad_path is not None and not tally.line:
            progress.bad_path.unlink(missing_ok=True)
        return progress

    def move(self, tally: ReplayTally) -> None:
        """Remember: atomic, not synced, since an older state is only slower."""
        self.tally = tally
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({name: getattr(tally, name) for name in ReplayTally.__slots__}))
        fresh.replace(self.path)

    def set_aside(self, lines: Sequence[BadLine]) -> None:
        """Keep bad lines for the report, up to a limit; beside the state file as NDJSON too."""
        recorded = list(lines)[: max(0, KEPT_BAD_LINES - len(self.bad))]
        self.bad.extend(recorded)
        if recorded and self.bad_path is not None:
            self.bad_path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.bad_path, "a", encoding="utf-8") as file:
                file.writelines(json.dumps(line._asdict()) + "\n" for line in recorded)

    @property
    def bad_path(self) -> Path | None:
        return None if self.path is None else self.path.with_suffix(".rejected.ndjson")
