"""Items of kind `voice`: a person at the customer, the newest answer of theirs to each survey, and
the newest survey sent to them.

All who gave no `contact_id` are one voice. What the voices come to is written into the facts only
where it says more than the newest answer, which the facts have anyway: most customers have one
voice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, inf, nan
from typing import Any, ClassVar, Final

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.items.kind import (
    Counted,
    ItemGroups,
    ItemRules,
    Known,
    keep_latest,
    keep_newest,
)
from healthsvc.core.scorecard.surveys import SURVEYS, Survey, SurveyRules

UNNAMED: Final = "\0"
"""The id of whoever answered without a `contact_id`; no id of a sender holds it."""
NOBODY, NAMED, CHAMPION, DECIDER = 0.0, 1.0, 2.0, 3.0
ROLES: Final = {"user": NAMED, "champion": CHAMPION, "decider": DECIDER}
CHAMPION_ATTRIBUTE: Final = "champion"
"""The attribute of a profile that names the main contact, by `contact_id`."""
_AT: Final = {"nps": 0, "csat": 2, "ces": 4}
"""When the newest answer came; the score follows, one more than it is, since 0 is unknown."""
_SENT: Final = {"nps": 6, "csat": 7, "ces": 8}
_ROLE_AT, _ROLE, _LEFT_AT = 9, 10, 11
NO_VOICE: Final = inf
"""In place of a mean: those who answered have left."""


_SAYS_NOTHING: Final = (nan, nan, 0.0, 0.0, 0.0, 0.0)
_EVENTS: Final = [*_AT.values(), *_SENT.values(), _ROLE_AT, _LEFT_AT]


@dataclass(frozen=True, slots=True)
class VoiceAnswer:
    """The newest answer of one person to one survey."""

    score: float
    us: float
    role: float

    @property
    def decides(self) -> bool:
        """Whether it comes from the champion or from who decides."""
        return self.role >= CHAMPION


class Voice(ItemRules):
    kind: ClassVar[ItemKind] = "voice"
    number: ClassVar[int] = 10
    fields: ClassVar[int] = 12
    columns: ClassVar[tuple[str, ...]] = (
        *("nps_mean", "nps_low", "nps_low_at", "nps_low_share", "nps_high_at", "nps_high_share"),
        *("csat_mean", "csat_low", "csat_low_at", "csat_low_share"),
        *("ces_mean", "surveys_unanswered"),
    )

    @property
    def id_of(self) -> Any:
        return _person

    def add(self, numbers: Floats, moment: Moment, events: Sequence[Any], us: Floats) -> None:
        if moment == "named":
            _take_roles(numbers, us, np.full(len(us), CHAMPION))
            return
        is_named = np.array([bool(event.contact_id) for event in events])
        numbers[:, _ROLE] = np.maximum(numbers[:, _ROLE], np.where(is_named, NAMED, NOBODY))
        if moment == "left":
            keep_newest(numbers, _LEFT_AT, us)
            return
        surveys = [event.data.survey for event in events]
        each = np.arange(len(us))
        if moment == "asked":
            sent = [_SENT[survey] for survey in surveys]
            numbers[each, sent] = np.maximum(numbers[each, sent], us)
        else:
            _take_answers(numbers, [_AT[survey] for survey in surveys], events, us)
            roles = [ROLES.get(event.data.role, 0.0) for event in events]
            tells = np.flatnonzero(is_named & (np.array(roles) > 0))
            telling = numbers[tells]
            _take_roles(telling, us[tells], np.array(roles)[tells])
            numbers[tells] = telling

    def newest(self, numbers: Floats) -> Floats:
        newest: Floats = numbers[:, _EVENTS].max(axis=1)
        return newest

    def summary(self, items: ItemGroups, known: Known, surveys: SurveyRules) -> Sequence[Floats]:
        nps, csat, ces = (
            _distributions(items, known(f"{survey}_at"), survey, surveys) for survey in SURVEYS
        )
        asked, unanswered = asked_and_unanswered(items)
        return *nps.T, *csat.T[:4], ces[:, 0], unanswered / np.maximum(asked, 1)


def _take_answers(numbers: Floats, at: Sequence[int], events: Sequence[Any], us: Floats) -> None:
    """Write answers, each into its survey's columns."""
    each, column = np.arange(len(us)), np.array(at)
    scores = np.array([event.data.score for event in events], np.float64) + 1.0
    answered = np.stack([numbers[each, column], numbers[each, column + 1]], axis=1)
    keep_latest(answered, 0, 1, us, scores)
    numbers[each, column], numbers[each, column + 1] = answered.T


def _take_roles(numbers: Floats, us: Floats, roles: Floats) -> None:
    """The role told last; the weightier of two that are told at once."""
    keep_latest(numbers, _ROLE_AT, _ROLE, us, roles)


def _person(event: Any) -> str | None:
    """Whose voice an event is, or whom a profile names as the champion; None: nobody's."""
    if hasattr(event.data, "attributes"):
        champion = (event.data.attributes or {}).get(CHAMPION_ATTRIBUTE)
        return champion if isinstance(champion, str) and champion else None
    return event.contact_id or (UNNAMED if hasattr(event.data, "survey") else None)


def answers(items: Sequence[Counted], survey: Survey) -> list[VoiceAnswer]:
    """The newest answer of each person who is still there."""
    at = _AT[survey]
    return [
        VoiceAnswer(item[at + 1] - 1.0, item[at], item[_ROLE] if item[_ROLE_AT] > start else NAMED)
        for item, start in items
        if item[at] > max(start, item[_LEFT_AT])
    ]


def asked_and_unanswered(items: ItemGroups) -> tuple[Floats, Floats]:
    """(customers,) to how many people the newest survey of each kind went, and how many haven't
    answered one since.

    Where nobody is named, anybody's answer is one to what was sent, and one without a name may be
    anybody's.
    """
    is_nobody = items.numbers[:, _ROLE] == NOBODY
    counts_from = np.maximum(items.counts_from, items.numbers[:, _LEFT_AT])
    asked, unanswered = np.zeros(len(items)), np.zeros(len(items))
    for survey in SURVEYS:
        answered_at, sent = items.numbers[:, _AT[survey]], items.numbers[:, _SENT[survey]]
        anybody = items.of_each(items.latest(answered_at))
        unnamed = items.of_each(items.latest(np.where(is_nobody, answered_at, 0.0)))
        answered_us = np.maximum(answered_at, np.where(is_nobody, anybody, unnamed))
        is_asked = sent > counts_from
        asked += items.count(is_asked)
        unanswered += items.count(is_asked & (answered_us < sent))
    return asked, unanswered


def _distributions(
    items: ItemGroups, newest_us: Floats, survey: Survey, rules: SurveyRules
) -> Floats:
    """(customers, 6) as `_distribution` says; unknown where one person is known who is still there,
    and where the newest answer says it all. newest_us: that of each customer."""
    answered_at, left_at = items.numbers[:, _AT[survey]], items.numbers[:, _LEFT_AT]
    counts = answered_at > np.maximum(items.counts_from, left_at)
    answered, latest = items.count(counts), items.latest(np.where(counts, answered_at, 0.0))
    values = np.tile(_SAYS_NOTHING, (len(items), 1))
    is_one = (items.sizes == 1) & (left_at[items.first] <= 0)
    values[~is_one & (answered == 0) & (newest_us > 0), 0] = NO_VOICE
    several = ~is_one & (answered > 0) & ((answered > 1) | (latest != newest_us))
    at = np.flatnonzero(several)
    for customer, voices in zip(at.tolist(), items.one_by_one(at), strict=True):
        values[customer] = _distribution(answers(voices, survey), survey, rules)
    return values


def _distribution(
    given: Sequence[VoiceAnswer], survey: Survey, rules: SurveyRules
) -> tuple[float, ...]:
    """Mean, score and instant of the newest low answer, share of the low ones, and instant and
    share of the high ones.

    An answer weighs half for each half-life that it is older than the newest one, and more by a
    champion or decider; a low answer of theirs speaks for all.
    """
    latest_us = max(answer.us for answer in given)
    weights = [
        (rules.decider_weight if answer.decides else 1.0)
        * 2.0 ** (-(latest_us - answer.us) / rules.half_life_us)
        for answer in given
    ]
    total = fsum(weights)
    low, high = rules.low[survey], rules.high[survey]
    low_at, low_score = max([(a.us, a.score) for a in given if a.score <= low], default=(0.0, nan))
    low_share = fsum(w for w, a in zip(weights, given, strict=True) if a.score <= low) / total
    if any(a.decides and a.score <= low for a in given):
        low_share = 1.0
    return (
        fsum(w * a.score for w, a in zip(weights, given, strict=True)) / total,
        low_score,
        low_at,
        low_share,
        max([a.us for a in given if a.score >= high], default=0.0),
        fsum(w for w, a in zip(weights, given, strict=True) if a.score >= high) / total,
    )
