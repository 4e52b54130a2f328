"""A scorecard compiled: which levels an event feeds.

Events that feed the same measures with the same weights share a *signature*, a small number; a batch is folded by
its signatures.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core import facts as fact
from healthsvc.core.risk.section import RiskRules
from healthsvc.core.scorecard import ANY_OTHER, BUILTIN_TYPES, Feed, Scorecard

_MEMO: Final = 50_000
"""Property values remembered per event type; the memory starts anew beyond it."""

PAGE_VIEWED: Final = "page.viewed"
CANCEL_VIEWED: Final = "page.viewed:cancel"
_UNHASHABLE: Final = (list, dict)

Classifier = Callable[[Any], int]


class Program:
    """What the fold needs of a scorecard. `page_kind` gives the kind of a URL by the projection's rules; `risk` says
    what the risk model needs, where there is one."""

    def __init__(self, scorecard: Scorecard, page_kind: Callable[[str], str], risk: RiskRules | None = None) -> None:
        self.scorecard = scorecard
        self.half_lives_us = scorecard.half_lives_us
        self.landmark_us = scorecard.landmark_us
        self.measures = tuple(m.name for m in scorecard.kept)
        self.width = len(self.measures)
        self._page_kind = page_kind
        self._feeds: dict[str, list[tuple[int, Feed]]] = {}
        for column, measure in enumerate(scorecard.kept):
            for feed in measure.feeds:
                self._feeds.setdefault(feed.type, []).append((column, feed))
        self._signatures: dict[tuple[tuple[int, float], ...], int] = {}
        self._start = np.zeros(1, np.int64)
        self._length = np.zeros(0, np.int64)
        self._measure = np.zeros(0, np.int64)
        self._weight = np.zeros(0)
        self._classifiers: dict[str, Classifier] = {}
        self._constants: dict[str, int] = {}
        self._slots: dict[str, int] = {}
        self.risk_rules = risk
        self.risk = None if risk is None else risk.program(scorecard.landmark_us)

    def classify(self, groups: Mapping[str, NDArray[np.int64]], events: Sequence[Any], count: int) -> NDArray[np.int32]:
        """Signature of each of `count` events; groups: the places of each type's events."""
        signatures = np.empty(count, np.int32)
        for name, places in groups.items():
            if name not in self._constants and name not in self._classifiers:
                self._learn_type(name)
            constant = self._constants.get(name)
            if constant is not None:
                signatures[places] = constant
            else:
                signatures[places] = list(map(self._classifiers[name], [events[i] for i in places.tolist()]))
        return signatures

    def contributions(
        self, signatures: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """What a batch adds, in log order: index of the event, column of the measure, weight."""
        count = self._length[signatures]
        event = np.repeat(np.arange(len(signatures)), count)
        ends = np.cumsum(count)
        at = np.arange(len(event)) + np.repeat(self._start[signatures] - (ends - count), count)
        return event, self._measure[at], self._weight[at]

    def risk_codes(
        self, groups: Mapping[str, NDArray[np.int64]], events: Sequence[Any], count: int
    ) -> NDArray[np.int64]:
        """The risk program's code of each of `count` events; views of pages are told apart by the page's kind."""
        assert self.risk is not None  # asked only where there is a risk model
        codes = np.empty(count, np.int64)
        code = self.risk.code
        for name, places in groups.items():
            if name == PAGE_VIEWED:
                codes[places] = [code(self._page_type(events[i].data)) for i in places.tolist()]
            else:
                codes[places] = code(name)
        return codes

    def _page_type(self, data: Any) -> str:
        """`page.viewed:cancel` for views of the cancel page, `page.viewed` for the others."""
        return CANCEL_VIEWED if (data.kind or self._page_kind(data.url)) == "cancel" else PAGE_VIEWED

    def feature_slots(self, features: Sequence[str]) -> NDArray[np.int64]:
        slots = self._slots
        if len(slots) > _MEMO:
            slots.clear()
        for unknown in set(features) - slots.keys():
            slots[unknown] = fact.feature_slot(unknown)
        return np.fromiter(map(slots.__getitem__, features), np.int64, len(features))

    def feeding(self, measure: str) -> tuple[Feed, ...]:
        """The feeds of a kept measure, for naming its events."""
        return next(m.feeds for m in self.scorecard.kept if m.name == measure)

    def matches(self, feed: Feed, event_type: str, data: Any) -> bool:
        """Whether an event feeds through this feed."""
        return any(feed == own for _, own in self._feeds_of(event_type)) and all(
            self._property(data, name) in values for name, values in feed.where
        )

    def _feeds_of(self, event_type: str) -> list[tuple[int, Feed]]:
        """The columns and feeds of a type; a built-in one that no measure names is nobody's "any other"."""
        found = self._feeds.get(event_type)
        return found if found is not None else [] if event_type in BUILTIN_TYPES else self._feeds.get(ANY_OTHER, [])

    def _learn_type(self, event_type: str) -> None:
        """Types whose feeds have no conditions are constants; the others are classified event by event."""
        feeds = self._feeds_of(event_type)
        names = sorted({name for _, feed in feeds for name, _ in feed.where})
        if not names:
            self._constants[event_type] = self._signature(tuple((column, feed.weight) for column, feed in feeds))
        elif event_type == PAGE_VIEWED and names == ["kind"]:
            self._classifiers[event_type] = self._by_page_kind(feeds)
        elif len(names) == 1:
            self._classifiers[event_type] = self._by_property(feeds, names[0])
        else:
            self._classifiers[event_type] = self._by_properties(feeds, names)

    def _by_page_kind(self, feeds: Sequence[tuple[int, Feed]]) -> Classifier:
        """Page views are a large part of most logs, and their data is typed."""
        memo: dict[Any, int] = {}
        page_kind = self._page_kind

        def classify(event: Any) -> int:
            data = event.data
            kind = data.kind or page_kind(data.url)
            found = memo.get(kind)
            return self._learn(memo, kind, feeds, {"kind": kind}) if found is None else found

        return classify

    def _by_property(self, feeds: Sequence[tuple[int, Feed]], name: str) -> Classifier:
        """The usual case, made fast: all conditions look at one property."""
        memo: dict[Any, int] = {}
        look = self._property

        def classify(event: Any) -> int:
            value = look(event.data, name)
            found = memo.get(value)
            return self._learn(memo, value, feeds, {name: value}) if found is None else found

        return classify

    def _by_properties(self, feeds: Sequence[tuple[int, Feed]], names: Sequence[str]) -> Classifier:
        memo: dict[Any, int] = {}

        def classify(event: Any) -> int:
            values = tuple([self._property(event.data, name) for name in names])
            found = memo.get(values)
            return self._learn(memo, values, feeds, dict(zip(names, values, strict=True))) if found is None else found

        return classify

    def _learn(self, memo: dict[Any, int], key: Any, feeds: Sequence[tuple[int, Feed]], values: dict[str, Any]) -> int:
        if len(memo) >= _MEMO:
            memo.clear()
        fed = [(c, f.weight) for c, f in feeds if all(values[n] in allowed for n, allowed in f.where)]
        found = memo[key] = self._signature(tuple(fed))
        return found

    def _property(self, data: Any, name: str) -> Any:
        value = data.get(name) if isinstance(data, dict) else getattr(data, name, None)
        if value is None and name == "kind":
            url = data.get("url") if isinstance(data, dict) else getattr(data, "url", None)
            return self._page_kind(url) if isinstance(url, str) else None
        return repr(value) if isinstance(value, _UNHASHABLE) else value

    def _signature(self, fed: tuple[tuple[int, float], ...]) -> int:
        found = self._signatures.get(fed)
        if found is None:
            found = self._signatures[fed] = len(self._signatures)
            self._measure = np.append(self._measure, np.array([c for c, _ in fed], np.int64))
            self._weight = np.append(self._weight, np.array([w for _, w in fed], np.float64))
            self._length = np.append(self._length, len(fed))
            self._start = np.append(self._start, len(self._measure))
        return found
