"""Bodies of requests, read after the key was checked, and held to their model with pointers to what
is wrong."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from healthsvc.api.body_limit import limit_of
from healthsvc.api.content_coding import CODINGS, MalformedBodyError, UnknownCodingError, decoded
from healthsvc.api.problem_types import MALFORMED_BODY, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE
from healthsvc.api.problems import ProblemError, RequestFault, invalid
from healthsvc.wire.events.json_items import Steps

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)


async def in_steps(steps: Steps[T]) -> T:
    """The result of a computation in steps, between which the event loop does whatever else is
    due."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
        await asyncio.sleep(0)


def media_type(request: Request) -> str:
    """The bare, lower-case media type of the request's body."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def body_of(model: type[ModelT], *, optional: bool = False) -> Any:
    """A dependency: the request's JSON body as `model`; if optional, no body is the model's
    defaults."""

    async def read(request: Request) -> ModelT:
        body = await content(request)
        if not body and optional:
            return model()
        if media_type(request) != "application/json":
            raise ProblemError(UNSUPPORTED_MEDIA_TYPE, "Send the body as `application/json`.")
        return _validated(model, body)

    return Depends(read)


async def content(request: Request) -> bytes:
    """The request's body, decompressed. Raises ProblemError 400 or 415, BodyTooLargeError."""
    body, coding = await request.body(), request.headers.get("content-encoding", "")
    if not body or not coding:
        return body
    try:
        return await asyncio.to_thread(decoded, body, coding, limit_of(request.url.path))
    except UnknownCodingError as error:
        raise ProblemError(
            UNSUPPORTED_MEDIA_TYPE, str(error), headers={"accept-encoding": ", ".join(CODINGS)}
        ) from error
    except MalformedBodyError as error:
        raise ProblemError(MALFORMED_BODY, str(error)) from error


def documented(model: type[BaseModel], *, optional: bool = False) -> dict[str, Any]:
    """OpenAPI of a body read by `body_of`; the model's schema is added to the components by
    `app`."""
    return {
        "requestBody": {
            "required": not optional,
            "content": {"application/json": {"schema": reference(model)}},
        }
    }


def reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def faults(errors: Sequence[ErrorDetails], prefix: str = "") -> list[RequestFault]:
    """Pydantic's errors as faults with JSON Pointers."""
    return [
        RequestFault(
            pointer=prefix + pointer(error["loc"]),
            detail=error["msg"].removeprefix("Value error, "),
        )
        for error in errors
    ]


def pointer(place: Sequence[str | int]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def _validated(model: type[ModelT], body: bytes) -> ModelT:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        if any(detail["type"] == "json_invalid" for detail in details):
            raise ProblemError(MALFORMED_JSON, details[0]["msg"]) from error
        raise invalid(*faults(details)) from error
