import re
from typing import Any

from fastapi import FastAPI

from healthsvc.api.app import routes
from healthsvc.api.openapi import operations
from healthsvc.api.responses import example_of
from healthsvc.wire import rest
from tests.api.conftest import client_of


async def read_document(app: FastAPI) -> dict[str, Any]:
    async with client_of(app, None) as stranger:
        document: dict[str, Any] = (await stranger.get("/openapi.json")).json()
    return document


async def test_each_route_is_described_with_an_example_and_an_id_of_its_own(
    offline_app: FastAPI,
) -> None:
    document = await read_document(offline_app)

    described = [operation for _, _, operation in operations(document)]
    assert document["openapi"].startswith("3.1")
    assert len(described) == len([route for route in routes() if route.include_in_schema])
    assert len({operation["operationId"] for operation in described}) == len(described)
    for operation in described:
        assert operation["summary"]
        assert operation["description"]
        good = next(
            answer for status, answer in operation["responses"].items() if status.startswith("2")
        )
        assert good["description"] != "Successful Response"
        for media, content in good.get("content", {}).items():
            assert "example" in content or media == "text/plain", operation["operationId"]
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert content.get("example") or content.get("examples") or "$ref" in content["schema"]


async def test_errors_are_described_as_problems_alone(offline_app: FastAPI) -> None:
    document = await read_document(offline_app)

    for _, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"]


async def test_whatever_is_referred_to_is_there_and_whatever_is_there_is_referred_to(
    offline_app: FastAPI,
) -> None:
    document = await read_document(offline_app)

    referred = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert referred == set(document["components"]["schemas"])


def test_no_two_shapes_have_the_same_name() -> None:
    names = [model.__name__ for model in rest.models()]

    assert len(names) == len(set(names))


def test_examples_fit_their_own_models() -> None:
    for model in rest.models():
        if "json_schema_extra" in model.model_config:
            assert model.model_validate(example_of(model))


async def test_the_page_for_people_needs_nothing_from_elsewhere(offline_app: FastAPI) -> None:
    async with client_of(offline_app, None) as stranger:
        page = (await stranger.get("/docs")).text

    assert "/v1/webhooks/endpoints/{endpoint_id}/rotate-secret" in page
    assert "<script" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)
