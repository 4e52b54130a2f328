"""Pages for people: what each problem means, and the API's description. They hold no data, so they
need no key."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from healthsvc import __version__
from healthsvc.api import problem_types
from healthsvc.api.openapi import described
from healthsvc.api.paths import ENCODED
from healthsvc.api.problems import not_found

MARKDOWN = "text/markdown; charset=utf-8"

router = APIRouter(tags=["documentation"], include_in_schema=False)
LINKS: Final = {
    "docs": "/docs",
    "openapi": "/openapi.json",
    "problems": "/problems",
    "ready": "/readyz",
    "customers": "/v1/customers",
    "alerts": "/v1/alerts",
    "events": "/v1/events",
}


@router.get("/")
async def lead_on(request: Request) -> Response:
    """Where everything begins: the pages for a browser, links for a program."""
    vary = {"vary": "accept"}
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(request.app.state.home, 302, headers=vary)
    return JSONResponse(
        {"service": "healthsvc", "version": __version__, "links": LINKS}, headers=vary
    )


@router.get("/problems")
async def list_problems() -> Response:
    """All problem types."""
    return Response(problem_types.reference(), media_type=MARKDOWN)


@router.get("/problems/{slug}")
async def explain_problem(slug: Annotated[str, ENCODED, Path()]) -> Response:
    """One problem type: where its `type` leads to."""
    kind = problem_types.BY_SLUG.get(slug)
    if kind is None:
        raise not_found("problem type")
    return Response(problem_types.page(kind), media_type=MARKDOWN)


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
