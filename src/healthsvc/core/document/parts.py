"""The parts of a scorecard, each read from the plain data of its document."""

from collections.abc import Mapping, Sequence
from typing import Final

from healthsvc.core.scorecard.cohort import LIFECYCLE, NAMED_STAGES, STAGE_KINDS, StageRule
from healthsvc.core.scorecard.distributions import Distributions
from healthsvc.core.scorecard.model import Band, Evidence, Feed, Measure
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose
from healthsvc.core.scorecard.texts import text
from healthsvc.core.scoring.judges import read_judge

MOST_MEASURES: Final = 64
MOST_FLAGS: Final = 48
"""Flags are remembered as bits of a float64."""


def _feeds(data: object, path: str) -> tuple[Feed, ...]:
    if not isinstance(data, list) or not data:
        raise ScorecardError(path, "must be a list of at least one feed")
    feeds: list[Feed] = []
    for i, item in enumerate(data):
        entry = MappingReader(item, f"{path}/{i}")
        types = entry.get("types") or [entry.need("type")]
        if not isinstance(types, list) or not types or not all(isinstance(t, str) for t in types):
            raise ScorecardError(f"{path}/{i}/types", "must be a list of event types")
        where = entry.get("where", {})
        if not isinstance(where, Mapping):
            raise ScorecardError(
                f"{path}/{i}/where", "must map a property to the value or values that count"
            )
        for name, values in where.items():
            if any(
                isinstance(v, list | dict)
                for v in (values if isinstance(values, list) else [values])
            ):
                raise ScorecardError(
                    f"{path}/{i}/where/{name}", "must be a value, or a list of values, that count"
                )
        conditions = tuple(
            (str(k), frozenset(v if isinstance(v, list) else [v])) for k, v in where.items()
        )
        weight = entry.number("weight", 1.0, low=0.001, high=1000)
        entry.done()
        feeds += [Feed(type=str(t), where=conditions, weight=weight) for t in types]
    return tuple(feeds)


def measure(
    data: object,
    path: str,
    dimensions: Sequence[str],
    facts: Sequence[str],
    reference: Mapping[str, Distributions],
) -> Measure:
    r = MappingReader(data, path)
    dimension = r.get("dimension")
    of = r.get("of")
    judge = r.get("judge")
    name = str(r.need("name"))
    measure = Measure(
        name=name,
        feeds=() if of else _feeds(r.need("feeds"), f"{path}/feeds"),
        dimension=None if dimension is None else choose(dimension, dimensions, f"{path}/dimension"),
        share=r.number("share", 0.0, high=100),
        judge=None
        if judge is None
        else read_judge(judge, f"{path}/judge", facts, reference.get(str(of or name))),
        of=of,
        why=text(r.get("why"), f"{path}/why"),
    )
    r.done()
    if (measure.judge is None) != (measure.dimension is None):
        raise ScorecardError(path, "a scored measure needs both `dimension` and `judge`")
    return measure


def evidence(r: MappingReader, measures: Sequence[str]) -> Evidence:
    """What a score needs, by the document's own fields.

    A document without `evidence_measure` is one of before there was one: all events count, and no
    coverage is asked for.
    """
    measure, defaults = r.get("evidence_measure"), Evidence()
    levels = MappingReader(r.get("coverage_levels") or {}, "/coverage_levels")
    of_acts = Evidence(
        events=r.number("evidence_events", defaults.events, low=1),
        measure=None if measure is None else choose(measure, measures, "/evidence_measure"),
        coverage=r.number("evidence_coverage", defaults.coverage, high=1),
        medium=levels.number("medium", defaults.medium, high=1),
        high=levels.number("high", defaults.high, high=1),
    )
    levels.done()
    if of_acts.high < of_acts.medium:
        raise ScorecardError("/coverage_levels/high", "must be at least `medium`")
    return of_acts


def bands(data: object) -> tuple[Band, ...]:
    if not isinstance(data, Mapping) or not data:
        raise ScorecardError("/bands", "must map band names to their floors")
    for name, floor in data.items():
        if isinstance(floor, bool) or not isinstance(floor, int | float) or not 0 <= floor <= 100:
            raise ScorecardError(f"/bands/{name}", "must be a number from 0 to 100")
    bands = [Band(name=str(name), floor=float(floor)) for name, floor in data.items()]
    bands.sort(
        key=lambda band: -band.floor
    )  # an object of JSON has no order that a sender could rely on
    if bands[-1].floor != 0 or len({band.floor for band in bands}) != len(bands):
        raise ScorecardError(
            "/bands", "the worst band's floor must be 0, and no two floors the same"
        )
    return tuple(bands)


def lifecycle(data: object, measures: Sequence[str], facts: Sequence[str]) -> tuple[StageRule, ...]:
    """The rules of the lifecycle; None gives the built-in ones, without those about measures that
    aren't kept."""
    if data is None:
        return tuple(rule for rule in LIFECYCLE if rule.measure in ("", *measures))
    if not isinstance(data, list):
        raise ScorecardError(
            "/lifecycle", "must be a list of rules; the first that holds names the stage"
        )
    return tuple(
        _stage_rule(item, f"/lifecycle/{i}", measures, facts) for i, item in enumerate(data)
    )


def _stage_rule(
    data: object, path: str, measures: Sequence[str], facts: Sequence[str]
) -> StageRule:
    r = MappingReader(data, path)
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
    for key, kinds in (
        ("fact", ("ahead", "reached", "ratio")),
        ("to", ("ratio",)),
        ("measure", ("fed",)),
    ):
        if rule.kind in kinds and not getattr(rule, key):
            raise ScorecardError(
                f"{path}/{key}", f"is needed for a stage rule of kind {rule.kind!r}"
            )
    if rule.kind == "reached" and f"{rule.fact}_at" not in facts:
        raise ScorecardError(
            f"{path}/fact", "must be a fact that is told at an instant, like nps or mrr_change"
        )
    return rule
