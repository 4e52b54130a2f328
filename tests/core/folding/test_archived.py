import json

from hypothesis import given
from hypothesis import strategies as st

from healthsvc.core.folding.archived import DEPTH, event_of

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=9,
)


@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=4))
def test_plain_events_stay_as_they_are(event):
    assert event_of(json.dumps(event)) == event


def test_numbers_beyond_doubles_are_given_as_they_were_written():
    digits = "9" * 5000
    assert event_of(f'{{"a": 1e400, "b": -1e400, "c": {digits}, "d": 1e308}}') == {
        "a": "1e400",
        "b": "-1e400",
        "c": digits,
        "d": 1e308,
    }


@given(st.integers(1, 20_000), st.sampled_from(["[", '{"]":']))
def test_what_is_nested_too_deeply_is_given_as_text(depth, opening):
    inner = opening * depth + '"}]\\""' + {"[": "]"}.get(opening, "}") * depth
    found = event_of('{"data": ' + inner + ', "id": "e"}')

    assert found["id"] == "e"
    levels, value = 1, found["data"]
    while isinstance(value, list | dict):
        levels, value = levels + 1, value[0] if isinstance(value, list) else value["]"]
    assert levels <= DEPTH
    deeper = max(0, depth - (DEPTH - 1))
    closing = {"[": "]"}.get(opening, "}")
    assert value == (opening * deeper + '"}]\\""' + closing * deeper if deeper else '}]"')


def test_what_is_no_event_is_given_raw():
    for text in ("", "nonsense", "[1]", "7", '{"a": ', "{" * 30_000, "]" * 100 + "[" * 100):
        assert event_of(text) == {"raw": text}
