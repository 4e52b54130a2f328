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

from healthsvc.core.arrays import Floats
from healthsvc.core.events import ItemKind, Moment
from healthsvc.core.folding.facts import COLUMN
from healthsvc.core.folding.items.kind import Counted, Item, ItemRules
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

    def add(self, item: Item, moment: Moment, event: Any, us: float) -> None:
        if moment == "named":
            _take_role(item, CHAMPION, us)
            return
        if event.contact_id:
            item[_ROLE] = max(item[_ROLE], NAMED)
        if moment == "left":
            item[_LEFT_AT] = max(item[_LEFT_AT], us)
        elif moment == "asked":
            sent = _SENT[event.data.survey]
            item[sent] = max(item[sent], us)
        else:
            at = _AT[event.data.survey]
            item[at], item[at + 1] = max(
                (item[at], item[at + 1]), (us, float(event.data.score) + 1.0)
            )
            role = event.data.role
            if role is not None and event.contact_id:
                _take_role(item, ROLES[role], us)

    def newest(self, item: Item) -> float:
        return max(*(item[at] for at in _AT.values()), *item[6:10], item[_LEFT_AT])

    def compact(self, item: Item) -> Item:
        return item

    def summary(
        self, items: Sequence[Counted], facts: Floats, surveys: SurveyRules
    ) -> Sequence[float]:
        if len(items) == 1 and not items[0][0][_LEFT_AT]:  # the newest answer says it all
            return *_SAYS_NOTHING[:6], *_SAYS_NOTHING[:4], nan, _unanswered(items)
        nps, csat, ces = (_distribution(items, facts, survey, surveys) for survey in SURVEYS)
        return *nps, *csat[:4], ces[0], _unanswered(items)


def _person(event: Any) -> str | None:
    """Whose voice an event is, or whom a profile names as the champion; None: nobody's."""
    if hasattr(event.data, "attributes"):
        champion = (event.data.attributes or {}).get(CHAMPION_ATTRIBUTE)
        return champion if isinstance(champion, str) and champion else None
    return event.contact_id or (UNNAMED if hasattr(event.data, "survey") else None)


def _take_role(item: Item, role: float, us: float) -> None:
    """The role told last; the weightier of two that are told at once."""
    item[_ROLE_AT], item[_ROLE] = max((item[_ROLE_AT], item[_ROLE]), (us, role))


def answers(items: Sequence[Counted], survey: Survey) -> list[VoiceAnswer]:
    """The newest answer of each person who is still there."""
    at = _AT[survey]
    return [
        VoiceAnswer(item[at + 1] - 1.0, item[at], item[_ROLE] if item[_ROLE_AT] > start else NAMED)
        for item, start in items
        if item[at] > max(start, item[_LEFT_AT])
    ]


def asked_and_unanswered(items: Sequence[Counted]) -> tuple[int, int]:
    """To how many people the newest survey of each kind went, and how many haven't answered one
    since.

    Where nobody is named, anybody's answer is one to what was sent, and one without a name may be
    anybody's.
    """
    asked = unanswered = 0
    for survey in SURVEYS:
        at, sent = _AT[survey], _SENT[survey]
        anybody = max([item[at] for item, _ in items], default=0.0)
        unnamed = max([item[at] for item, _ in items if item[_ROLE] == NOBODY], default=0.0)
        for item, start in items:
            if item[sent] <= max(start, item[_LEFT_AT]):
                continue
            answered_us = max(item[at], anybody if item[_ROLE] == NOBODY else unnamed)
            asked += 1
            unanswered += answered_us < item[sent]
    return asked, unanswered


def _unanswered(items: Sequence[Counted]) -> float:
    if not any(item[sent] for item, _ in items for sent in _SENT.values()):
        return 0.0
    asked, unanswered = asked_and_unanswered(items)
    return unanswered / asked if asked else 0.0


def _distribution(
    items: Sequence[Counted], facts: Floats, survey: Survey, rules: SurveyRules
) -> tuple[float, ...]:
    """Mean, score and instant of the newest low answer, share of the low ones, and instant and
    share of the high ones; unknown where the newest answer says it all.

    An answer weighs half for each half-life that it is older than the newest one, and more by a
    champion or decider; a low answer of theirs speaks for all.
    """
    given = answers(items, survey)
    newest_us = float(facts[COLUMN[f"{survey}_at"]])
    if len(given) == 1 and given[0].us == newest_us:
        return _SAYS_NOTHING
    if not given:
        return (NO_VOICE if newest_us else nan, *_SAYS_NOTHING[1:])
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
