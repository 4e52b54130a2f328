"""Pages for people: what each problem means, and the API's description. They hold no data, so they need no key."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, Response

from healthsvc.api import problems
from healthsvc.api.openapi import described
from healthsvc.api.paths import ENCODED
from healthsvc.api.problems import not_found

MARKDOWN = "text/markdown; charset=utf-8"

router = APIRouter(tags=["documentation"], include_in_schema=False)


@router.get("/problems")
async def list_problems() -> Response:
    """All problem types."""
    return Response(problems.reference(), media_type=MARKDOWN)


@router.get("/problems/{slug}")
async def explain_problem(slug: Annotated[str, ENCODED, Path()]) -> Response:
    """One problem type: where its `type` leads to."""
    kind = problems.BY_SLUG.get(slug)
    if kind is None:
        raise not_found("problem type")
    return Response(problems.page(kind), media_type=MARKDOWN)


@router.get("/openapi.json")
async def read_openapi(request: Request) -> Response:
    """The API's description for machines."""
    return Response(described(request.app).document, media_type="application/json")


@router.get("/docs")
async def read_docs(request: Request) -> HTMLResponse:
    """The API's description for people, in one page that needs nothing from elsewhere."""
    return HTMLResponse(
        described(request.app).page,
        headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )
