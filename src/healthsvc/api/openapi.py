"""The API described: the OpenAPI 3.1 document, and the same as one plain page for people."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from healthsvc.api.responses import example_of
from healthsvc.core.actors import NAME_LENGTH
from healthsvc.wire import rest
from healthsvc.wire.rest.shapes import Asked, ListAnswer

INTRODUCTION: Final = """
Customer health in seconds: events in, scores, flags and alerts out, each score with its proof.

Every request but the probes carries an API key: `Authorization: Bearer KEY`. Errors are
`application/problem+json` (RFC 9457), and their `type` leads to an explanation. Lists come in
pages: pass `next_cursor` as `cursor`, with the same filter, until it is null. Instants are RFC 3339
in UTC.
"""
TAGS: Final = (
    ("events", "What happened, in."),
    ("customers", "Their health, why it is so, and their past."),
    ("portfolio", "What became of all of them."),
    ("alerts", "What someone should act on."),
    ("changes", "What was decided, as it happens."),
    ("scorecards", "What the score is made of: versions, publishing, and whether its events come."),
    (
        "lab",
        "Models of the risk, fitted and judged by replay of the archive before they are published.",
    ),
    ("webhooks", "Who is told, and whether it arrived (Standard Webhooks)."),
    ("sources", "What other systems send, how it becomes events, and who their ids stand for."),
    ("dead letters", "Records that weren't events, and their second chance."),
    ("keys", "Who may ask."),
    ("operation", "For those who run it."),
)
X_ACTOR: Final = {
    "name": "X-Actor",
    "in": "header",
    "required": False,
    "description": (
        "The person who acts, as the key's owner asserts: kept beside the key with what is done."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": NAME_LENGTH},
    "example": "Kim Park",
}
REF: Final = "#/components/schemas/{model}"
REFERENCE: Final = re.compile(r"#/components/schemas/(\w+)")


def describe(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What takes the place of `app.openapi`: FastAPI's document with our models and error answers,
    made once."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    return openapi


@dataclass(frozen=True, slots=True)
class Described:
    """The description as it is sent."""

    document: bytes
    page: bytes


def described(app: FastAPI) -> Described:
    """The description's bytes, made once: at start, since they take half a second."""
    if not hasattr(app.state, "described"):
        document = app.openapi()
        app.state.described = Described(
            json.dumps(document, ensure_ascii=False).encode(), page(document).encode()
        )
    description: Described = app.state.described
    return description


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="healthsvc",
        version=app.version,
        summary="Customer health scores, churn risk and alerts.",
        description=INTRODUCTION.strip(),
        routes=app.routes,
        tags=[{"name": name, "description": meaning} for name, meaning in TAGS],
    )
    document["components"]["schemas"] = _used(document["paths"], _models())
    for _, method, operation in operations(document):
        if method != "get" and operation.get("security"):
            operation["parameters"] = [*operation.get("parameters", []), X_ACTOR]
        _drop_default_error(operation)
        _restore_examples(operation)
    return document


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation, in the order of the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _models() -> dict[str, Any]:
    """JSON Schemas of all shapes of the REST border: what is asked as it may be sent, what is told
    as it is sent."""
    models: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        (model, "validation" if issubclass(model, Asked) else "serialization")
        for model in rest.models()
        if model is not ListAnswer
    ]
    _, schema = models_json_schema(models, ref_template=REF)
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def _used(paths: object, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Those schemas that the paths refer to, by way of others too."""
    used: dict[str, Any] = {}
    waiting = _references(paths)
    while waiting:
        name = waiting.pop()
        if name not in used:
            used[name] = schemas[name]
            waiting |= _references(schemas[name])
    return dict(sorted(used.items()))


def _references(part: object) -> set[str]:
    return set(REFERENCE.findall(json.dumps(part))) - {"HTTPValidationError"}


def _restore_examples(operation: Mapping[str, Any]) -> None:
    """FastAPI leaves nulls out of examples, where they are required members."""
    models = {model.__name__: model for model in rest.models()}
    for answer in operation["responses"].values():
        for content in answer.get("content", {}).values():
            model_name = REFERENCE.search(str(content.get("schema", {}).get("$ref", "")))
            if "example" in content and model_name is not None:
                content["example"] = example_of(models[model_name[1]])


def _drop_default_error(operation: dict[str, Any]) -> None:
    """FastAPI announces an error of its own form wherever there is a parameter; ours all have one
    form."""
    schema = (
        operation["responses"]
        .get("422", {})
        .get("content", {})
        .get("application/json", {})
        .get("schema", {})
    )
    if str(schema.get("$ref", "")).endswith("/HTTPValidationError"):
        del operation["responses"]["422"]


def page(document: Mapping[str, Any]) -> str:
    """All operations in one HTML page without scripts."""
    info = document["info"]
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        _prose(info["description"]),
    ]
    parts.append(
        '<p><a href="/openapi.json">openapi.json</a> · <a href="/problems">problems</a></p>'
    )
    for tag in document["tags"]:
        mine = [
            (path, method, op)
            for path, method, op in operations(document)
            if tag["name"] in op.get("tags", [])
        ]
        parts.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
        parts += [_operation(path, method, operation) for path, method, operation in mine]
    return PAGE.format(title=escape(info["title"]), body="\n".join(parts))


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    head = (
        f"<summary><b>{method.upper()}</b> <code>{escape(path)}</code>"
        f" {escape(operation['summary'])}</summary>"
    )
    inner = [_prose(operation.get("description", ""))]
    inner += [_parameter(parameter) for parameter in operation.get("parameters", [])]
    body = operation.get("requestBody", {}).get("content", {})
    inner += [
        f"<h4>Body: {escape(media)}</h4>{_example(content)}" for media, content in body.items()
    ]
    for status, answer in operation["responses"].items():
        inner.append(f"<h4>{escape(status)}</h4><p>{escape(answer.get('description', ''))}</p>")
        inner += [_example(content) for content in answer.get("content", {}).values()]
    return f"<details>{head}{''.join(inner)}</details>"


def _parameter(parameter: Mapping[str, Any]) -> str:
    schema = parameter.get("schema", {})
    meaning = parameter.get("description", schema.get("description", ""))
    return (
        f"<p><code>{escape(parameter['name'])}</code> ({escape(parameter['in'])})"
        f" {escape(meaning)}</p>"
    )


def _example(content: Mapping[str, Any]) -> str:
    examples = [one["value"] for one in content.get("examples", {}).values()]
    if "example" in content:
        examples.insert(0, content["example"])
    return "".join(f"<pre>{escape(json.dumps(example, indent=2))}</pre>" for example in examples)


def _prose(text: str) -> str:
    marked = _CODE.sub(r"<code>\1</code>", escape(text))
    return "".join(f"<p>{part}</p>" for part in marked.split("\n\n"))


_CODE: Final = re.compile("`([^`]+)`")
PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem }}
summary {{ cursor: pointer; padding: .3rem 0 }}
details {{ border-bottom: 1px solid #8884 }}
details[open] {{ padding-bottom: 1rem }}
pre {{ background: #8882; padding: .7rem; overflow-x: auto; font-size: .85rem }}
h4 {{ margin: 1rem 0 .2rem }}
</style></head><body>
{body}
</body></html>
"""
