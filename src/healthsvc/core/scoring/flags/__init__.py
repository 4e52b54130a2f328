"""Flags: what holds of a customer now, since when, and the next instant at which time alone changes
that.

A file for each kind, listed in `KINDS`: its rule, how it is read from the scorecard, its condition
and its line in the schema. Every condition has a closed form, so the instant at which silence
crosses its line is known long before. A flag of absence is only as good as the log has been read:
callers evaluate as of an instant up to which everything logged has been read. What must not live
here: memory. Whether a flag stands is decided by `decisions`.
"""

from collections.abc import Mapping
from typing import Final

from healthsvc.core.scorecard.model import FlagRule, Scorecard
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError
from healthsvc.core.scoring.flags.absence import AbsenceFlag
from healthsvc.core.scoring.flags.ahead import AheadFlag
from healthsvc.core.scoring.flags.answer import AnswerFlag
from healthsvc.core.scoring.flags.answer_from import AnswerFromFlag
from healthsvc.core.scoring.flags.both import BothFlag
from healthsvc.core.scoring.flags.churned import ChurnedFlag
from healthsvc.core.scoring.flags.contraction import ContractionFlag
from healthsvc.core.scoring.flags.disagreement import DisagreementFlag
from healthsvc.core.scoring.flags.drop import DropFlag
from healthsvc.core.scoring.flags.either import EitherFlag
from healthsvc.core.scoring.flags.fading import FadingFlag
from healthsvc.core.scoring.flags.intent import IntentFlag
from healthsvc.core.scoring.flags.kind import EarlierFlags, Flag, FlagStates, JudgedScore
from healthsvc.core.scoring.flags.level import LevelFlag
from healthsvc.core.scoring.flags.low_answer import LowAnswerFlag
from healthsvc.core.scoring.flags.loyal import LoyalFlag
from healthsvc.core.scoring.flags.notice import NoticeFlag
from healthsvc.core.scoring.flags.open import OpenFlag
from healthsvc.core.scoring.flags.promoter import PromoterFlag
from healthsvc.core.scoring.flags.reading import FIELDS, FlagReader, Vocabulary
from healthsvc.core.scoring.flags.returned import ReturnedFlag
from healthsvc.core.scoring.flags.unstarted import UnstartedFlag
from healthsvc.core.scoring.flags.waiting import WaitingFlag
from healthsvc.core.scoring.view import View

KINDS: Final[Mapping[str, type[Flag]]] = {
    kind.kind: kind
    for kind in (
        IntentFlag,
        LevelFlag,
        AbsenceFlag,
        DropFlag,
        FadingFlag,
        AnswerFlag,
        AnswerFromFlag,
        LoyalFlag,
        OpenFlag,
        AheadFlag,
        ChurnedFlag,
        NoticeFlag,
        ReturnedFlag,
        ContractionFlag,
        BothFlag,
        EitherFlag,
        UnstartedFlag,
        LowAnswerFlag,
        PromoterFlag,
        WaitingFlag,
        DisagreementFlag,
    )
}
"""Every kind of flag, by the name that a scorecard uses."""


def read_flag(data: object, path: str, vocabulary: Vocabulary) -> FlagRule:
    """The flag of one entry of the document. Raises ScorecardError with the place of the first
    fault."""
    reader = MappingReader(data, path)
    reader.need("name")
    kind = KINDS[reader.choice("kind", tuple(KINDS))]
    rule = kind.read(FlagReader(reader, vocabulary, kind.default_cool_days))
    if reader.get("unless") and kind not in (
        AnswerFlag,
        LowAnswerFlag,
    ):  # ignored, it would let the flag hold all the same
        raise ScorecardError(f"{path}/unless", "is for a flag of kind 'answer' or 'low_answer'")
    for field in FIELDS:
        reader.get(field)  # known, although this kind may not use it
    reader.done()
    return rule


def flag_states(view: View, card: Scorecard) -> FlagStates:
    """The flags of each row as of its `now_us`, in declared order, by one scorecard or variant;
    without those that read the score, which `add_flags_after_score` adds."""
    states = FlagStates.none(len(view.now_us), len(card.flags))
    _evaluate(view, card, states, None)
    return states


def add_flags_after_score(
    view: View, card: Scorecard, states: FlagStates, judged: JudgedScore
) -> None:
    """Write the flags that read the score into the states."""
    _evaluate(view, card, states, judged)


def _evaluate(view: View, card: Scorecard, states: FlagStates, judged: JudgedScore | None) -> None:
    earlier = EarlierFlags(states, card.flag_names, judged)
    for f, rule in enumerate(card.flags):
        assert isinstance(rule, Flag)  # the document reader makes no other
        if not rule.enabled or rule.after_score is (judged is None):
            continue
        condition = rule.condition(view, earlier)
        states.place[:, f] = condition.place
        states.onset_us[:, f], states.change_us[:, f] = condition.onset_us, condition.change_us
        states.cap[:, f] = rule.cap_of(condition)
        states.cap_drift[:, f] = rule.cap_drift_of(condition)
        if condition.is_habit is not None:
            states.is_habit[:, f] = condition.is_habit
