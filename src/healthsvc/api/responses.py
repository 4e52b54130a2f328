"""A route's answers: the body of the good one, and what OpenAPI says of it and of each problem that
the route may end in."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import msgspec
from pydantic import BaseModel
from starlette.responses import Response

from healthsvc.api import problem_types, problems
from healthsvc.api.problem_types import ProblemType
from healthsvc.api.request_bodies import reference
from healthsvc.wire.rest import sparse
from healthsvc.wire.rest.problems import Problem

COMMON = (problem_types.KEY_REQUIRED, problem_types.KEY_INVALID, problem_types.SCOPE_MISSING)
ANYWHERE = (
    problem_types.BAD_REQUEST,
    problem_types.REQUEST_TIMEOUT,
    problem_types.TOO_LARGE,
    problem_types.TARGET_TOO_LONG,
    problem_types.HEADERS_TOO_LARGE,
    problem_types.UNAVAILABLE,
)

Responses = dict[int | str, dict[str, Any]]
UNCHANGED: Responses = {304: {"description": "Unchanged since the ETag in `If-None-Match`."}}
IF_NONE_MATCH: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "ETags of answers that the client has: 304 if one of them holds.",
            "schema": {"type": "string"},
            "example": '"88dccbefeb0b0fd2-6618edad9960f-989680"',
        }
    ]
}


def answers(
    model: type[BaseModel] | None, *kinds: ProblemType, status: int = 200, open_to_all: bool = False
) -> Responses:
    """The `responses` of a route: `status` with the model's example, or without a body, and the
    problems."""
    said: Responses = {status: _good(model)}
    by_status: dict[int, list[ProblemType]] = {}
    for kind in dict.fromkeys((*kinds, *(() if open_to_all else COMMON), *ANYWHERE)):
        by_status.setdefault(kind.status, []).append(kind)
    return said | {code: _bad(same) for code, same in sorted(by_status.items())}


def _good(model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {"description": "Done."}
    paragraph = (model.__doc__ or model.__name__).strip().partition("\n\n")[0]
    described = " ".join(paragraph.split())
    return {
        "description": described,
        "content": {"application/json": {"schema": reference(model), "example": example_of(model)}},
    }


def _bad(kinds: Iterable[ProblemType]) -> dict[str, Any]:
    return {
        "description": " or ".join(f"{kind.title} ({kind.uri})" for kind in kinds),
        "content": {problems.MEDIA_TYPE: {"schema": reference(Problem)}},
    }


def example_of(model: type[BaseModel]) -> Any:
    """The example that a model declares."""
    extra = model.model_config.get("json_schema_extra")
    assert isinstance(extra, dict), f"{model.__name__} has no example"
    examples = extra["examples"]
    assert isinstance(examples, list)
    return examples[0]


def json_response(
    answer: BaseModel, left_out: Set[str] = frozenset(), fields: Sequence[str] = ()
) -> Response:
    """The response with this answer as its body, without the members that are left out, and of
    these only `fields`, where there are any."""
    return Response(json_body(answer, left_out, fields), media_type="application/json")


def json_body(
    answer: BaseModel | Mapping[str, Any],
    left_out: Set[str] = frozenset(),
    fields: Sequence[str] = (),
) -> bytes:
    """The same as bytes. fields: only these members; none for all."""
    if not isinstance(answer, BaseModel):
        return msgspec.json.encode(answer)
    members = answer.model_dump(by_alias=True, exclude=set(left_out))
    return msgspec.json.encode(sparse.select(members, fields))
