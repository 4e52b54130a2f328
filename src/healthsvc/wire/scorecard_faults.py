"""Everything that is wrong with a scorecard document, each with its place: the core stops at the first fault."""

from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import yaml

from healthsvc.core import facts
from healthsvc.core.relationship_section import SECTIONS, relationship
from healthsvc.core.risk.section import risk_rules
from healthsvc.core.scorecard import BUILTIN_TYPES, ScorecardError, from_document
from healthsvc.wire.pages import PageRules

MOST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong: a JSON Pointer into the document, and what is allowed there."""

    pointer: str
    detail: str


def faults(document: str) -> list[Fault]:
    """What is wrong with a document (YAML or JSON); empty: it can be published.

    What is wrong within one measure or flag is put aside after its first fault, so that the next ones are found.
    """
    try:
        data = yaml.safe_load(document)
    except yaml.YAMLError as error:
        return [Fault(pointer="", detail=f"isn't YAML: {error}")]
    found: list[Fault] = []
    data = deepcopy(data)
    while len(found) < MOST:
        first = _first(data)
        if first is None:
            break
        found.append(Fault(pointer=first.path.rstrip("/"), detail=first.detail))
        if not _set_aside(data, first.path):
            break
    return found


def _first(data: object) -> ScorecardError | None:
    try:
        card = from_document(data, facts=facts.NAMES)
        relationship(data, card, facts.NAMES)  # type: ignore[arg-type]  # a mapping: it was read as one
        PageRules(data.get("page_kinds") if isinstance(data, dict) else None)
        risk_rules(data.get("risk") if isinstance(data, dict) else None)
    except ScorecardError as error:
        return error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return ScorecardError("", f"isn't of the form of a scorecard: {error}")
    return None


def _set_aside(data: Any, path: str) -> bool:
    """Put something harmless of the same name where the fault is; False where nothing can stand in."""
    match path.split("/"):
        case ["", "heavy_use", *_]:  # loyalty may need one
            data["heavy_use"] = {"measure": next(m["name"] for m in data["measures"] if not m.get("of"))}
        case ["", section, *_] if section in ("risk", *SECTIONS):
            data[section] = None
        case ["", "measures", place, *_] if place.isdigit():
            item = data["measures"][int(place)]
            name = _name(item, data["measures"], f"measure {place}", keep=not path.endswith("/name"))
            data["measures"][int(place)] = {"name": name, "feeds": [{"type": "stand.in"}]}
        case ["", "flags", place, *_] if place.isdigit():
            name = _name(data["flags"][int(place)], data["flags"], f"flag {place}", keep=not path.endswith("/name"))
            data["flags"][int(place)] = {"name": name, "kind": "churned", "title": "stand-in"}
        case ["", key] if key in data and key not in _NEEDED:
            del data[key]
        case _:
            return False
    return True


_NEEDED: Final = ("measures", "dimensions", "half_lives_days", "bands", "name", "flags")


def _name(item: object, others: list[Any], otherwise: str, *, keep: bool) -> str:
    given = item.get("name") if isinstance(item, dict) else None
    return given if keep and isinstance(given, str) else otherwise


def doubts(document: str) -> list[Fault]:
    """What may be published and yet looks like a slip: types that are nearly built-in ones, weights that do nothing."""
    card = from_document(yaml.safe_load(document), facts=facts.NAMES)
    found: list[Fault] = []
    for measure in card.measures:
        place = f"/measures/{card.measures.index(measure)}"
        for feed in measure.feeds:
            close = get_close_matches(feed.type, BUILTIN_TYPES, 1, cutoff=0.85)
            if close and feed.type not in BUILTIN_TYPES:
                told = f"{feed.type!r} is a type of your own; did you mean the built-in {close[0]!r}?"
                found.append(Fault(pointer=f"{place}/feeds", detail=told))
        if measure.judge is not None and measure.share == 0:
            found.append(Fault(pointer=f"{place}/share", detail="is 0, so the measure weighs nothing"))
    used = {m.dimension for m in card.measures}
    for name, weight in card.dimensions:
        if name not in used and weight:
            found.append(Fault(pointer=f"/dimensions/{name}", detail="has no measure"))
    return found
