"""Events with odd content for property tests: each type's own fields and fields it doesn't know,
with values that no sender means and JSON allows."""

import json
from collections.abc import Iterator
from typing import Any, Final, get_args

import msgspec
from hypothesis import strategies as st

from healthsvc.wire.events.catalogue import BUILTIN_TYPES

LITERALS: Final = (
    *(
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0",
        "1e308",
        "1e400",
        "-1e400",
        "1e200000",
        "1e-400",
        "5e-324",
    ),
    *("1e15", "1000000000000001", "9" * 400, "9" * 5000, "0." + "9" * 5000, "-" + "9" * 309),
    *(
        '""',
        '" "',
        '"x"',
        '"NaN"',
        '"-Infinity"',
        '"1e400"',
        '"12"',
        '"true"',
        '"\\u0001"',
        '"\\ud83d\\ude00"',
    ),
    *(
        '"2026-99-99"',
        '"0001-01-01"',
        '"9999-12-31T23:59:59-23:59"',
        '"2999-12-31T23:59:59-23:59"',
        '"24:00"',
    ),
    *('"1900-01-01T00:00:00+23:59"', '"../../etc/passwd"', '"=1+1"', '"a,b\\"c"', '"\\u2028"'),
    *(
        "[]",
        "{}",
        "[" * 300 + "]" * 300,
        "[" * 900 + "]" * 900,
        '{"a":' * 300 + "1" + "}" * 300,
        '{"":{"":null}}',
    ),
    *('[1,"x",null]', '{"mrr":"x"}', json.dumps("é" * 3000)),
)
"""Values as they are written."""
CUSTOM: Final = "warehouse.synced"
CUSTOMERS: Final = ("odd", 'odd/"2", =1+1')


def _data_structs() -> Iterator[type[msgspec.Struct]]:
    for event_type in BUILTIN_TYPES.values():
        data = event_type.__annotations__["data"]
        yield from get_args(data) or (data,)


FIELDS: Final = tuple(
    sorted(
        {field.encode_name for kind in _data_structs() for field in msgspec.structs.fields(kind)}
    )
)
"""The fields of all types; each type knows some."""
NAMES: Final = (*FIELDS, "value", "type", "customer_id", "data", "", "a/b", "\u2028", "__class__")


def values() -> st.SearchStrategy[str]:
    """Members' values, as written."""
    plain = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=5,
    )
    return st.sampled_from(LITERALS) | plain.map(json.dumps)


@st.composite
def data(draw: st.DrawFn, event_type: str) -> str:
    """A type's data as written: good values, some of them replaced, and members that it doesn't
    know."""
    known = BUILTIN_TYPES.get(event_type)
    example = known.example_data if known else {}
    good = {name: json.dumps(value) for name, value in example.items()}
    own = list(good)
    replaced = draw(st.lists(st.sampled_from(own), max_size=1)) if own else []
    others = draw(
        st.lists(
            st.sampled_from([name for name in NAMES if name not in own]), max_size=6, unique=True
        )
    )
    members = good | {name: draw(values()) for name in (*replaced, *others)}
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"


@st.composite
def events(draw: st.DrawFn, occurred_at: str) -> str:
    """An event as written, without its id: `{` and the id's member go before."""
    event_type = draw(st.sampled_from((*BUILTIN_TYPES, CUSTOM)))
    envelope: dict[str, Any] = {
        "source": draw(st.sampled_from(("crm", "x" * 200, "é"))),
        "type": event_type,
        "customer_id": draw(st.sampled_from(CUSTOMERS)),
        "contact_id": draw(st.none() | st.sampled_from(("ada", "", "=1"))) or None,
        "occurred_at": occurred_at,
    }
    return json.dumps(envelope)[1:-1] + ',"data":' + draw(data(event_type)) + "}"
