"""A scorecard compiled: which levels an event feeds.

Events that feed the same measures with the same weights share a *signature*, a small number; a
batch is folded by its signatures.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from healthsvc.core.arrays import Floats, Int64s
from healthsvc.core.events import (
    BUILTIN_TYPES,
    CANCEL_PAGE_VIEWED,
    FEATURE_USED,
    NOT_BY_CUSTOMER,
    PAGE_VIEWED,
    VISIT_NOT_COUNTED,
)
from healthsvc.core.folding import facts as fact
from healthsvc.core.folding.extract import NO_SLOT, Extract
from healthsvc.core.folding.items.registry import STEPS
from healthsvc.core.folding.visits import VISITS, VisitFilter
from healthsvc.core.risk.mapping import TypeMapping
from healthsvc.core.risk.section import RiskRules
from healthsvc.core.scorecard.model import ANY_OTHER, Feed, Scorecard
from healthsvc.core.scorecard.relationship import NOTHING, Relationship

_MEMO: Final = 50_000
"""Property values remembered per event type; the memory starts anew beyond it."""
_LONGEST: Final = 200
"""Characters of a property value that is remembered; senders may write values of any length."""
_MOST_TYPES: Final = 10_000
"""Event types remembered; the memory starts anew beyond it. Senders may make up types."""

_UNHASHABLE: Final = (list, dict)

Classifier = Callable[[Any], int]
PageKind = Callable[[str | None, str | None], str | None]
"""The kind of the page with a URL and a title; None where no rule knows it."""
OTHER_PAGE: Final = "other"
"""The kind of a page that no rule knows."""

HANDLED: Final = fact.HANDLERS.keys() | STEPS.keys()
"""Types that write facts: their events are kept until they are folded."""


class _Slots(dict[str, int]):
    """The slots of functions met lately."""

    def __missing__(self, feature: str) -> int:
        if len(self) >= _MEMO:
            self.clear()
        slot = self[feature] = fact.feature_slot(feature)
        return slot


class _Codes(dict[str, int]):
    """A number for each type, in the order they were met; meeting one is told."""

    def __init__(self, on_new: Callable[[str], None]) -> None:
        self._on_new = on_new

    def __missing__(self, event_type: str) -> int:
        code = self[event_type] = len(self)
        self._on_new(event_type)
        return code


class CompiledScorecard:
    """What the fold needs of a scorecard. `page_kind` gives the kind of a page by the projection's
    rules; `risk` says what the risk model needs, where there is one; `relationship` what loyalty,
    fit and touch are made of; `types` what the operator's own types of event are, None: all of them
    are acts; `visits` whose visits don't count, None: all of them do."""

    def __init__(
        self,
        scorecard: Scorecard,
        page_kind: PageKind,
        risk: RiskRules | None = None,
        relationship: Relationship = NOTHING,
        types: TypeMapping | None = None,
        visits: VisitFilter | None = None,
    ) -> None:
        self.scorecard = scorecard
        self.relationship = relationship
        self.types = types
        self._visits = visits
        self.half_lives_us = scorecard.half_lives_us
        self.landmark_us = scorecard.landmark_us
        self.measures = tuple(m.name for m in scorecard.level_measures)
        self.width = len(self.measures)
        rhythm = scorecard.rhythm
        self.rhythm = rhythm
        self.presence = None if rhythm is None else self.measures.index(rhythm.measure)
        """The column of the measure whose events are presence."""
        self.slow = () if rhythm is None else tuple(map(self.measures.index, rhythm.slow_measures))
        """The columns of the measures that keep a level of the slow half-life."""
        self._page_kind = page_kind
        self._unknown_pages = 0
        self._feeds: dict[str, list[tuple[int, Feed]]] = {}
        for column, measure in enumerate(scorecard.level_measures):
            for feed in measure.feeds:
                self._feeds.setdefault(feed.type, []).append((column, feed))
        self.risk_rules = risk
        self.risk = None if risk is None else risk.program(scorecard.landmark_us)
        self.risk_codes = np.zeros(0, np.int64)
        """The risk program's code of each signature."""
        self._signatures: dict[tuple[tuple[tuple[int, float], ...], int], int] = {}
        self._start = np.zeros(1, np.int64)
        self._length = np.zeros(0, np.int64)
        self._measure = np.zeros(0, np.int64)
        self._weight = np.zeros(0)
        self._codes = _Codes(self._learn_type)
        self._classifiers: dict[int, Classifier] = {}
        """By the code of their type."""
        self._constants = np.zeros(0, np.int64)
        """(types,) signature of all events of a type, 0 where that is for a classifier to say."""
        self._writes_facts = np.zeros(0, bool)
        """(types,) whether a type writes facts."""
        self._forget_types()
        self._not_counted = self._signature((), VISIT_NOT_COUNTED)
        self._slots = _Slots()

    def extract(self, types: Sequence[str], events: Sequence[Any]) -> "Extract":
        """What the fold needs of events; best taken while they are fresh in the processor's
        cache."""
        if len(self._codes) > _MOST_TYPES:
            self._forget_types()
        codes = np.fromiter(map(self._codes.__getitem__, types), np.int64, len(types))
        signatures = self._constants[codes]
        for code, classify in self._classifiers.items():
            at = np.flatnonzero(codes == code)
            if len(at):
                signatures[at] = [classify(events[i]) for i in at.tolist()]
        left_out = self._left_out(codes, events)
        signatures[left_out] = self._not_counted
        slots = np.full(len(types), NO_SLOT)
        used = np.flatnonzero(codes == self._feature_used)
        if len(used):
            slot = self._slots
            slots[used] = [slot[events[i].data.feature] for i in used.tolist()]
            slots[left_out] = NO_SLOT
        fact_events = [
            (i, types[i], events[i]) for i in np.flatnonzero(self._writes_facts[codes]).tolist()
        ]
        needs_values = self.risk is not None and self.risk.needs_values
        values = np.array(list(map(value_of, events))) if needs_values else np.zeros(0)
        return Extract(signatures, slots, fact_events, values)

    def take_unknown_pages(self) -> int:
        """How many views extracted since the last call were of pages that no rule knows."""
        count, self._unknown_pages = self._unknown_pages, 0
        return count

    def _left_out(self, codes: Int64s, events: Sequence[Any]) -> list[int]:
        """The places of visits that don't count."""
        if self._visits is None:
            return []
        visits = np.flatnonzero(codes < len(VISITS))  # their types have the first codes
        return self._visits.left_out(events, visits.tolist())

    def contributions(self, signatures: Int64s) -> tuple[Int64s, Int64s, Floats]:
        """What a batch adds, in log order: index of the event, column of the measure, weight."""
        count = self._length[signatures]
        event = np.repeat(np.arange(len(signatures)), count)
        ends = np.cumsum(count)
        at = np.arange(len(event)) + np.repeat(self._start[signatures] - (ends - count), count)
        return event, self._measure[at], self._weight[at]

    def feeding(self, measure: str) -> tuple[Feed, ...]:
        """The feeds of a kept measure, for naming its events."""
        return next(m.feeds for m in self.scorecard.level_measures if m.name == measure)

    def matches(self, feed: Feed, event_type: str, event: Any) -> bool:
        """Whether an event feeds through this feed."""
        data = event.data
        return (
            self.is_counted(event)
            and any(feed == own for _, own in self._feeds_of(event_type))
            and all(self._property(data, name) in values for name, values in feed.where)
        )

    def is_counted(self, event: Any) -> bool:
        """Whether an event is no visit, or the customer's own."""
        return self._visits is None or self._visits.is_counted(event)

    def kind_of_view(self, event: Any) -> str | None:
        """The kind of page that a customer's view shows: as sent, else by the rules; None
        where the visit doesn't count."""
        if not self.is_counted(event):
            return None
        data = event.data
        return data.kind or self._page_kind(data.url, data.title) or OTHER_PAGE

    def risk_type(self, event_type: str, event: Any) -> str:
        """The type as the risk's mapping knows it: views of a cancel page and visits that don't
        count are types of their own."""
        if event_type in VISITS and not self.is_counted(event):
            return VISIT_NOT_COUNTED
        if event_type == PAGE_VIEWED.name and self.kind_of_view(event) == "cancel":
            return CANCEL_PAGE_VIEWED
        return event_type

    def is_act(self, event_type: str) -> bool:
        """Whether a type is the customer's own doing: of built-in ones as declared, of the
        operator's own by its table."""
        if event_type in BUILTIN_TYPES:
            return event_type not in NOT_BY_CUSTOMER
        return self.types is None or self.types.judge(event_type).kind == "act"

    def _feeds_of(self, event_type: str) -> list[tuple[int, Feed]]:
        """The columns and feeds of a type; "any other" are the acts among the operator's own types
        that no measure names."""
        if event_type in self._feeds or event_type in BUILTIN_TYPES:
            return self._feeds.get(event_type, [])
        return self._feeds.get(ANY_OTHER, []) if self.is_act(event_type) else []

    def _forget_types(self) -> None:
        """Begin anew with the types; signatures stay, since folded events have them."""
        self._codes.clear()
        self._classifiers.clear()
        self._constants, self._writes_facts = np.zeros(0, np.int64), np.zeros(0, bool)
        for visit in VISITS:
            self._codes[visit]
        self._feature_used = self._codes[FEATURE_USED.name]

    def _learn_type(self, event_type: str) -> None:
        """A type has got its code. Those whose feeds have no conditions are constants; the others
        are classified event by event."""
        feeds = self._feeds_of(event_type)
        names = sorted({name for _, feed in feeds for name, _ in feed.where})
        if event_type == PAGE_VIEWED.name and self.risk is not None:
            names = sorted({*names, "kind"})
        constant = 0
        if not names:
            constant = self._signature(
                tuple((column, feed.weight) for column, feed in feeds), event_type
            )
        else:
            self._classifiers[self._codes[event_type]] = self._classifier(event_type, feeds, names)
        self._constants = np.append(self._constants, constant)
        self._writes_facts = np.append(self._writes_facts, event_type in HANDLED)

    def _classifier(
        self, event_type: str, feeds: Sequence[tuple[int, Feed]], names: Sequence[str]
    ) -> Classifier:
        if event_type == PAGE_VIEWED.name and names == ["kind"]:
            return self._by_page_kind(feeds)
        if len(names) == 1:
            return self._by_property(feeds, names[0], event_type)
        return self._by_properties(feeds, names, event_type)

    def _by_page_kind(self, feeds: Sequence[tuple[int, Feed]]) -> Classifier:
        """Page views are a large part of most logs, and their data is typed."""
        memo: dict[Any, int] = {}
        page_kind = self._page_kind

        def classify(event: Any) -> int:
            data = event.data
            kind = data.kind or page_kind(data.url, data.title)
            if kind is None:
                self._unknown_pages += 1
                kind = OTHER_PAGE
            signature = memo.get(kind)
            return (
                self._learn(memo, kind, feeds, {"kind": kind}, PAGE_VIEWED.name)
                if signature is None
                else signature
            )

        return classify

    def _by_property(
        self, feeds: Sequence[tuple[int, Feed]], name: str, event_type: str
    ) -> Classifier:
        """The usual case, made fast: all conditions look at one property."""
        memo: dict[Any, int] = {}
        look = self._property

        def classify(event: Any) -> int:
            value = look(event.data, name)
            signature = memo.get(value)
            return (
                self._learn(memo, value, feeds, {name: value}, event_type)
                if signature is None
                else signature
            )

        return classify

    def _by_properties(
        self, feeds: Sequence[tuple[int, Feed]], names: Sequence[str], event_type: str
    ) -> Classifier:
        memo: dict[Any, int] = {}

        def classify(event: Any) -> int:
            values = tuple([self._property(event.data, name) for name in names])
            signature = memo.get(values)
            if signature is None:
                signature = self._learn(
                    memo, values, feeds, dict(zip(names, values, strict=True)), event_type
                )
            return signature

        return classify

    def _learn(
        self,
        memo: dict[Any, int],
        key: Any,
        feeds: Sequence[tuple[int, Feed]],
        values: dict[str, Any],
        event_type: str,
    ) -> int:
        if len(memo) >= _MEMO:
            memo.clear()
        contributions = [
            (c, f.weight) for c, f in feeds if all(values[n] in allowed for n, allowed in f.where)
        ]
        is_cancel = event_type == PAGE_VIEWED.name and values.get("kind") == "cancel"
        signature = self._signature(
            tuple(contributions), CANCEL_PAGE_VIEWED if is_cancel else event_type
        )
        if not any(isinstance(value, str) and len(value) > _LONGEST for value in values.values()):
            memo[key] = signature
        return signature

    def _property(self, data: Any, name: str) -> Any:
        value = data.get(name) if isinstance(data, dict) else getattr(data, name, None)
        if value is None and name == "kind":
            url = data.get("url") if isinstance(data, dict) else getattr(data, "url", None)
            return (self._page_kind(url, None) or OTHER_PAGE) if isinstance(url, str) else None
        return repr(value) if isinstance(value, _UNHASHABLE) else value

    def _signature(self, contributions: tuple[tuple[int, float], ...], risk_type: str) -> int:
        """The number of what is fed, measures and risk alike; risk_type: the type as the risk's
        mapping knows it."""
        code = 0 if self.risk is None else self.risk.code(risk_type)
        signature = self._signatures.get((contributions, code))
        if signature is None:
            signature = self._signatures[contributions, code] = len(self._signatures)
            self.risk_codes = np.append(self.risk_codes, code)
            self._measure = np.append(
                self._measure, np.array([c for c, _ in contributions], np.int64)
            )
            self._weight = np.append(
                self._weight, np.array([w for _, w in contributions], np.float64)
            )
            self._length = np.append(self._length, len(contributions))
            self._start = np.append(self._start, len(self._measure))
        return signature


def value_of(event: Any) -> float:
    """The `value` of an event's data, NaN where it has none: what a fitted risk may sum."""
    data = event.data
    value = data.get("value") if isinstance(data, dict) else getattr(data, "value", None)
    return (
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else float("nan")
    )
