"""The parts of a scorecard, each read from the plain data of its document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from healthsvc.core.scorecard.cohort import LIFECYCLE, NAMED_STAGES, STAGE_KINDS, StageRule
from healthsvc.core.scorecard.distributions import Distributions
from healthsvc.core.scorecard.model import Band, Feed, FlagRule, Judge, Measure
from healthsvc.core.scorecard.reader import Reader, ScorecardError, choose

JUDGES: Final = ("habit", "target", "segment", "trouble", "credit", "extent", "survey", "ratio", "open", "served")
FLAGS: Final = (
    *(
        "intent",
        "level",
        "absence",
        "drop",
        "answer",
        "answer_from",
        "loyal",
        "open",
        "ahead",
        "churned",
        "both",
        "either",
    ),
)
MOST_MEASURES: Final = 64
MOST_FLAGS: Final = 48
"""Flags are remembered as bits of a float64."""
SEVERITIES: Final = ("info", "warning", "critical")


def _feeds(data: object, path: str) -> tuple[Feed, ...]:
    if not isinstance(data, list) or not data:
        raise ScorecardError(path, "must be a list of at least one feed")
    feeds: list[Feed] = []
    for i, item in enumerate(data):
        entry = Reader(item, f"{path}/{i}")
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


def _judge(data: object, path: str, facts: Sequence[str], reference: Distributions | None) -> Judge:
    r = Reader(data, path)
    judge = Judge(
        kind=r.choice("kind", JUDGES),
        at=r.number("at", 1.0, low=0.001),
        half_life_us=r.days("half_life_days", 90),
        fact=choose(r.get("fact", ""), ("", *facts), f"{path}/fact"),
        to=choose(r.get("to", ""), ("", *facts), f"{path}/to"),
        worst=r.number("worst", 0.0, low=-1e9),
        best=r.number("best", 1.0, low=-1e9),
        min_events=r.number("min_events", 1.0),
        reference=reference if r.get("kind") == "segment" else None,
    )
    r.done()
    if judge.kind in ("survey", "ratio", "open", "served") and not judge.fact:
        raise ScorecardError(f"{path}/fact", f"is needed for a judge of kind {judge.kind!r}")
    if judge.kind == "survey" and judge.worst == judge.best:
        raise ScorecardError(f"{path}/best", "must differ from `worst`")
    if judge.kind == "ratio" and not judge.to:
        raise ScorecardError(f"{path}/to", "is needed for a judge of kind 'ratio'")
    if judge.kind == "survey":
        choose(judge.fact, _dated(facts), f"{path}/fact")
    if judge.kind == "served":
        choose(judge.fact, _instants(facts), f"{path}/fact")
        if not 0 <= judge.best <= 1:
            raise ScorecardError(f"{path}/best", "must be a number from 0 to 1: the marks")
    return judge


def measure(
    data: object, path: str, dimensions: Sequence[str], facts: Sequence[str], reference: Mapping[str, Distributions]
) -> Measure:
    r = Reader(data, path)
    dimension = r.get("dimension")
    of = r.get("of")
    judge = r.get("judge")
    name = str(r.need("name"))
    measure = Measure(
        name=name,
        feeds=() if of else _feeds(r.need("feeds"), f"{path}/feeds"),
        dimension=None if dimension is None else choose(dimension, dimensions, f"{path}/dimension"),
        share=r.number("share", 0.0, high=100),
        judge=None if judge is None else _judge(judge, f"{path}/judge", facts, reference.get(str(of or name))),
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
    return tuple(choose(name, before, f"{path}/{i}") for i, name in enumerate(data))


def _dated(facts: Sequence[str]) -> list[str]:
    """Facts whose instant is known."""
    return [name for name in facts if f"{name}_at" in facts]


def _instants(facts: Sequence[str]) -> list[str]:
    """Facts that are instants themselves."""
    said_at = {f"{name}_at" for name in facts}
    return [name for name in facts if name.endswith(("_at", "_effective")) and name not in said_at]


def _open_since(facts: Sequence[str]) -> list[str]:
    """Facts that count open items."""
    return [name for name in facts if f"{name}_since" in facts]


_FACTS_OF: Final[dict[str, Callable[[Sequence[str]], list[str]]]] = {
    "answer": _dated,
    "answer_from": _dated,
    "open": _open_since,
    "ahead": _instants,
}
"""Which facts a flag of a kind can look at."""


def flag(data: object, path: str, measures: Sequence[str], facts: Sequence[str], flags: Sequence[str]) -> FlagRule:
    r = Reader(data, path)
    cap = r.get("cap")
    severity = r.get("alert")
    rule = FlagRule(
        name=str(r.need("name")),
        kind=r.choice("kind", FLAGS),
        title=str(r.need("title")),
        measure=choose(r.get("measure", ""), ("", *measures), f"{path}/measure"),
        release=choose(r.get("release", ""), ("", *measures), f"{path}/release"),
        half_life_us=r.days("half_life_days", 14),
        at=r.number("at", 0.0, low=-1e9),
        span_us=r.days("days", 14),
        min_events=r.number("min_events", 1.0),
        fact=choose(r.get("fact", ""), ("", *facts), f"{path}/fact"),
        cap=None if cap is None else r.number("cap", 0, high=100),
        severity=None if severity is None else choose(severity, SEVERITIES, f"{path}/alert"),  # type: ignore[arg-type]  # checked by choose
        override=r.switch("override", False),
        play=str(r.get("play", "")),
        of=_together(r.get("of"), f"{path}/of", flags),
        enabled=r.switch("enabled", True),
        unless=choose(r.get("unless", ""), ("", *_dated(facts)), f"{path}/unless"),
    )
    r.done()
    if rule.kind in ("both", "either") and not rule.of:
        raise ScorecardError(f"{path}/of", f"is needed for a flag of kind {rule.kind!r}")
    if rule.kind in ("level", "drop") and rule.at <= 0:
        raise ScorecardError(f"{path}/at", f"must be above 0 for a flag of kind {rule.kind!r}")
    if rule.kind in _FACTS_OF:
        choose(rule.fact, _FACTS_OF[rule.kind](facts), f"{path}/fact")
    if rule.unless and rule.kind != "answer":
        raise ScorecardError(f"{path}/unless", "is for a flag of kind 'answer'")
    if rule.kind in ("intent", "level", "absence", "drop") and not rule.measure:
        raise ScorecardError(f"{path}/measure", f"is needed for a flag of kind {rule.kind!r}")
    if rule.kind in ("answer", "answer_from", "open", "ahead") and not rule.fact:
        raise ScorecardError(f"{path}/fact", f"is needed for a flag of kind {rule.kind!r}")
    return rule


def bands(data: object) -> tuple[Band, ...]:
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


def lifecycle(data: object, measures: Sequence[str], facts: Sequence[str]) -> tuple[StageRule, ...]:
    """The rules of the lifecycle; None gives the built-in ones, without those about measures that aren't kept."""
    if data is None:
        return tuple(rule for rule in LIFECYCLE if rule.measure in ("", *measures))
    if not isinstance(data, list):
        raise ScorecardError("/lifecycle", "must be a list of rules; the first that holds names the stage")
    return tuple(_stage_rule(item, f"/lifecycle/{i}", measures, facts) for i, item in enumerate(data))


def _stage_rule(data: object, path: str, measures: Sequence[str], facts: Sequence[str]) -> StageRule:
    r = Reader(data, path)
    rule = StageRule(
        stage=r.choice("stage", NAMED_STAGES),
        kind=r.choice("kind", STAGE_KINDS),
        span_us=r.days("days", 30),
        fact=choose(r.get("fact", ""), ("", *facts), f"{path}/fact"),
        to=choose(r.get("to", ""), ("", *facts), f"{path}/to"),
        measure=choose(r.get("measure", ""), ("", *measures), f"{path}/measure"),
        at=r.number("at", 0.0, low=-1e9),
    )
    r.done()
    for key, kinds in (("fact", ("ahead", "reached", "ratio")), ("to", ("ratio",)), ("measure", ("fed",))):
        if rule.kind in kinds and not getattr(rule, key):
            raise ScorecardError(f"{path}/{key}", f"is needed for a stage rule of kind {rule.kind!r}")
    if rule.kind == "reached" and f"{rule.fact}_at" not in facts:
        raise ScorecardError(f"{path}/fact", "must be a fact that is told at an instant, like nps or mrr_change")
    return rule
