"""Lines of a history, read and checked, before they are sent."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from healthsvc.flows.intake.replay_output import ReplayBatch
from healthsvc.wire.events.decode import Reject, decode_batch
from healthsvc.wire.files.file_lines import BadLine, Group


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedLines:
    """A group of lines, checked."""

    batch: ReplayBatch
    lines: list[int]  # of each event in the batch
    occurred_us: npt.NDArray[np.int64]
    bad: list[BadLine]
    last_line: int


def prepare_lines(group: Group, now_us: int, *, strict: bool) -> PreparedLines:
    good = [line for line in group if not isinstance(line, BadLine)]
    decoded = decode_batch([line.value for line in good], now_us=now_us, is_intake=True)
    bad = [line for line in group if isinstance(line, BadLine)]
    bad += [_bad_line(good[reject.index].number, reject) for reject in decoded.rejects]
    bad.sort()
    lines = [good[index].number for index in decoded.index]
    count, last_line = len(lines), group[-1].number
    if strict and bad:
        last_line = bad[0].number - 1
        count = sum(line <= last_line for line in lines)
    return PreparedLines(
        batch=ReplayBatch(
            customer_ids=[e.customer_id for e in decoded.events[:count]],
            events=decoded.raws[:count],
        ),
        lines=lines[:count],
        occurred_us=decoded.occurred_us[:count],
        bad=bad,
        last_line=last_line,
    )


def _bad_line(number: int, reject: Reject) -> BadLine:
    detail = "; ".join(
        f"{error.pointer}: {error.detail}" if error.pointer else error.detail
        for error in reject.errors
    )
    return BadLine(number, reject.reason, detail)
