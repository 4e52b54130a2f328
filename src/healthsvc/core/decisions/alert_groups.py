"""What flags have to do with each other: which tell of something that didn't happen, and which have one cause.

A flag of flags (`both`) sharpens the first of its flags: the silence of an unhappy customer is a silence. And who is
silent uses less. Such flags are a family, and a family has one alert: its sharpest flag's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from healthsvc.core.arrays import Floats
from healthsvc.core.decisions.changes import FlagChange, Kind
from healthsvc.core.scorecard.model import FlagRule, Scorecard
from healthsvc.core.scoring.flags.absence import AbsenceFlag
from healthsvc.core.scoring.flags.both import BothFlag
from healthsvc.core.scoring.flags.drop import DropFlag
from healthsvc.core.scoring.flags.kind import NO_CAP
from healthsvc.core.severity import SEVERITIES


def absences(card: Scorecard) -> frozenset[str]:
    """Flags that say that something didn't happen, or happened less, and those that are built on such a one."""
    found: set[str] = set()
    for rule in card.flags:
        if rule.of_absence or not found.isdisjoint(rule.of):
            found.add(rule.name)
    return frozenset(found)


def families(card: Scorecard) -> dict[int, tuple[int, ...]]:
    """By flag that has relatives: its family in declared order."""
    roots = list(range(len(card.flags)))
    silences = [f for f, rule in enumerate(card.flags) if isinstance(rule, AbsenceFlag)]
    for f, rule in enumerate(card.flags):
        if isinstance(rule, BothFlag):
            roots[f] = roots[card.flag_names.index(rule.of[0])]
        elif isinstance(rule, DropFlag):
            roots[f] = next((s for s in silences if _covers(card, card.flags[s], rule)), f)
    grown = {root: tuple(f for f, r in enumerate(roots) if r == root) for root in set(roots)}
    return {f: grown[root] for f, root in enumerate(roots) if len(grown[root]) > 1}


def one_alert(
    card_of: Callable[[int], Scorecard],
    related: Mapping[int, tuple[int, ...]],
    changes: Sequence[FlagChange],
    onset_us: Floats,
    after: Floats,
) -> list[FlagChange]:
    """The same changes with one alert for each family: its sharpest flag's.

    What is raised while another flag of its family goes on holding is `sharper` than that one and takes its alert over;
    or, `beside` a sharper one, a flag of flags is told only if somebody has closed that one's alert, since it says
    something new. Where the sharpest is released and another goes on holding, the alert is `eased` to that one.

    card_of: by row; related: of `families`; onset_us: (n, f); after: (n,) flags as bits that hold now.
    """
    touched: dict[tuple[int, int], list[int]] = {}
    for place, change in enumerate(changes):
        if change.flag in related and change.kind != "renewed":
            touched.setdefault((change.row, related[change.flag][0]), []).append(place)
    found = list(changes)
    for (row, root), places in touched.items():
        card = card_of(row)
        family = [f for f in related[root] if card.flags[f].severity is not None]
        now = [f for f in family if int(after[row]) >> f & 1]
        before = [f for f in family if (f in now) != (f in [found[p].flag for p in places])]
        top, was = _sharpest(card, now), _sharpest(card, before)
        for p in places:
            if found[p].kind == "raised" and now:
                kind: Kind = "raised" if was is None else "sharper" if found[p].flag == top else "beside"
                says_more = was is not None and isinstance(card.flags[found[p].flag], BothFlag)
                told = found[p].alert and (found[p].flag == top or says_more)
                found[p] = replace(found[p], kind=kind, alert=told)
        if was is not None and top is not None and top in before and top != was:
            onset = int(onset_us[row, top])
            found.append(replace(found[places[0]], flag=top, kind="eased", onset_us=onset, alert=True))
    return found


def _covers(card: Scorecard, silence: FlagRule, drop: FlagRule) -> bool:
    """Whether everything that feeds the measure of the drop breaks the silence."""
    feeds = {m.name: {(feed.type, feed.where) for feed in m.feeds} for m in card.kept}
    heard = feeds[silence.measure]
    return all((kind, ()) in heard or (kind, where) in heard for kind, where in feeds[drop.measure])


def _sharpest(card: Scorecard, flags: Sequence[int]) -> int | None:
    return max(flags, key=lambda f: _sharpness(card.flags[f]), default=None)


def _sharpness(rule: FlagRule) -> tuple[int, float]:
    """By the alert's severity, then by how low the flag caps the score."""
    return SEVERITIES.index(rule.severity or "info"), -(NO_CAP if rule.cap is None else rule.cap)
