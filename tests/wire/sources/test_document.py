import time
from pathlib import Path

import pytest

from healthsvc import defaults
from healthsvc.wire.sources.document import SourceFault, compile_source
from healthsvc.wire.sources.expressions import Expression, ExpressionError
from healthsvc.wire.sources.mapping import map_item

BUILT_IN = sorted((Path(defaults.__file__).parent / "sources").glob("*.yaml"))
GOOD = """
source: 1
name: shop
title: Shop
authentication: hmac_sha256
id: id
occurred_at: at
customer: {customer_id: account}
rules:
  - when: kind == 'login'
    events: [{type: session.started}]
"""


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: path.stem)
def test_the_built_in_mappings_compile_and_are_named_after_their_files(path: Path) -> None:
    assert compile_source(path.read_text(encoding="utf-8")).name == path.stem


@pytest.mark.parametrize(
    ("good", "bad", "pointer", "part"),
    [
        ("title: Shop", "titel: Shop", "", "titel"),
        ("type: session.started", "type: 7", "/rules/0/events/0/type", "expected `str`"),
        ("kind == 'login'", "kind == ", "/rules/0/when", "isn't JMESPath"),
        ("id: id", "id: lowr(id)", "/id", "has no function lowr()"),
        ("id: id", "id: lower(id, id)", "/id", "takes 1 arguments"),
        ("authentication: hmac_sha256", "authentication: md5", "/authentication", "md5"),
        ("events: [{type: session.started}]", "events: []", "/rules/0", "ignore"),
        ("{customer_id: account}", "{customer_id: 'a['}", "/customer/customer_id", "JMESPath"),
        ("source: 1", "source: 2", "/source", "2"),
        ("name: shop", "name: Shop!", "/name", "matching regex"),
        ("source: 1", "source: [", "", "YAML"),
    ],
)
def test_a_fault_names_its_place_and_what_is_wrong(
    good: str, bad: str, pointer: str, part: str
) -> None:
    with pytest.raises(SourceFault) as caught:
        compile_source(GOOD.replace(good, bad, 1))

    assert caught.value.pointer == pointer
    assert part in caught.value.detail


@pytest.mark.parametrize(
    "bomb",
    [
        "[@,@]" + " | [@,@]" * 18,
        "[[[[@,@],[@,@]],[[@,@],[@,@]]],[[[@,@],[@,@]],[[@,@],[@,@]]]]",
        "(" * 5000 + "a" + ")" * 5000,
        "a" * 3000,
        ".".join("a" * 300),
    ],
    ids=["pipes", "lists", "parentheses", "length", "parts"],
)
def test_an_expression_that_would_take_long_is_refused_at_once(bomb: str) -> None:
    started = time.process_time()

    with pytest.raises(ExpressionError):
        Expression(bomb)

    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "value", "result"),
    [
        ("epoch(@)", 1767225600, "2026-01-01T00:00:00.000Z"),
        ("epoch_ms(@)", "1767225600500", "2026-01-01T00:00:00.500Z"),
        ("epoch(@)", "soon", None),
        ("epoch(@)", 10**30, None),
        ("money(@, 'brl')", 49900, 499.0),
        ("money(@, 'JPY')", 499, 499),
        ("money(@, 'KWD')", 1500, 1.5),
        ("number(@)", "12.50", 12.5),
        ("number(@)", "NaN", None),
        ("text(@)", 501, "501"),
        ("text(@)", "", None),
        ("text(@)", True, None),
        ("domain(@)", "Ada <ada@Acme.test>", "acme.test"),
        ("company_domain(@)", "ada@gmail.com", None),
        ("company_domain(@)", "ada@yahoo.com.br", None),
        ("company_domain(@)", "ada@acme.test", "acme.test"),
        ("after(@, ':')", "zen:ticket:77", "77"),
        ("first(@)", [None, 2], 2),
        ("pair(a, b)", {"a": "x", "b": 1}, {"x": 1}),
        ("entries(@)[].key", {"a": [1, 2], "b": 3}, ["a", "a", "b"]),
        ("monthly(`120`, `2`, 'year', `1`)", {}, 20.0),
        ("lookup({GOOD: `5`}, @)", "GOOD", 5),
    ],
)
def test_the_functions_of_mappings(text: str, value: object, result: object) -> None:
    assert Expression(text)(value) == result


def test_an_expression_that_fails_on_an_item_rejects_the_item_and_says_where() -> None:
    source = compile_source(GOOD.replace("id: id", "id: lower(id)"))

    mapped = map_item(source, 0, {"kind": "login", "id": 7, "at": "x", "account": "acme"})

    assert [fault.pointer for fault in mapped.faults] == ["/id"]
    assert "`lower(id)` fails" in mapped.faults[0].detail


def test_an_id_made_of_values_differs_where_one_of_them_does() -> None:
    key = Expression("key([a, b])")

    assert key({"a": "1", "b": None}) != key({"a": None, "b": "1"})
    assert key({"a": None, "b": None}) is None
