"""Conditions that could never hold are refused, with the line to change."""

from typing import Any

import pytest
import yaml

from healthsvc.wire.events.catalogue import BUILTIN_TYPES
from healthsvc.wire.scorecards.document import compile_document, default_document
from healthsvc.wire.scorecards.faults import faults
from healthsvc.wire.scorecards.feed_conditions import properties_of


def document(feed: dict[str, Any]) -> str:
    data = yaml.safe_load(default_document())
    data["measures"].append({"name": "own", "feeds": [{"type": "own.type"}, feed]})
    return yaml.safe_dump(data)


@pytest.mark.parametrize(
    ("feed", "property", "detail"),
    [
        ({"type": "page.viewed", "where": {"agent_name": "x"}}, "agent_name", "no property"),
        ({"type": "page.viewed", "where": {"user-agent": "x"}}, "user-agent", "'user_agent'"),
        ({"type": "page.viewed", "where": {"kind": ["cancl"]}}, "kind", "'cancel'"),
        ({"type": "feature.used", "where": {"kind": "cancel"}}, "kind", "no property"),
        ({"type": "survey.answered", "where": {"survey": "npz"}}, "survey", "'nps'"),
        ({"types": ["own.b", "ticket.opened"], "where": {"team": 1}}, "team", "ticket.opened"),
    ],
)
def test_a_condition_that_decoding_drops_is_refused(
    feed: dict[str, Any], property: str, detail: str
) -> None:
    first = faults(document(feed))[0]

    assert first.pointer.endswith(f"/feeds/1/where/{property}")
    assert detail in first.detail


@pytest.mark.parametrize(
    "feed",
    [
        {"type": "page.viewed", "where": {"impersonated_by": [None, False]}},
        {"type": "page.viewed", "where": {"kind": ["cancel", None], "feature": "export"}},
        {"type": "survey.answered", "where": {"survey": ["nps", "csat"], "score": 10}},
        {"type": "contact.logged", "where": {"outcome": ["positive", None]}},
        {"type": "own.type", "where": {"anything": "goes"}},
        {"type": "*", "where": {"anything": "goes"}},
    ],
)
def test_a_condition_that_can_hold_is_accepted(feed: dict[str, Any]) -> None:
    assert faults(document(feed)) == []


def test_a_version_published_before_with_such_a_condition_is_still_read() -> None:
    former = document({"type": "page.viewed", "where": {"agent_name": "x"}})

    assert compile_document(former).scorecard.measures[-1].name == "own"


def test_each_built_in_type_names_its_properties() -> None:
    assert all(isinstance(properties_of(name), dict) for name in BUILTIN_TYPES)
    assert properties_of("survey.answered")["survey"] == {"nps", "csat", "ces"}
