"""A scorecard is refused with every fault's place and what is allowed there; its JSON Schema says
the same."""

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
import yaml

from healthsvc.wire.scorecards.diff import changes
from healthsvc.wire.scorecards.document import default_document
from healthsvc.wire.scorecards.faults import doubts, faults
from healthsvc.wire.scorecards.schema import scorecard_schema


def changed(**places: Any) -> str:
    """The default scorecard with other values at places like `measures/0/judge/kind`."""
    data = yaml.safe_load(default_document())
    for place, value in places.items():
        *way, last = [int(p) if p.isdigit() else p for p in place.split("/")]
        inner = data
        for step in way:
            inner = inner[step]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return yaml.safe_dump(data, sort_keys=False)


def test_the_default_scorecard_is_good_by_code_and_by_schema():
    assert faults(default_document()) == []
    assert doubts(default_document()) == []
    jsonschema_rs.validator_for(scorecard_schema()).validate(yaml.safe_load(default_document()))


NAMES = [flag["name"] for flag in yaml.safe_load(default_document())["flags"]]
EITHER = f"flags/{NAMES.index('unhappy')}"
"""A flag of flags."""
BROKEN = [
    ({"measures/0/judge/kind": "habits"}, "/measures/0/judge/kind", "did you mean 'habit'"),
    ({"measures/1/dimension": "adopton"}, "/measures/1/dimension", "did you mean 'adoption'"),
    ({"measures/1/weigth": 3}, "/measures/1/weigth", "is not known here"),
    ({"flags/0/measure": "cancel_view"}, "/flags/0/measure", "did you mean 'cancel_views'"),
    ({"flags/0/alert": "urgent"}, "/flags/0/alert", "known: info, warning, critical"),
    ({"flags/0/release": None}, "/flags/0/release", "is needed"),
    ({"flags/1/half_life_days": 15}, "/flags/1/half_life_days", "must be one of half_lives_days"),
    ({f"{EITHER}/of": ["silnt"]}, f"/{EITHER}/of/0", "did you mean 'silent'"),
    ({f"{EITHER}/of": None}, f"/{EITHER}/of", "is needed"),
    ({"half_lives_days": "often"}, "/half_lives_days", "must be a list of numbers"),
    ({"bands": {"good": 20, "bad": 10}}, "/bands", "the worst band's floor must be 0"),
    ({"bands": {"good": 20, "fair": 20, "bad": 0}}, "/bands", "no two floors the same"),
    ({"bands": {"good": "high"}}, "/bands/good", "must be a number from 0 to 100"),
    ({"dimensions/support": "much"}, "/dimensions/support", "must be a number"),
    ({"measures": 5}, "/measures", "must be a list of at most 64"),
    ({"measures/2/name": "activity"}, "/measures/2/name", "names must be unique"),
    ({"hysteresys": 3}, "/hysteresys", "did you mean 'hysteresis'"),
    (
        {"measures/0/feeds/0/where": {"kind": [["a"]]}},
        "/measures/0/feeds/0/where/kind",
        "must be a value",
    ),
    ({"touch/high/heavy": True}, "/touch/high/heavy", "did you mean 'heavy_use'"),
    ({"icp": [{"attribute": "industry"}]}, "/icp/0", "needs either `is`"),
    ({"icp": []}, "/icp", "must be a list of 1 to 32"),
    ({"page_kinds": [{"kind": "cancl", "words": ["x"]}]}, "/page_kinds/0/kind", "must be one of"),
]

LOOKED_UP = [
    ({"loyalty/parts/1/measure": "contrct"}, "/loyalty/parts/1/measure", "did you mean 'contract'"),
    (
        {"loyalty/parts/1/measure": None},
        "/loyalty/parts/1/measure",
        "is needed for a part of kind 'count'",
    ),
    (
        {"loyalty/parts/3/fact": "seats_active_at"},
        "/loyalty/parts/3/fact",
        "must be a survey's answer",
    ),
    ({"loyalty/parts/0/name": "renewals"}, "/loyalty/parts/1/name", "names must be unique"),
    ({"heavy_use": None}, "/loyalty/parts/5/heavy", "needs a section `heavy_use`"),
    ({"heavy_use/measure": "use"}, "/heavy_use/measure", "known:"),
    ({"touch/conversations": ["ticket"]}, "/touch/conversations/0", "did you mean 'tickets'"),
    ({"icp": [{"attribute": "size", "is": 3, "at_most": 5}]}, "/icp/0", "needs either `is`"),
]
"""What only somebody who knows the rest of the document can tell."""


@pytest.mark.parametrize(("change", "pointer", "words"), [*BROKEN, *LOOKED_UP])
def test_each_fault_is_told_with_its_place_and_what_is_allowed(change, pointer, words):
    (fault,) = faults(changed(**change))
    assert fault.pointer == pointer
    assert words in fault.detail


def test_all_faults_are_told_at_once():
    found = faults(
        changed(**{"measures/0/judge/kind": "x", "measures/3/dimension": "y", "flags/2/alert": "z"})
    )
    assert {f.pointer for f in found} == {
        "/measures/0/judge/kind",
        "/measures/3/dimension",
        "/flags/2/alert",
    }


@pytest.mark.parametrize(
    "document", ["", "5", "[]", "a: [", "name: x", "{name: 1, measures: [1], flags: {}}", "\0"]
)
def test_whatever_is_sent_is_refused_not_crashed_on(document):
    assert faults(document)


@pytest.mark.parametrize(
    "change",
    [c for c, p, _ in BROKEN if "half_life_days" not in p and p not in ("/bands",
    "/measures/2/name")
     and p not in ("/measures/1/dimension", "/flags/0/measure", "/flags/0/release",
     f"/{EITHER}/of/0")],
)  # fmt: skip
def test_the_schema_refuses_what_needs_no_look_at_other_places(change):
    assert not jsonschema_rs.validator_for(scorecard_schema()).is_valid(
        yaml.safe_load(changed(**change))
    )


def test_a_type_that_is_nearly_a_built_in_one_is_doubted():
    (doubt,) = doubts(changed(**{"measures/1/feeds/0/type": "feature.usd"}))
    assert "'feature.used'" in doubt.detail


def _changed(change: Callable[[dict[str, Any]], object]) -> list[tuple[str, str]]:
    document = yaml.safe_load(default_document())
    change(document)
    return [(f.pointer, f.detail) for f in faults(yaml.safe_dump(document, sort_keys=False))]


def _judge(document: dict[str, Any], measure: str) -> dict[str, Any]:
    judge: dict[str, Any] = next(m for m in document["measures"] if m["name"] == measure)["judge"]
    return judge


def _rule(document: dict[str, Any], flag: str) -> dict[str, Any]:
    rule: dict[str, Any] = next(f for f in document["flags"] if f["name"] == flag)
    return rule


UNJUDGEABLE: list[tuple[str, Callable[[dict[str, Any]], object], str, str]] = [
    ("a survey of one answer", lambda d: _judge(d, "nps").update(worst=9), "/judge/best", "differ"),
    (
        "a survey that isn't one",
        lambda d: _judge(d, "nps").update(fact="tickets_open"),
        "/judge/fact",
        "known: nps",
    ),
    (
        "service at no instant",
        lambda d: _judge(d, "complaint_served_well").update(fact="nps"),
        "/judge/fact",
        "renewal_at",
    ),
    (
        "a ratio to nothing",
        lambda d: _judge(d, "seats_in_use").update(to=""),
        "/judge/to",
        "needed",
    ),
    ("a level of nothing", lambda d: _rule(d, "price_review").update(at=0), "/at", "above 0"),
    ("a drop to nothing", lambda d: _rule(d, "usage_drop").update(at=0), "/at", "above 0"),
    (
        "an answer never told",
        lambda d: _rule(d, "detractor").update(fact="tickets_open"),
        "/fact",
        "known: nps",
    ),
    (
        "an answer that opens",
        lambda d: _rule(d, "complaint_open").update(fact="nps"),
        "/fact",
        "tickets_open",
    ),
    (
        "a renewal that counts",
        lambda d: _rule(d, "renewal_near").update(fact="nps"),
        "/fact",
        "renewal_at",
    ),
    (
        "a word for a switch",
        lambda d: _rule(d, "cancel_intent").update(override="no"),
        "/override",
        "true or false",
    ),
    ("one of none", lambda d: _rule(d, "unhappy").update(of=[]), "/of", "declared before"),
    (
        "unless of an open matter",
        lambda d: _rule(d, "silent").update(unless="nps"),
        "/unless",
        "kind 'answer'",
    ),
    (
        "unless of no fact",
        lambda d: _rule(d, "dissatisfied").update(unless="npz"),
        "/unless",
        "did you mean 'nps'",
    ),
]


@pytest.mark.parametrize(
    ("change", "place", "allowed"),
    [row[1:] for row in UNJUDGEABLE],
    ids=[row[0] for row in UNJUDGEABLE],
)
def test_what_could_not_be_judged_is_refused_at_its_place(
    change: Callable[[dict[str, Any]], object], place: str, allowed: str
) -> None:
    """Each of these would have been found out by a worker, at the first customer."""
    ((pointer, detail),) = _changed(change)
    assert pointer.endswith(place)
    assert allowed in detail


def test_faults_of_a_measure_a_flag_and_of_two_variants_are_told_together() -> None:
    def spoil(document: dict[str, Any]) -> None:
        _judge(document, "sessions")["kind"] = "targt"
        _rule(document, "silent")["cap"] = 400
        document["variants"] = [
            {"name": "a", "when": {"tier": "x"}, "measures": {"sessions": {"judge": {"at": 1}}}},
            {
                "name": "b",
                "when": {"segment": "q"},
                "flags": {"silnt": {}},
                "bands": {"healthy": 200},
            },
        ]

    found = dict(_changed(spoil))
    assert found.keys() == {
        *(
            "/measures/3/judge/kind",
            "/flags/3/cap",
            "/variants/0/when/tier",
            "/variants/1/flags/silnt",
        ),
        "/variants/1/bands/healthy",
    }


def test_a_variant_that_never_judges_or_changes_nothing_is_doubted() -> None:
    document = yaml.safe_load(default_document())
    document["variants"] = [
        {"name": "wide", "when": {"segment": "x"}, "evidence_events": 5},
        {"name": "narrow", "when": {"segment": "x", "tier": "low"}, "hysteresis": 1},
        {"name": "idle", "when": {"segment": "y"}},
    ]
    found = {d.pointer: d.detail for d in doubts(yaml.safe_dump(document, sort_keys=False))}
    assert "'wide' before it" in found["/variants/1/when"]
    assert found["/variants/2"] == "changes nothing"


def test_variants_are_compared_by_name_and_their_order_is_a_change() -> None:
    one: dict[str, Any] = {"name": "a", "when": {"segment": "x"}, "flags": {"silent": {"days": 7}}}
    other: dict[str, Any] = {"name": "b", "when": {"tier": "low"}, "hysteresis": 1}
    stricter = {**one, "flags": {"silent": {"days": 5}}}

    def text(*variants: dict[str, Any]) -> str:
        return yaml.safe_dump(
            yaml.safe_load(default_document()) | {"variants": list(variants)}, sort_keys=False
        )

    assert [c.path for c in changes(text(one, other), text(stricter, other))] == [
        "/variants/a/flags/silent/days"
    ]
    assert [c.path for c in changes(text(one, other), text(other, one))] == ["/variants/order"]
    assert [c.path for c in changes(text(one), text(one, other))] == ["/variants/b"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("flags/0/title/pt", "Saiu"),
        ("flags/0/title", "Left"),
        ("measures/0/why", {"en": "Because"}),
    ],
)
def test_a_text_for_people_in_one_language_or_both_is_valid_and_changes_no_score(
    place: str, value: object
) -> None:
    document = changed(**{place: value})

    assert faults(document) == []
    assert [c.scores for c in changes(default_document(), document) if c.after is not None] == [
        False
    ]


def test_a_text_in_a_language_that_is_not_ours_is_refused_where_it_stands() -> None:
    (fault,) = faults(changed(**{"flags/0/title/fr": "Parti"}))

    assert (fault.pointer, fault.detail) == (
        "/flags/0/title/fr",
        "is not a language of ours; known: en, pt",
    )
