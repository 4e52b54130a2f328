"""The routes of signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from healthsvc.api.deps import services
from healthsvc.flows.admin import page_sessions
from healthsvc.pages.rendering import HEADERS, HOME, page
from healthsvc.pages.signing_in import (
    SESSION_COOKIE,
    FailedSignIns,
    Visitor,
    check_form,
    form_of,
    is_foreign,
    local_path,
    session_for,
    signed_in,
    visitor,
)

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def show_sign_in(request: Request) -> Response:
    """The sign-in page."""
    asked = local_path(request.query_params.get("next", ""), HOME)
    return page(request, "login.html", next=asked, problem=None)


@router.post("/login")
async def sign_in(request: Request) -> Response:
    """Open a session with the form's API key."""
    form = await form_of(request)
    asked = local_path(form.get("next", ""), HOME)
    failed: FailedSignIns = request.app.state.failed_sign_ins
    address, now = request.client.host if request.client else "", services(request).now()
    if is_foreign(request):
        return page(request, "login.html", 403, next=asked, problem="login.foreign")
    if failed.too_many(address, now):
        return page(request, "login.html", 429, next=asked, problem="login.many")
    token = await session_for(request, form.get("key", "").strip())
    if token is None:
        failed.count(address, now)
        return page(request, "login.html", 401, next=asked, problem="key.wrong")
    return signed_in(request, asked, token)


@router.post("/logout")
async def sign_out(request: Request, visitor: Annotated[Visitor, Depends(visitor)]) -> Response:
    """End this session, or all of its key."""
    form = await form_of(request)
    check_form(visitor, form)
    await page_sessions.close_session(
        services(request).engine, visitor.session, everywhere="everywhere" in form
    )
    response = RedirectResponse("/login", 303, headers=HEADERS)
    response.delete_cookie(SESSION_COOKIE)
    return response
