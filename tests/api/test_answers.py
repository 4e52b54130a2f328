"""What is described is what is answered, to the field: generated clients read every answer and miss
nothing of it."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from healthsvc.api.openapi import operations
from tests.api.rich_service import Answer, gather

FREE_MAPS = {
    "Alert.detail": "each kind of alert has its own",
    "Briefing.question": "by language",
    "Customer.profile": "the fields are the customer's systems' own",
    "DataQuality.reasons": "by reason",
    "DeadLetter.headers": "as the record had them",
    "LabRun.options": "each kind of run has its own",
    "LabRun.result": "each kind of run has its own",
    "AlertKindTold.outcomes": "by outcome",
    "AlertStepTold.detail": "each step has its own",
    "Endpoint.filter": "by part; as the request has it",
    "EndpointCreated.filter": "by part; as the request has it",
    "Change.data": "by type: schemas/webhook.*.json",
    "LabRunSummary.options": "each kind of run has its own",
    "PortfolioPoint.bands": "by band of the live scorecard",
    "PriceBriefing.question": "by language",
    "Publication.positions": "by partition",
    "Scorecard.document": "its schema is schemas/scorecard.json",
    "Scorecard.reference": "by measure",
    "TimelineEntry.event": "as it was received",
}
"""The objects whose members aren't declared, and why."""
UNSEEN = {"ShadowSkill"}
"""Shapes that no answer of the rich service holds: they need weeks of outcomes."""

Gathered = tuple[dict[str, Any], list[Answer]]


@pytest.fixture(scope="module")
def gathered(postgres_url: str) -> Gathered:
    return gather(postgres_url)


def test_every_operation_was_asked(gathered: Gathered) -> None:
    document, answers = gathered

    assert {(a.method, a.path) for a in answers} == {
        (method, path) for path, method, _ in operations(document)
    }


def test_every_answer_has_the_members_that_are_declared_and_no_other(gathered: Gathered) -> None:
    document, answers = gathered
    components = closed(document["components"])
    faults: dict[str, set[str]] = {}
    for answer in answers:
        schema = schema_of(document, answer)
        if answer.body is None:
            assert schema is None or "application/json" not in schema, answer.path
            continue
        assert schema is not None, (answer.path, "has a body that isn't described")
        validator = jsonschema_rs.validator_for(
            {**closed(schema), "components": components}, validate_formats=True
        )
        found = {
            f"{'/'.join(map(str, e.schema_path))}: {e.message[-300:]}"
            for e in validator.iter_errors(answer.body)
        }
        if found:
            faults.setdefault(f"{answer.method} {answer.path}", set()).update(found)

    assert faults == {}


def test_whatever_is_left_undeclared_is_left_so_on_purpose(gathered: Gathered) -> None:
    document, answers = gathered
    schemas = document["components"]["schemas"]

    free = {
        f"{name}.{member}"
        for name in answered(document, answers)
        for member in free_members(schemas[name])
    }

    assert free == set(FREE_MAPS)


def test_the_answers_hold_every_shape_that_is_declared(gathered: Gathered) -> None:
    document, answers = gathered
    seen: set[str] = set()
    for answer in answers:
        schema = schema_of(document, answer)
        if schema is not None:
            seen |= set(shapes(document, schema, answer.body))

    assert answered(document, answers) - seen == UNSEEN


def schema_of(document: dict[str, Any], answer: Answer) -> dict[str, Any] | None:
    """What is described of the answer's body; None: it has none, or not in JSON."""
    content = document["paths"][answer.path][answer.method]["responses"][str(answer.status)].get(
        "content", {}
    )
    schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
    return schema


def closed(part: Any) -> Any:
    """A schema in which no object may have a member that isn't declared; a map without declared
    members stays free."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {name: closed(value) for name, value in part.items()}
    return made | {"additionalProperties": False} if is_object(part) else made


def is_object(part: dict[str, Any]) -> bool:
    return part.get("type") == "object" and isinstance(part.get("properties"), dict)


def free_members(schema: dict[str, Any]) -> Iterator[str]:
    """The members of an object that are maps."""
    for name, member in schema.get("properties", {}).items():
        options = [member, *member.get("anyOf", [])]
        if any(option.get("type") == "object" and not is_object(option) for option in options):
            yield name


def answered(document: dict[str, Any], answers: list[Answer]) -> set[str]:
    """The names of the shapes that answers may hold, by way of others too."""
    waiting = {name for answer in answers for name in named(schema_of(document, answer))}
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= set(named(document["components"]["schemas"][name])) - reached
    return reached


def named(part: Any) -> Iterator[str]:
    """The shapes that a schema refers to."""
    for value in (
        part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    ):
        yield from named(value)
    if isinstance(part, dict) and isinstance(part.get("$ref"), str):
        yield part["$ref"].rpartition("/")[2]


def shapes(document: dict[str, Any], schema: dict[str, Any], value: Any) -> Iterator[str]:
    """The shapes that a value holds."""
    if "$ref" in schema:
        (name,) = named({"$ref": schema["$ref"]})
        yield name
        yield from shapes(document, document["components"]["schemas"][name], value)
    for option in schema.get("anyOf", ()):
        if option.get("type") != "null" and value is not None:
            yield from shapes(document, option, value)
    if isinstance(value, list):
        for each in value:
            yield from shapes(document, schema.get("items", {}), each)
    if isinstance(value, dict):
        for name, member in schema.get("properties", {}).items():
            if name in value and value[name] is not None:
                yield from shapes(document, member, value[name])
