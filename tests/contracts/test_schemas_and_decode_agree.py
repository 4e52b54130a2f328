"""The published JSON Schemas and the decoder let in and refuse the same events: neither is a second
truth."""

import copy
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthsvc.wire.events.catalogue import BUILTIN_TYPES
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.schemas import custom_schema, event_schema, events_schema, rendered
from tests.support.makers import make_event

NOW_US = 260_000_000_000_000_000  # past the calendar: a schema knows no clock, so none of these times is in the future
MANY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def validator(schema: Any) -> Any:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


EVENTS = validator(events_schema())
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
VISIBLE = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=12)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EARLIEST, LATEST = datetime(1990, 1, 2), datetime(2095, 1, 1)  # noqa: DTZ001  # hypothesis wants them so
TIMES = st.datetimes(EARLIEST, LATEST, timezones=OFFSETS | st.just(UTC)).map(datetime.isoformat)
ODD_TEXTS = [
    "",
    "x" * 200,
    "x" * 201,
    "x" * 2001,
    "2026-05-04",
    "2026-02-30",
    "2026-05-04T09:30:00",
    "2026-02-30T09:30:00Z",
    "2026-05-04T24:00:00Z",
    "2026-05-04T09:30:60Z",
    "2026-05-04T09:30:00.1234567Z",
    "2026-05-04T09:30:00+24:00",
    "2026-05-04t09:30:00z",
    "1989-05-04T09:30:00Z",
    "0000-05-04T09:30:00Z",
    "0001-01-01T00:00:00+10:00",
    "1899-12-31",
    "1900-01-01",
    "2999-12-31T23:59:59-23:59",
    "3000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-10:00",
    "9999-12-31",
    "nps",
    "other",
    "EUR",
    "EUR\n",
    "É€ß",
    "a.b",
    ".a",
    "a\n",
    "page.viewed",
    "a\x7fb",
    "a\x85b",
    "line\nbreak",
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from(
        [
            10**15,
            10**15 + 1,
            -(10**15),
            -(10**15) - 1,
            10**30,
            5.0,
            5.5,
            -0.0,
            1e15,
            1.1e15,
            1e300,
            1e-300,
        ]
    ),
    st.sampled_from(ODD_TEXTS),
    TEXT,
    st.lists(st.integers(), max_size=2),
    st.dictionaries(TEXT, st.integers() | TEXT, max_size=2),
    st.builds(lambda: {"survey": "ces", "score": 7}),
)
FREE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(-1e15, 1e15) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema lets in, for the keywords that ours use."""
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("format") == "date-time" or schema.get("examples") == [
        "2026-05-04T09:30:00Z",
        "2026-05-04",
    ]:
        return TIMES
    for union in ("anyOf", "oneOf"):
        if union in schema and "properties" not in schema:
            return st.one_of([values(part) for part in schema[union]])
    return BY_TYPE[schema["type"]](schema)


def objects(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    fields = {name: values(part) for name, part in schema.get("properties", {}).items()}
    if not fields:
        inner = schema["additionalProperties"]
        held = FREE if "$ref" in inner else values(inner)
        return st.dictionaries(VISIBLE, held, max_size=3)
    required = set(schema.get("required", ()))
    whole = st.fixed_dictionaries(
        {name: part for name, part in fields.items() if name in required},
        optional={name: part for name, part in fields.items() if name not in required},
    )
    one_of = [part["required"][0] for part in schema.get("anyOf", ())]
    if not one_of:
        return whole
    return whole.filter(lambda data: any(data.get(name) is not None for name in one_of))


def texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    pattern = schema.get("pattern", "")
    if pattern.startswith("^[A-Za-z]"):
        exact = f"\\A{pattern[1:-1]}\\Z"
        return st.from_regex(exact).filter(
            lambda text: len(text) <= schema["maxLength"] and text not in BUILTIN_TYPES
        )
    least, most = schema.get("minLength", 0), schema["maxLength"]
    letters = VISIBLE if pattern or least else TEXT
    return letters.filter(lambda text: least <= len(text) <= most)


BY_TYPE = {
    "null": lambda _: st.none(),
    "boolean": lambda _: st.booleans(),
    "integer": lambda schema: st.integers(int(schema["minimum"]), int(schema["maximum"])),
    "number": lambda schema: st.floats(schema.get("minimum", 1e-9), schema["maximum"]),
    "string": texts,
    "object": objects,
    "array": lambda schema: st.lists(values(schema["items"]), max_size=3),
}
GOOD = {type: values(event_schema(type)) for type in BUILTIN_TYPES} | {
    "custom": values(custom_schema())
}


def places(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every place within an event."""
    inner = value.items() if isinstance(value, dict) else ()
    return [path, *(place for name, part in inner for place in places(part, (*path, name)))]


@st.composite
def mutated(draw: st.DrawFn, type: str) -> Any:
    """A good event with one or two things done to it."""
    event = copy.deepcopy(draw(GOOD[type]))
    for _ in range(draw(st.integers(1, 2))):
        *way, name = draw(st.sampled_from(places(event)[1:]))
        holder = event
        for step in way:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "replace", "remove", "add"])):
            case "replace":
                holder[name] = draw(ODD)
            case "remove":
                del holder[name]
            case "add":
                holder[draw(st.sampled_from(["extra", "idd", "score", "url", "kind"]))] = draw(ODD)
    return event


def decodes(event: Any) -> bool:
    batch = decode_batch([json.dumps(event).encode()], now_us=NOW_US)
    assert len(batch.events) + len(batch.rejects) == 1
    assert all(reject.errors for reject in batch.rejects)
    return bool(batch.events)


@pytest.mark.parametrize("type", GOOD)
@given(data=st.data())
@MANY
def test_an_event_that_its_schema_lets_in_is_decoded(type: str, data: st.DataObject) -> None:
    event = data.draw(GOOD[type])

    assert EVENTS.is_valid(event)
    assert decodes(event)


@pytest.mark.parametrize("type", GOOD)
@given(data=st.data())
@MANY
def test_schema_and_decoder_judge_a_mutated_event_alike(type: str, data: st.DataObject) -> None:
    event = data.draw(mutated(type))

    assert decodes(event) == EVENTS.is_valid(event)


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_schema_and_decoder_judge_odd_times_and_texts_alike(text: str) -> None:
    overdue = {"invoice_id": "i-1", "due_at": text}
    events = [
        make_event(occurred_at=text),
        make_event(id=text),
        make_event(type=text, data={}),
        make_event("invoice.overdue", data=overdue),
        make_event("invoice.paid", data={"invoice_id": text, "currency": text}),
    ]

    assert [decodes(event) for event in events] == [EVENTS.is_valid(event) for event in events]


@pytest.mark.parametrize("type", BUILTIN_TYPES)
def test_each_types_own_schema_is_a_schema_and_holds_for_its_examples(type: str) -> None:
    schema = event_schema(type)

    jsonschema_rs.meta.validate(schema)
    assert validator(schema).is_valid(make_event(type))
    assert all(validator(schema).is_valid(example) for example in schema["examples"])


def test_the_committed_schemas_are_what_the_code_says() -> None:
    folder = Path(__file__).parents[2] / "schemas"

    made = {name: json.loads(text) for name, text in rendered().items()}
    committed = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}

    assert committed == made, "run python -m healthsvc.wire.schemas write"
