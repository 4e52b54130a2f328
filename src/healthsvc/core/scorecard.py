"""The scorecard as data: what feeds each measure, how it is judged, which rules flag and cap, and where the bands lie.

A published scorecard is immutable: everything here changes a fold or a score. `from_document` reads the plain data
of a YAML file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal

from healthsvc.core.instants import DAY_US
from healthsvc.core.levels import LANDMARK_US, MIN_HALF_LIFE_US

JudgeKind = Literal["habit", "target", "trouble", "credit", "extent", "survey", "ratio", "open", "served"]
FlagKind = Literal["intent", "level", "absence", "drop", "answer", "open", "ahead", "churned", "both"]
Severity = Literal["info", "warning", "critical"]

BUILTIN_TYPES: Final = frozenset(
    {
        *("page.viewed", "feature.used", "feature.requested", "session.started", "seats.changed"),
        *("survey.sent", "survey.answered", "ticket.opened", "ticket.answered", "ticket.resolved"),
        *("complaint.filed", "complaint.resolved", "complaint.rated", "invoice.paid", "invoice.overdue"),
        *("subscription.changed", "subscription.renewed", "subscription.cancelled", "engagement.recorded"),
        *("referral.made", "champion.left", "contact.logged", "customer.updated"),
        *("override.set", "override.lifted"),
    }
)
"""The event types whose meaning the service knows; any other is the operator's own."""

ANY_OTHER: Final = "*"
"""A feed of this type takes every type that no other feed names, built-in ones excepted: the operator's own types."""


class ScorecardError(ValueError):
    """The scorecard document can't be used; `path` says where, the message what is allowed there."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Which events feed a measure: a type, optionally only where properties of `data` (or the page kind) have one of
    the values."""

    type: str
    where: tuple[tuple[str, frozenset[Any]], ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """How a measure turns into evidence (how much it weighs now) and a value (0 bad .. 1 good)."""

    kind: JudgeKind
    at: float = 1.0
    """habit: share of the own habit that is full marks; target, trouble, credit: the level that counts half; extent:
    functions owned if unknown."""
    half_life_us: int = 90 * DAY_US
    """survey, served: how fast an answer loses weight."""
    fact: str = ""
    to: str = ""
    worst: float = 0.0
    best: float = 1.0
    min_events: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A level kept per customer; scored when it has a dimension and a judge."""

    name: str
    feeds: tuple[Feed, ...]
    dimension: str | None = None
    share: float = 0.0
    judge: Judge | None = None
    of: str | None = None
    """Judge another measure's level instead of keeping one of its own."""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRule:
    """When a flag holds, what it caps the score at, and what its alert is called."""

    name: str
    kind: FlagKind
    title: str
    measure: str = ""
    release: str = ""
    half_life_us: int = 0
    at: float = 0.0
    span_us: int = 0
    min_events: float = 1.0
    fact: str = ""
    cap: float | None = None
    severity: Severity | None = None
    """None: the flag raises no alert."""
    override: bool = False
    """The cap stands even where there is too little evidence for a score."""
    play: str = ""
    of: tuple[str, ...] = ()
    """both: the flags, declared before, that must hold together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    name: str
    floor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    name: str
    half_lives_us: tuple[int, ...]
    dimensions: tuple[tuple[str, float], ...]
    measures: tuple[Measure, ...]
    flags: tuple[FlagRule, ...]
    bands: tuple[Band, ...]
    """Best first; the last one's floor is 0."""
    hysteresis: float = 3.0
    dwell_us: int = DAY_US
    """How long a better band must hold before it is believed; a worse one is believed at once."""
    evidence_events: float = 3.0
    landmark_us: int = LANDMARK_US

    @property
    def flag_names(self) -> tuple[str, ...]:
        return tuple(rule.name for rule in self.flags)

    @property
    def kept(self) -> tuple[Measure, ...]:
        """The measures with a level of their own, in declared order: the columns of the state."""
        return tuple(m for m in self.measures if m.of is None)

    @property
    def judged(self) -> tuple[Measure, ...]:
        """The measures that score, in declared order: the order in which contributions are added up."""
        return tuple(m for m in self.measures if m.judge is not None)


class _Reader:
    """Reads one mapping of the document and refuses keys that nobody asked for."""

    def __init__(self, data: object, path: str) -> None:
        if not isinstance(data, Mapping):
            raise ScorecardError(path, "must be a mapping")
        self.data: Mapping[str, Any] = data
        self.path = path
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return self.data.get(key, default)

    def need(self, key: str) -> Any:
        if key not in self.data:
            raise ScorecardError(f"{self.path}/{key}", "is missing")
        return self.get(key)

    def number(self, key: str, default: float, *, low: float = 0.0, high: float = 1e9) -> float:
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ScorecardError(f"{self.path}/{key}", f"must be a number from {low:g} to {high:g}")
        return float(value)

    def choice(self, key: str, allowed: Sequence[str]) -> Any:
        return _choose(self.need(key), allowed, f"{self.path}/{key}")

    def days(self, key: str, default: float) -> int:
        return round(self.number(key, default, low=0.001, high=36_500) * DAY_US)

    def done(self) -> None:
        for key in self.data:
            if key not in self.asked:
                raise ScorecardError(f"{self.path}/{key}", f"is not known here{_nearest(str(key), sorted(self.asked))}")


def _nearest(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"


def _choose(value: object, allowed: Sequence[str], path: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise ScorecardError(path, f"{value!r} is not allowed{_nearest(str(value), list(allowed))}")
    return value


JUDGES: Final = ("habit", "target", "trouble", "credit", "extent", "survey", "ratio", "open", "served")
FLAGS: Final = ("intent", "level", "absence", "drop", "answer", "open", "ahead", "churned", "both")
MOST_MEASURES: Final = 64
MOST_FLAGS: Final = 48
"""Flags are remembered as bits of a float64."""
SEVERITIES: Final = ("info", "warning", "critical")


def _feeds(data: object, path: str) -> tuple[Feed, ...]:
    if not isinstance(data, list) or not data:
        raise ScorecardError(path, "must be a list of at least one feed")
    feeds: list[Feed] = []
    for i, item in enumerate(data):
        entry = _Reader(item, f"{path}/{i}")
        types = entry.get("types") or [entry.need("type")]
        if not isinstance(types, list) or not types or not all(isinstance(t, str) for t in types):
            raise ScorecardError(f"{path}/{i}/types", "must be a list of event types")
        where = entry.get("where", {})
        if not isinstance(where, Mapping):
            raise ScorecardError(f"{path}/{i}/where", "must map a property to the value or values that count")
        for name, values in where.items():
            if any(isinstance(v, list | dict) for v in (values if isinstance(values, list) else [values])):
                raise ScorecardError(f"{path}/{i}/where/{name}", "must be a value, or a list of values, that count")
        conditions = tuple((str(k), frozenset(v if isinstance(v, list) else [v])) for k, v in where.items())
        weight = entry.number("weight", 1.0, low=0.001, high=1000)
        entry.done()
        feeds += [Feed(type=str(t), where=conditions, weight=weight) for t in types]
    return tuple(feeds)


def _judge(data: object, path: str, facts: Sequence[str]) -> Judge:
    r = _Reader(data, path)
    judge = Judge(
        kind=r.choice("kind", JUDGES),
        at=r.number("at", 1.0, low=0.001),
        half_life_us=r.days("half_life_days", 90),
        fact=_choose(r.get("fact", ""), ("", *facts), f"{path}/fact"),
        to=_choose(r.get("to", ""), ("", *facts), f"{path}/to"),
        worst=r.number("worst", 0.0, low=-1e9),
        best=r.number("best", 1.0, low=-1e9),
        min_events=r.number("min_events", 1.0),
    )
    r.done()
    if judge.kind in ("survey", "ratio", "open", "served") and not judge.fact:
        raise ScorecardError(f"{path}/fact", f"is needed for a judge of kind {judge.kind!r}")
    return judge


def _measure(data: object, path: str, dimensions: Sequence[str], facts: Sequence[str]) -> Measure:
    r = _Reader(data, path)
    dimension = r.get("dimension")
    of = r.get("of")
    judge = r.get("judge")
    measure = Measure(
        name=str(r.need("name")),
        feeds=() if of else _feeds(r.need("feeds"), f"{path}/feeds"),
        dimension=None if dimension is None else _choose(dimension, dimensions, f"{path}/dimension"),
        share=r.number("share", 0.0, high=100),
        judge=None if judge is None else _judge(judge, f"{path}/judge", facts),
        of=of,
        why=str(r.get("why", "")),
    )
    r.done()
    if (measure.judge is None) != (measure.dimension is None):
        raise ScorecardError(path, "a scored measure needs both `dimension` and `judge`")
    return measure


def _together(data: object, path: str, before: Sequence[str]) -> tuple[str, ...]:
    if data is None:
        return ()
    if not isinstance(data, list) or not data:
        raise ScorecardError(path, "must be a list of flags that are declared before")
    return tuple(_choose(name, before, f"{path}/{i}") for i, name in enumerate(data))


def _flag(data: object, path: str, measures: Sequence[str], facts: Sequence[str], flags: Sequence[str]) -> FlagRule:
    r = _Reader(data, path)
    cap = r.get("cap")
    severity = r.get("alert")
    rule = FlagRule(
        name=str(r.need("name")),
        kind=r.choice("kind", FLAGS),
        title=str(r.need("title")),
        measure=_choose(r.get("measure", ""), ("", *measures), f"{path}/measure"),
        release=_choose(r.get("release", ""), ("", *measures), f"{path}/release"),
        half_life_us=r.days("half_life_days", 14),
        at=r.number("at", 0.0, low=-1e9),
        span_us=r.days("days", 14),
        min_events=r.number("min_events", 1.0),
        fact=_choose(r.get("fact", ""), ("", *facts), f"{path}/fact"),
        cap=None if cap is None else r.number("cap", 0, high=100),
        severity=None if severity is None else _choose(severity, SEVERITIES, f"{path}/alert"),  # type: ignore[arg-type]  # checked by _choose
        override=bool(r.get("override", False)),
        play=str(r.get("play", "")),
        of=_together(r.get("of"), f"{path}/of", flags),
    )
    r.done()
    if rule.kind == "both" and not rule.of:
        raise ScorecardError(f"{path}/of", "is needed for a flag of kind 'both'")
    if rule.kind in ("intent", "level", "absence", "drop") and not rule.measure:
        raise ScorecardError(f"{path}/measure", f"is needed for a flag of kind {rule.kind!r}")
    if rule.kind in ("answer", "open", "ahead") and not rule.fact:
        raise ScorecardError(f"{path}/fact", f"is needed for a flag of kind {rule.kind!r}")
    return rule


def _bands(data: object) -> tuple[Band, ...]:
    """Best first."""
    if not isinstance(data, Mapping) or not data:
        raise ScorecardError("/bands", "must map band names to their floors")
    for name, floor in data.items():
        if isinstance(floor, bool) or not isinstance(floor, int | float) or not 0 <= floor <= 100:
            raise ScorecardError(f"/bands/{name}", "must be a number from 0 to 100")
    bands = [Band(name=str(name), floor=float(floor)) for name, floor in data.items()]
    bands.sort(key=lambda band: -band.floor)  # an object of JSON has no order that a sender could rely on
    if bands[-1].floor != 0 or len({band.floor for band in bands}) != len(bands):
        raise ScorecardError("/bands", "the worst band's floor must be 0, and no two floors the same")
    return tuple(bands)


def _unique(section: str, names: Sequence[str]) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ScorecardError(f"/{section}/{i}/name", f"{name!r} is there already; names must be unique")


def from_document(document: object, *, facts: Sequence[str]) -> Scorecard:
    """The scorecard of a document (plain data as YAML gives it).

    facts: names of the facts that judges and flags may use. Raises ScorecardError with the path of the first fault.
    """
    r = _Reader(document, "")
    dimensions = r.need("dimensions")
    if not isinstance(dimensions, Mapping) or not dimensions:
        raise ScorecardError("/dimensions", "must map dimension names to weights")
    for name, weight in dimensions.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1e6:
            raise ScorecardError(f"/dimensions/{name}", "must be a number from 0 to 1000000")
    days = r.need("half_lives_days")
    if not isinstance(days, list) or not all(isinstance(d, int | float) and 0 < d < 36_500 for d in days):
        raise ScorecardError("/half_lives_days", "must be a list of numbers of days")
    half_lives = tuple(round(float(d) * DAY_US) for d in days)
    if (
        not 2 <= len(half_lives) <= 5
        or min(half_lives) < MIN_HALF_LIFE_US
        or list(half_lives) != sorted(set(half_lives))
    ):
        raise ScorecardError(
            "/half_lives_days", f"must be 2 to 5 rising numbers of at least {MIN_HALF_LIFE_US // DAY_US} days"
        )
    raw_measures, raw_flags = r.need("measures"), r.get("flags", [])
    for name, listed, most in (("measures", raw_measures, MOST_MEASURES), ("flags", raw_flags, MOST_FLAGS)):
        if not isinstance(listed, list) or len(listed) > most:
            raise ScorecardError(f"/{name}", f"must be a list of at most {most}")
    measures = tuple(_measure(m, f"/measures/{i}", list(dimensions), facts) for i, m in enumerate(raw_measures))
    kept = [m.name for m in measures if m.of is None]
    _unique("measures", [m.name for m in measures])
    for i, m in enumerate(measures):
        if m.of is not None:
            _choose(m.of, kept, f"/measures/{i}/of")
    flags: tuple[FlagRule, ...] = ()
    for i, f in enumerate(raw_flags):
        flags += (_flag(f, f"/flags/{i}", kept, facts, [rule.name for rule in flags]),)
    _unique("flags", [rule.name for rule in flags])
    for i, rule in enumerate(flags):
        if rule.kind == "intent" and not rule.release:
            raise ScorecardError(f"/flags/{i}/release", "is needed for a flag of kind 'intent'")
        if rule.kind in ("level",) and rule.half_life_us not in half_lives:
            raise ScorecardError(f"/flags/{i}/half_life_days", "must be one of half_lives_days")
    scorecard = Scorecard(
        name=str(r.need("name")),
        half_lives_us=half_lives,
        dimensions=tuple((str(k), float(v)) for k, v in dimensions.items()),
        measures=measures,
        flags=flags,
        bands=_bands(r.need("bands")),
        hysteresis=r.number("hysteresis", 3.0, high=20),
        dwell_us=r.days("dwell_days", 1),
        evidence_events=r.number("evidence_events", 3.0, low=1),
    )
    r.get("page_kinds")
    r.get("risk")
    r.done()
    return scorecard
