"""Everything that is wrong with a scorecard document, each with its place: the core stops at the
first fault."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Final

from healthsvc.core.document.relationship_section import SECTIONS, relationship
from healthsvc.core.document.scorecard import from_document
from healthsvc.core.events import BUILTIN_TYPES
from healthsvc.core.folding import facts
from healthsvc.core.risk.event_types import event_types
from healthsvc.core.risk.section import risk_rules
from healthsvc.core.scorecard.distributions import LEAST_CUSTOMERS
from healthsvc.core.scorecard.model import Scorecard, Variant
from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.wire import yaml_text
from healthsvc.wire.pages.rules import PageRules
from healthsvc.wire.pages.visitors import Visitors
from healthsvc.wire.scorecards.feed_conditions import check_conditions
from healthsvc.wire.yaml_text import YamlFault

MOST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorecardFault:
    """One thing that is wrong: a JSON Pointer into the document, and what is allowed there."""

    pointer: str
    detail: str


def faults(document: str) -> list[ScorecardFault]:
    """What is wrong with a document (YAML or JSON); empty: it can be published.

    What is wrong within one measure or flag is put aside after its first fault, so that the next
    ones are found.
    """
    try:
        data = yaml_text.read(document)
    except YamlFault as error:
        return [ScorecardFault(pointer=error.pointer, detail=error.detail)]
    problems: list[ScorecardFault] = []
    data = deepcopy(data)
    while len(problems) < MOST:
        first = _first(data)
        if first is None:
            break
        problems.append(ScorecardFault(pointer=first.path.rstrip("/"), detail=first.detail))
        if not _set_aside(data, first.path):
            break
    return problems


def _first(data: object) -> ScorecardError | None:
    try:
        card = from_document(data, facts=facts.NAMES)
        relationship(data, card, facts.NAMES)  # type: ignore[arg-type]  # a mapping: it was read as one
        assert isinstance(data, dict)  # it was read as one
        PageRules(data.get("page_kinds"))
        Visitors(data.get("visitors"))
        check_conditions(data)
        types = event_types(data.get("event_types"))
        risk_rules(data.get("risk"), types)
    except ScorecardError as error:
        return error
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        return ScorecardError("", f"isn't of the form of a scorecard: {error}")
    return None


def _set_aside(data: Any, path: str) -> bool:
    """Put something harmless of the same name where the fault is; False where nothing can stand
    in."""
    match path.split("/"):
        case ["", "heavy_use", *_]:  # loyalty may need one
            data["heavy_use"] = {
                "measure": next(m["name"] for m in data["measures"] if not m.get("of"))
            }
        case ["", section, *_] if section in ("risk", "visitors", *SECTIONS):
            data[section] = None
        case ["", "measures", place, *_] if place.isdigit():
            item = data["measures"][int(place)]
            name = _name(item, f"measure {place}", keep=not path.endswith("/name"))
            data["measures"][int(place)] = {"name": name, "feeds": [{"type": "stand.in"}]}
            _forget(data, "measures", name)
        case ["", "variants", place, *rest] if place.isdigit():
            _stand_in_variant(data["variants"], int(place), rest)
        case ["", "dimensions", name]:
            data["dimensions"][name] = 1
        case ["", "lifecycle", place, *_] if place.isdigit():
            data["lifecycle"][int(place)] = {"stage": "adoption", "kind": "otherwise"}
        case ["", "flags", place, *_] if place.isdigit():
            name = _name(
                data["flags"][int(place)], f"flag {place}", keep=not path.endswith("/name")
            )
            data["flags"][int(place)] = {"name": name, "kind": "churned", "title": "stand-in"}
            _forget(data, "flags", name)
        case ["", "page_kinds", place, *_] if place.isdigit():
            data["page_kinds"][int(place)] = {"kind": "other", "pathname": ["/"]}
        case ["", key] if key in data and key not in _NEEDED:
            del data[key]
        case _:
            return False
    return True


_NEEDED: Final = ("measures", "dimensions", "half_lives_days", "bands", "name", "flags")


def _stand_in_variant(variants: list[Any], place: int, within: list[str]) -> None:
    """Take away the faulty part of a variant; the whole of it where the part can't go."""
    item = variants[place]
    match within:
        case [section, name, *_] if section != "when" and name in item.get(section, ()):
            del item[section][name]
        case [key, *_] if key not in ("name", "when") and key in item:
            del item[key]
        case _:
            name = _name(item, f"variant {place}", keep=within != ["name"])
            variants[place] = {"name": name, "when": {"segment": f"stand-in {place}"}}


def _forget(data: Any, section: str, name: str) -> None:
    """Variants say nothing any more of a measure or flag that was faulty itself."""
    for variant in data.get("variants") or ():
        if isinstance(variant, dict) and isinstance(variant.get(section), dict):
            variant[section].pop(name, None)


def _name(item: object, otherwise: str, *, keep: bool) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return name if keep and isinstance(name, str) else otherwise


_FORMER_PAGES: Final = ScorecardFault(
    pointer="/page_kinds",
    detail="is left out, so the former word lists judge addresses; the default scorecard's rules "
    "recognise more and err less",
)


def doubts(document: str) -> list[ScorecardFault]:
    """What may be published and yet looks like a slip: types that are nearly built-in ones, weights
    that do nothing."""
    data = yaml_text.read(document)
    card = from_document(data, facts=facts.NAMES)
    doubtful: list[ScorecardFault] = [] if data.get("page_kinds") is not None else [_FORMER_PAGES]
    for measure in card.measures:
        place = f"/measures/{card.measures.index(measure)}"
        for feed in measure.feeds:
            close = get_close_matches(feed.type[:100], BUILTIN_TYPES, 1, cutoff=0.85)
            if close and feed.type not in BUILTIN_TYPES:
                detail = (
                    f"{feed.type!r} is a type of your own; did you mean the built-in {close[0]!r}?"
                )
                doubtful.append(ScorecardFault(pointer=f"{place}/feeds", detail=detail))
        if measure.judge is not None and not any(
            _share(c, measure.name) for c in (card, *(v.card for v in card.variants))
        ):
            doubtful.append(
                ScorecardFault(
                    pointer=f"{place}/share", detail="is 0, so the measure weighs nothing"
                )
            )
    if not any(weight for _, weight in card.dimensions):
        doubtful.append(
            ScorecardFault(pointer="/dimensions", detail="are all 0, so nobody has a score")
        )
    used = {m.dimension for m in card.measures}
    for name, weight in card.dimensions:
        if name not in used and weight:
            doubtful.append(ScorecardFault(pointer=f"/dimensions/{name}", detail="has no measure"))
    return [*doubtful, *_references(card), *_of_variants(card)]


def _share(card: Scorecard, measure: str) -> float:
    return next(m.share for m in card.measures if m.name == measure)


def _references(card: Scorecard) -> Iterator[ScorecardFault]:
    places = {f"/measures/{i}/judge": m.judge for i, m in enumerate(card.measures)}
    for v, variant in enumerate(card.variants):
        places |= {
            f"/variants/{v}/measures/{m.name}/judge": m.judge
            for m in variant.card.scored_measures
            if m not in card.scored_measures
        }
    for place, judge in places.items():
        if judge is not None and judge.kind == "segment" and judge.reference is None:
            detail = (
                "has no reference yet: it is made when the version is published, of at least"
                f" {LEAST_CUSTOMERS} customers, or given as `reference`; without one `at` judges as"
                " a target's does"
            )
            yield ScorecardFault(pointer=place, detail=detail)


def _of_variants(card: Scorecard) -> Iterator[ScorecardFault]:
    for i, variant in enumerate(card.variants):
        for earlier in card.variants[:i]:
            if _covers(earlier, variant):
                detail = (
                    f"never judges: {earlier.name!r} before it fits whatever it fits, and the first"
                    " that fits judges"
                )
                yield ScorecardFault(pointer=f"/variants/{i}/when", detail=detail)
                break
        if variant.card == replace(card, variants=()):
            yield ScorecardFault(pointer=f"/variants/{i}", detail="changes nothing")


def _covers(earlier: Variant, later: Variant) -> bool:
    narrower = dict(later.when)
    return all(field in narrower and narrower[field] <= values for field, values in earlier.when)
