"""The catalogue of events in docs/events.md, derived from the types, the default scorecard and the
core."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from healthsvc.core.events import RISK_ROLES
from healthsvc.core.folding import facts
from healthsvc.core.folding.items import table as item_table
from healthsvc.core.folding.items.registry import BY_NUMBER, STEPS
from healthsvc.core.scorecard.model import Feed, Scorecard
from healthsvc.core.scorecard.surveys import SurveyRules
from healthsvc.wire.events.catalogue import BUILTIN_TYPES, example
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.events.fields import MEANINGS
from healthsvc.wire.schemas import event_schema
from healthsvc.wire.scorecards.document import compile_document
from tests.support.markdown import table

VOICE_COLUMNS: Final = BY_NUMBER[10].columns
UNTOUCHED: Final = -1.0
"""No handler writes it, so a fact that still has it was not written."""
FOREVER_US: Final = 1 << 62
SAMPLES: Final = {
    "date-time": "2026-01-01T00:00:00Z",
    "integer": 5,
    "number": 5.0,
    "string": "xx",
    "object": {},
}


class RecordingStore:
    """One customer's facts, profile and items, empty at first."""

    def __init__(self) -> None:
        self.facts = np.full((1, facts.WIDTH), UNTOUCHED)
        self.items = item_table.ItemTable()
        self.surveys = SurveyRules()
        self._profile: facts.Profile = {}

    def profile(self, row: int) -> facts.Profile:
        return self._profile

    def written(self) -> list[str]:
        """The facts that were written, without their instants and ties, and without what voices
        come to: that says something only of several people."""
        touched = np.flatnonzero(self.facts[0] != UNTOUCHED)
        shown = {*facts.NAMES, "override"}.difference(VOICE_COLUMNS)
        names = [n for n, column in facts.COLUMN.items() if column in touched and n in shown]
        return [name for name in names if not _accompanies(name, names)]


def render() -> str:
    """All event types: an index, then a section each."""
    card = compile_document("").program.scorecard
    index = table(
        ("Type", "Meaning", "Counts for the risk as"),
        [
            (f"[`{name}`](#{name.replace('.', '')})", _meaning(name), _risk(name))
            for name in BUILTIN_TYPES
        ],
    )
    return "\n".join([index, *(_section(name, card) for name in BUILTIN_TYPES)])


def _section(name: str, card: Scorecard) -> str:
    shown = json.dumps(example(name)["data"], ensure_ascii=False)
    feeds = [f"- {label}: {text}" for label, text in _feeds(name, card)]
    return "\n".join(
        [
            f"### {name}",
            "",
            _meaning(name),
            "",
            _fields(name),
            "```json",
            f'"data": {shown}',
            "```",
            "",
            *feeds,
            "",
        ]
    )


def _meaning(name: str) -> str:
    paragraph = str(BUILTIN_TYPES[name].__doc__).strip().partition("\n\n")[0]
    return " ".join(paragraph.split())


def _feeds(name: str, card: Scorecard) -> Iterator[tuple[str, str]]:
    measures = list(_measures(name, card))
    yield "Measures", ", ".join(measures) if measures else "none in the default scorecard"
    written = facts_of(name)
    if written:
        yield "Facts", ", ".join(f"`{fact}`" for fact in written)
    if name in STEPS:
        yield "Items", f"{STEPS[name][0].kind}s"
    yield "Risk", _risk(name)


def _measures(name: str, card: Scorecard) -> Iterator[str]:
    for measure in card.level_measures:
        conditions = [_condition(feed) for feed in measure.feeds if feed.type == name]
        if conditions:
            readers = [f"`{m.name}`" for m in card.measures if m.of == measure.name]
            also = f" (read by {', '.join(readers)} too)" if readers else ""
            yield f"`{measure.name}`{conditions[0]}{also}"


def _condition(feed: Feed) -> str:
    said = [f"`{key}` is {_alternatives(values)}" for key, values in feed.where]
    return f" where {' and '.join(said)}" if said else ""


def _alternatives(values: frozenset[Any]) -> str:
    names = sorted(f"`{value}`" for value in values if value is not None)
    return " or ".join([*names, *(["missing"] if None in values else [])])


def _risk(name: str) -> str:
    kind = RISK_ROLES[name]
    special = [key for key in RISK_ROLES if key.startswith(f"{name}:")]
    return ", ".join(
        [kind, *(f"{RISK_ROLES[key]} where `kind` is `{key.partition(':')[2]}`" for key in special)]
    )


def facts_of(name: str) -> list[str]:
    """The facts, and fields of the profile, that an event of this type with every field may
    write."""
    store = RecordingStore()
    for data in full_data(event_schema(name)["properties"]["data"], example(name)["data"]):
        _fold(store, name, data)
    profile = [
        f"profile.{field}"
        for field in store.profile(0)
        if not field.startswith(("attributes.", "override"))
    ]
    attributes = (
        ["profile.attributes"] if any(f.startswith("attributes.") for f in store.profile(0)) else []
    )
    return [*store.written(), *profile, *attributes]


def _fold(store: RecordingStore, name: str, data: Mapping[str, Any]) -> None:
    batch = decode_batch([json.dumps(example(name) | {"data": data}).encode()], now_us=FOREVER_US)
    assert not batch.rejects, (name, batch.rejects)
    us = np.asarray(batch.occurred_us, np.int64)
    if name in facts.HANDLERS:
        facts.HANDLERS[name](
            store, facts.Group(np.zeros(1, np.int64), batch.events, us, np.zeros(1))
        )
    if name in STEPS:
        item_table.fold(store, np.zeros(1, np.int64), [(name, batch.events[0])], us.astype(float))


def full_data(schema: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Data with every field, one for each alternative of the schema; values of `given` where they
    are allowed."""
    for variant in schema.get("oneOf", [schema]):
        fixed = "oneOf" in schema
        yield {
            name: given[name] if name in given and not fixed else _sample(field)
            for name, field in variant["properties"].items()
        }


def _sample(field: Mapping[str, Any]) -> Any:
    kind = _some(field)
    if "const" in kind:
        return kind["const"]
    if "enum" in kind:
        return kind["enum"][0]
    if "examples" in kind:
        return kind["examples"][0]
    return SAMPLES[kind["format"] if kind.get("format") in SAMPLES else kind["type"]]


def _accompanies(name: str, names: list[str]) -> bool:
    """Whether a fact only says when another one was written, or settles ties; codes repeat the
    profile."""
    if name.endswith(("_tie", "_code")):
        return True
    return any(name == f"{other}{end}" for other in names for end in ("_at", "_since", "_until"))


def _fields(name: str) -> str:
    schema = event_schema(name)["properties"]["data"]
    variants = schema.get("oneOf", [schema])
    required = set.intersection(*(set(variant.get("required", [])) for variant in variants))
    rows = [
        (
            f"`{field}`",
            _alternative_types(field, variants),
            "yes" if field in required else "no",
            meaning,
        )
        for field, meaning in MEANINGS[name].items()
    ]
    return table(("Field", "Type", "Required", "Meaning"), rows)


def _alternative_types(field: str, variants: Sequence[Mapping[str, Any]]) -> str:
    """The types that a field has in the variants of its data, in their order."""
    return "; ".join(dict.fromkeys(_type(variant["properties"][field]) for variant in variants))


def _some(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a value that isn't null; of several forms the first."""
    alternatives = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]
    first = alternatives[0]
    return first if first is field else _some(first)


def _forms(field: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schemas of a value that isn't null; an array beside another form is one of its own."""
    alternatives = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]
    return alternatives if any(each.get("type") == "array" for each in alternatives) else [field]


def _type(field: Mapping[str, Any]) -> str:
    forms = _forms(field)
    if len(forms) > 1:
        return ", or ".join(_type(form) for form in forms)
    kind = _some(field)
    if "const" in kind:
        return f"`{kind['const']}`"
    if "enum" in kind:
        return ", ".join(f"`{value}`" for value in kind["enum"] if value is not None)
    if kind.get("format") in ("date-time", "date"):
        return "instant"
    return _bounded(kind)


def _bounded(kind: Mapping[str, Any]) -> str:
    name = str(kind["type"])
    if name == "array":
        return f"array of up to {kind['maxItems']}: {_type(kind['items'])}"
    low, high = kind.get("minimum", kind.get("exclusiveMinimum")), kind.get("maximum")
    if name in ("integer", "number") and high is not None and high < 10**6:
        return f"{name}, {low} to {high}"
    longest = kind.get("maxLength")
    if name != "string" or longest is None:
        return name
    return (
        f"string, {longest} characters"
        if kind.get("minLength") == longest
        else f"string, up to {longest} characters"
    )
