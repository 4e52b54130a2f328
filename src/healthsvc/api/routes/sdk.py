"""The paths that SDKs of Segment, RudderStack and PostHog send to, with only their host changed.

Any batch that can be read is answered with exactly 200: some SDKs send a batch again at any other
answer, and one ends its process. docs/sources.md describes them.
"""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from healthsvc.api.deps import services
from healthsvc.api.problem_answers import problem_for
from healthsvc.api.problems import ProblemError, respond
from healthsvc.api.responses import json_response
from healthsvc.api.source_calls import take_call
from healthsvc.core.errors import InvalidInput

router = APIRouter(tags=["sources"], include_in_schema=False)
CORS: Final = {"access-control-allow-origin": "*"}
PREFLIGHT: Final = CORS | {
    "access-control-allow-methods": "POST, OPTIONS",
    "access-control-allow-headers": "authorization, content-type, content-encoding",
    "access-control-max-age": "86400",
}
SEGMENT: Final = (
    "batch", "track", "identify", "group", "page", "screen", "alias", "import",
    "b", "t", "i", "g", "p", "s", "a",
)  # fmt: skip
POSTHOG: Final = ("/batch", "/batch/", "/capture", "/capture/", "/e/", "/i/v0/e", "/i/v0/e/")
TYPES: Final = {
    "t": "track", "i": "identify", "g": "group", "p": "page", "s": "screen", "a": "alias"
}  # fmt: skip


async def take_segment(request: Request) -> Response:
    """A batch or a single message of Segment's protocol."""
    name = request.url.path.rpartition("/")[2]
    kind = TYPES.get(name, name)
    return await _take(request, "segment", kind if kind in TYPES.values() else None)


async def take_posthog(request: Request) -> Response:
    """A batch or a single event of PostHog's protocol."""
    return await _take(request, "posthog")


async def _take(request: Request, name: str, kind: str | None = None) -> Response:
    if request.method == "OPTIONS":  # browsers ask first whether they may send
        return Response(status_code=204, headers=PREFLIGHT)
    deps = services(request)
    try:
        source = await deps.sources.get(name, deps.now())
        answer = await take_call(request, deps, source, kind)
    except (ProblemError, InvalidInput) as error:
        problem = problem_for(error)
        told = ProblemError(
            problem.kind, problem.detail, problem.faults, {**problem.headers, **CORS}
        )
        return respond(request, told, code=problem.kind.slug, message=problem.detail)
    response = json_response(answer)
    response.headers.update(CORS)
    return response


for _name in SEGMENT:
    router.add_route(f"/v1/{_name}", take_segment, methods=["POST", "OPTIONS"])
for _path in POSTHOG:
    router.add_route(_path, take_posthog, methods=["POST", "OPTIONS"])
