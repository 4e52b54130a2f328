"""The sections `loyalty`, `heavy_use`, `icp` and `touch` of a scorecard, read with the same care as
the rest of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose
from healthsvc.core.scorecard.relationship import (
    PARTS,
    HeavyUse,
    IcpCondition,
    LoyaltyRule,
    LoyaltyRules,
    Relationship,
    Touch,
    TouchLine,
)
from healthsvc.core.scorecard.texts import text

SECTIONS: Final = ("loyalty", "heavy_use", "icp", "touch")
MOST: Final = 32
_NEEDS: Final = {"count": "measure", "habit": "measure", "answer": "fact", "since": "fact"}


def relationship(
    document: Mapping[str, Any], card: Scorecard, facts: Sequence[str]
) -> Relationship:
    """The rules of a document whose measures are `card`'s. Raises ScorecardError with the path of
    the first fault."""
    measures = [m.name for m in card.level_measures]
    heavy = _heavy_use(document.get("heavy_use"), measures)
    return Relationship(
        loyalty=_loyalty(document.get("loyalty"), measures, facts, heavy),
        heavy_use=heavy,
        icp=_icp(document.get("icp")),
        touch=_touch(document.get("touch"), measures),
    )


def _loyalty(
    data: object, measures: Sequence[str], facts: Sequence[str], heavy: HeavyUse | None
) -> LoyaltyRules | None:
    if data is None:
        return None
    r = MappingReader(data, "/loyalty")
    evidence = r.number("evidence", 2, low=1, high=MOST)
    parts = tuple(
        _part(item, path, measures, facts)
        for path, item in _entries(r.need("parts"), "/loyalty/parts")
    )
    r.done()
    for i, part in enumerate(parts):
        if part.name in [p.name for p in parts[:i]]:
            raise ScorecardError(
                f"/loyalty/parts/{i}/name", f"{part.name!r} is there already; names must be unique"
            )
        if part.heavy and heavy is None:
            raise ScorecardError(f"/loyalty/parts/{i}/heavy", "needs a section `heavy_use`")
    return LoyaltyRules(evidence=evidence, parts=parts)


def _entries(data: object, path: str) -> list[tuple[str, Any]]:
    if not isinstance(data, list) or not 1 <= len(data) <= MOST:
        raise ScorecardError(path, f"must be a list of 1 to {MOST}")
    return [(f"{path}/{i}", item) for i, item in enumerate(data)]


def _part(data: object, path: str, measures: Sequence[str], facts: Sequence[str]) -> LoyaltyRule:
    r = MappingReader(data, path)
    part = LoyaltyRule(
        name=str(r.need("name")),
        kind=r.choice("kind", PARTS),
        weight=r.number("weight", 1.0, low=0.001, high=1e6),
        measure=choose(r.get("measure", ""), ("", *measures), f"{path}/measure"),
        fact=choose(r.get("fact", ""), ("", *facts), f"{path}/fact"),
        at=r.number("at", 1.0, low=0.001),
        span_us=r.days("days", 365),
        worst=r.number("worst", 0.0, low=-1e9),
        best=r.number("best", 1.0, low=-1e9),
        min_events=r.number("min_events", 1.0),
        heavy=bool(r.get("heavy", False)),
        why=text(r.get("why"), f"{path}/why"),
        play=text(r.get("play"), f"{path}/play"),
    )
    r.done()
    needed = _NEEDS.get(part.kind)
    if needed is not None and not getattr(part, needed):
        raise ScorecardError(f"{path}/{needed}", f"is needed for a part of kind {part.kind!r}")
    if part.kind == "answer" and f"{part.fact}_at" not in facts:
        raise ScorecardError(
            f"{path}/fact",
            "must be a survey's answer, or something else that was told at an instant",
        )
    if part.kind == "answer" and not part.worst < part.best:
        raise ScorecardError(f"{path}/best", "must be more than `worst`")
    return part


def _heavy_use(data: object, measures: Sequence[str]) -> HeavyUse | None:
    if data is None:
        return None
    r = MappingReader(data, "/heavy_use")
    rule = HeavyUse(measure=r.choice("measure", measures), a_day=r.number("a_day", 1.0, low=0.001))
    r.done()
    return rule


def _icp(data: object) -> tuple[IcpCondition, ...]:
    return (
        ()
        if data is None
        else tuple(_condition(item, path) for path, item in _entries(data, "/icp"))
    )


def _condition(data: object, path: str) -> IcpCondition:
    r = MappingReader(data, path)
    allowed = r.get("is")
    values = allowed if isinstance(allowed, list) else [allowed]
    if any(isinstance(value, list | dict) for value in values):
        raise ScorecardError(f"{path}/is", "must be a value, or a list of values")
    condition = IcpCondition(
        attribute=str(r.need("attribute")),
        values=None if allowed is None else frozenset(values),
        low=r.number("at_least", -1e15, low=-1e15, high=1e15),
        high=r.number("at_most", 1e15, low=-1e15, high=1e15),
        weight=r.number("weight", 1.0, low=0.001, high=1e6),
        why=text(r.get("why"), f"{path}/why"),
    )
    r.done()
    bounded = "at_least" in r.data or "at_most" in r.data
    if bounded == (condition.values is not None):
        raise ScorecardError(path, "needs either `is`, or `at_least` or `at_most` or both")
    return condition


def _touch(data: object, measures: Sequence[str]) -> Touch | None:
    if data is None:
        return None
    r = MappingReader(data, "/touch")
    names = r.get("conversations", [])
    if not isinstance(names, list):
        raise ScorecardError("/touch/conversations", "must be a list of measures")
    talks = tuple(
        choose(name, measures, f"/touch/conversations/{i}") for i, name in enumerate(names)
    )
    rules = Touch(high=_line(r.get("high", {}), "/touch/high"), low=_line(r.get("low", {}),
    "/touch/low"),
                  conversations=talks)  # fmt: skip
    r.done()
    return rules


def _line(data: object, path: str) -> TouchLine:
    r = MappingReader(data, path)
    line = TouchLine(
        mrr=None if r.get("mrr") is None else r.number("mrr", 0.0),
        heavy_use=bool(r.get("heavy_use", False)),
        conversations=(
            None if r.get("conversations") is None else r.number("conversations", 1.0, low=0.001)
        ),
    )
    r.done()
    return line
