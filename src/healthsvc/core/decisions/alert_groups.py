"""Groups of flags that have one cause, and so one alert: that of the most severe flag that holds.

A flag of flags (`both`) escalates the first of its flags: the silence of an unhappy customer is a
silence. A fall in use, at once or slowly, belongs to the silence that it becomes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from healthsvc.core.arrays import Floats
from healthsvc.core.decisions.changes import FlagChange, Kind
from healthsvc.core.scorecard.model import FlagRule, Scorecard
from healthsvc.core.scoring.flags.absence import AbsenceFlag
from healthsvc.core.scoring.flags.both import BothFlag
from healthsvc.core.scoring.flags.kind import NO_CAP
from healthsvc.core.severity import SEVERITIES


def absence_flags(card: Scorecard) -> frozenset[str]:
    """Flags of what didn't happen, or happened less, and those that are built on such a one."""
    names: set[str] = set()
    for rule in card.flags:
        if rule.of_absence or not names.isdisjoint(rule.of):
            names.add(rule.name)
    return frozenset(names)


def alert_groups(card: Scorecard) -> dict[int, tuple[int, ...]]:
    """The group of each flag that isn't alone in its group, in declared order."""
    roots = list(range(len(card.flags)))
    silences = [f for f, rule in enumerate(card.flags) if isinstance(rule, AbsenceFlag)]
    for f, rule in enumerate(card.flags):
        if isinstance(rule, BothFlag):
            roots[f] = roots[card.flag_names.index(rule.of[0])]
        elif rule.by_habit:
            roots[f] = next((s for s in silences if _covers(card, card.flags[s], rule)), f)
    groups = {root: tuple(f for f, r in enumerate(roots) if r == root) for root in set(roots)}
    return {f: groups[root] for f, root in enumerate(roots) if len(groups[root]) > 1}


@dataclass(frozen=True, slots=True)
class _Group:
    """A customer's group of flags, some of which change."""

    card: Scorecard
    changing: Sequence[int]
    holding: Sequence[int]
    """Flags with an alert that hold now."""
    leader_before: int | None
    """The most severe of those that held before."""
    leader: int | None
    """The most severe of those that hold now."""

    @classmethod
    def of(
        cls, card: Scorecard, flags: Sequence[int], changing: Sequence[int], bits: int
    ) -> "_Group":
        alerting = [f for f in flags if card.flags[f].severity is not None]
        holding = [f for f in alerting if bits >> f & 1]
        before = [f for f in alerting if (f in holding) != (f in changing)]
        return cls(card, changing, holding, _most_severe(card, before), _most_severe(card, holding))

    @property
    def de_escalated_to(self) -> int | None:
        """The leader that held before already, where a more severe one is released."""
        if (
            self.leader_before is None
            or self.leader == self.leader_before
            or self.leader in self.changing
        ):
            return None
        return self.leader

    def change_of(self, change: FlagChange) -> FlagChange:
        """The change of a flag that is raised, by what it does to the group's alert."""
        leads = change.flag == self.leader
        adds = self.leader_before is not None and isinstance(self.card.flags[change.flag], BothFlag)
        return replace(change, kind=self._kind(leads=leads), alert=change.alert and (leads or adds))

    def _kind(self, *, leads: bool) -> Kind:
        if self.leader_before is None:
            return "raised"
        return "escalated" if leads else "additional"


def one_alert(
    card_of: Callable[[int], Scorecard],
    groups: Mapping[int, tuple[int, ...]],
    changes: Sequence[FlagChange],
    onset_us: Floats,
    flag_bits: Floats,
) -> list[FlagChange]:
    """The same changes with one alert for each group: its most severe flag's.

    A flag that is raised while another of its group goes on holding is `escalated` if it is more
    severe, and takes the alert over; else it is `additional`, and only a flag of flags then has an
    alert, if that of the more severe one was closed. Where the most severe flag is released and
    another goes on holding, the alert is `de_escalated` to that one.

    card_of: by row; groups: of `alert_groups`; onset_us: (n, f); flag_bits: (n,) the flags that
    hold now.
    """
    result = list(changes)
    for (row, root), places in _by_group(groups, changes).items():
        changing = [changes[place].flag for place in places]
        group = _Group.of(card_of(row), groups[root], changing, int(flag_bits[row]))
        for place in places:
            if changes[place].kind == "raised" and group.holding:
                result[place] = group.change_of(changes[place])
        flag = group.de_escalated_to
        if flag is not None:
            onset = int(onset_us[row, flag])
            result.append(
                FlagChange(row=row, flag=flag, kind="de_escalated", onset_us=onset, alert=True)
            )
    return result


def _by_group(
    groups: Mapping[int, tuple[int, ...]], changes: Sequence[FlagChange]
) -> dict[tuple[int, int], list[int]]:
    """Places of the changes by row and first flag of their group."""
    places: dict[tuple[int, int], list[int]] = {}
    for place, change in enumerate(changes):
        if change.flag in groups and change.kind != "renewed":
            places.setdefault((change.row, groups[change.flag][0]), []).append(place)
    return places


def _covers(card: Scorecard, silence: FlagRule, drop: FlagRule) -> bool:
    """Whether everything that feeds the measure of the drop breaks the silence."""
    feeds = {m.name: {(feed.type, feed.where) for feed in m.feeds} for m in card.level_measures}
    breaking = feeds[silence.measure]
    return all(
        (kind, ()) in breaking or (kind, where) in breaking for kind, where in feeds[drop.measure]
    )


def _most_severe(card: Scorecard, flags: Sequence[int]) -> int | None:
    return max(flags, key=lambda f: _rank(card.flags[f]), default=None)


def _rank(rule: FlagRule) -> tuple[int, float]:
    """By the alert's severity, then by how low the flag caps the score."""
    return SEVERITIES.index(rule.severity or "info"), -(NO_CAP if rule.cap is None else rule.cap)
