"""Cool-down: after an alert of a flag, for some time there is no other of the same flag, nor of one
that says less of the same thing.

What is suppressed is an alert, never a flag: lists and the worklist show what stands. The last
alerts are remembered to the hour, the newest few of a customer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from healthsvc.core.decisions.changes import BandChange, FlagChange
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.instants import HOUR_US
from healthsvc.core.scorecard.model import FlagRule, Scorecard
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.flags.intent import IntentFlag
from healthsvc.core.severity import SEVERITIES

BAND: Final = 63
"""In place of a flag: the alert of a fall in band."""
_FRESH: Final = ("raised", "renewed")


def cool_flags(
    card_of: Callable[[int], Scorecard],
    groups: Mapping[int, tuple[int, ...]],
    evaluation: Evaluation,
    changes: Sequence[FlagChange],
    after: DecisionStates,
) -> tuple[list[FlagChange], set[int]]:
    """The same changes without the alerts that come too soon, and the rows of those; writes the
    last alerts of `after`.

    card_of: by row; groups: of `alert_groups`. Alerts that take over another one are never too
    soon.
    """
    result: list[FlagChange] = []
    cooled: set[int] = set()
    for change in changes:
        if not change.alert:
            result.append(change)
            continue
        row, now_us = change.row, int(evaluation.now_us[change.row])
        rules = card_of(row).flags
        group = groups.get(change.flag, (change.flag,))
        is_habit = bool(evaluation.flags.is_habit[row, change.flag])
        if change.kind in _FRESH and _is_too_soon(
            rules, group, change.flag, after.last_alerts(row), now_us, is_habit=is_habit
        ):
            result.append(replace(change, alert=False))
            cooled.add(row)
            continue
        after.note_alert(row, change.flag, now_us // HOUR_US)
        result.append(change)
    return result, cooled


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


def _is_too_soon(
    rules: Sequence[FlagRule],
    group: Sequence[int],
    flag: int,
    last_alerts: Mapping[int, int],
    now_us: int,
    *,
    is_habit: bool,
) -> bool:
    """Whether the flag, or one of its group that says at least as much, had an alert lately."""
    rule = rules[flag]
    cool_us = rule.renew_us if is_habit and isinstance(rule, IntentFlag) else rule.cool_us
    return any(
        now_us - hour * HOUR_US < cool_us
        for other, hour in last_alerts.items()
        if other == flag or (other in group and _severity(rules[other]) >= _severity(rule))
    )


def _severity(rule: FlagRule) -> int:
    return -1 if rule.severity is None else SEVERITIES.index(rule.severity)
