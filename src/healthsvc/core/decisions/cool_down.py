"""Cool-down: after an alert of a flag, for some time there is no other of the same flag, nor of one
that says less of the same thing.

What comes too soon is an alert, never a flag: lists and the worklist show what stands. An alert
that came too soon is raised when the cool-down is over, if its flag stands by then. The last alerts
are remembered to the hour, the newest few of a customer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.decisions.changes import BandChange, FlagChange
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.instants import HOUR_US
from healthsvc.core.scorecard.model import FlagRule, Scorecard
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.flags.absence import AbsenceFlag
from healthsvc.core.scoring.flags.intent import IntentFlag
from healthsvc.core.severity import SEVERITIES

BAND: Final = 63
"""In place of a flag: the alert of a fall in band."""
_FRESH: Final = ("raised", "renewed")


@dataclass(frozen=True, slots=True)
class CoolDown:
    """The rules by which alerts of a batch come too soon.

    card_of: by row; groups: of `alert_groups`; after: its last alerts and postponed ones are
    written.
    """

    card_of: Callable[[int], Scorecard]
    groups: Mapping[int, tuple[int, ...]]
    evaluation: Evaluation
    after: DecisionStates

    def cool(self, changes: Sequence[FlagChange]) -> tuple[list[FlagChange], set[int]]:
        """The same changes without the alerts that come too soon, and the rows of those. Alerts
        that take over another one never do."""
        result: list[FlagChange] = []
        cooled: set[int] = set()
        for change in changes:
            row = change.row
            if change.kind == "released":
                self._set_postponed(row, change.flag, is_postponed=False)
            if change.alert and change.kind in _FRESH and self._ends_us(row, change.flag):
                if change.kind == "raised":
                    self._set_postponed(row, change.flag, is_postponed=True)
                result.append(replace(change, alert=False))
                cooled.add(row)
                continue
            if change.alert:
                self.after.note_alert(row, change.flag, self._hour(row))
            result.append(change)
        return result, cooled

    def postponed(self, standing: Mask) -> list[FlagChange]:
        """Alerts that came too soon and don't any longer, of flags that stand; standing: (n, f)."""
        changes: list[FlagChange] = []
        for row in np.flatnonzero(self.after.postponed > 0).tolist():
            for flag in self._postponed_flags(row):
                if self._ends_us(row, flag):
                    continue
                self._set_postponed(row, flag, is_postponed=False)
                if standing[row, flag]:
                    onset_us = int(self.evaluation.flags.onset_us[row, flag])
                    self.after.note_alert(row, flag, self._hour(row))
                    changes.append(
                        FlagChange(row=row, flag=flag, kind="raised", onset_us=onset_us, alert=True)
                    )
        return changes

    def due_us(self) -> Floats:
        """(n,) when the first postponed alert of each customer may be raised; inf: none is."""
        due = np.full(len(self.evaluation.now_us), np.inf)
        for row in np.flatnonzero(self.after.postponed > 0).tolist():
            ends = [self._ends_us(row, flag) for flag in self._postponed_flags(row)]
            due[row] = min([end for end in ends if end], default=np.inf)
        return due

    def _postponed_flags(self, row: int) -> list[int]:
        bits = int(self.after.postponed[row])
        return [flag for flag in range(bits.bit_length()) if bits >> flag & 1]

    def _set_postponed(self, row: int, flag: int, *, is_postponed: bool) -> None:
        bits = int(self.after.postponed[row]) & ~(1 << flag)
        self.after.postponed[row] = float(bits | (int(is_postponed) << flag))

    def _hour(self, row: int) -> int:
        return int(self.evaluation.now_us[row]) // HOUR_US

    def _ends_us(self, row: int, flag: int) -> int:
        """When the cool-down of the flag ends, 0 where it is over: that of its own last alert, or
        of one of its group that says at least as much."""
        rules, now_us = self.card_of(row).flags, int(self.evaluation.now_us[row])
        rule, group = rules[flag], self.groups.get(flag, (flag,))
        cool_us = rule.cool_us
        if isinstance(rule, IntentFlag) and self.evaluation.flags.is_habit[row, flag]:
            cool_us = rule.renew_us
        ends = [
            hour * HOUR_US + cool_us
            for other, hour in self.after.last_alerts(row).items()
            if other == flag or (other in group and _weight(rules[other]) >= _weight(rule))
        ]
        latest = max(ends, default=0)
        return latest if latest > now_us else 0


def cool_bands(
    card_of: Callable[[int], Scorecard],
    evaluation: Evaluation,
    changes: Sequence[BandChange],
    after: DecisionStates,
) -> list[BandChange]:
    """The same changes without the alerts that come too soon; writes the last alerts of `after`."""
    result: list[BandChange] = []
    for change in changes:
        row, now_us = change.row, int(evaluation.now_us[change.row])
        is_alert = change.alert
        if is_alert:
            hour = after.last_alerts(row).get(BAND)
            is_alert = hour is None or now_us - hour * HOUR_US >= card_of(row).cool_us
        if is_alert:
            after.note_alert(row, BAND, now_us // HOUR_US)
        result.append(change if is_alert == change.alert else replace(change, alert=False))
    return result


def _weight(rule: FlagRule) -> tuple[int, bool]:
    """How much a flag says: of two as severe, silence says more than the fall that led to it."""
    severity = -1 if rule.severity is None else SEVERITIES.index(rule.severity)
    return severity, isinstance(rule, AbsenceFlag)
