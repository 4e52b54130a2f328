"""Signing in with an API key, and who looks at a page."""

import hmac
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from healthsvc.api.auth import Authenticator, Principal
from healthsvc.api.deps import services
from healthsvc.core.errors import Forbidden, InvalidInput
from healthsvc.flows.admin import page_sessions
from healthsvc.flows.admin.page_sessions import OpenSession
from healthsvc.pages.rendering import HEADERS

SESSION_COOKIE: Final = "healthsvc_session"
MOST_FAILURES: Final = 10
FAILURES_COUNT_FOR: Final = timedelta(minutes=15)
MOST_ADDRESSES: Final = 10_000
SCOPE: Final = "customers:read"


class SignInRequiredError(Forbidden):
    """A page was asked for without a session."""


class PageError(InvalidInput):
    """A page that can't be shown; `text` is the key of the sentence that says why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who looks at a page."""

    principal: Principal
    session: OpenSession

    @property
    def name(self) -> str:
        return self.principal.name

    @property
    def form_token(self) -> str:
        return self.session.form_token


class FailedSignIns:
    """Counts failed sign-ins by address, so that keys can't be guessed by trying."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, list[datetime]] = OrderedDict()

    def too_many(self, address: str, now: datetime) -> bool:
        """Whether this address has to wait."""
        recent = [at for at in self._failures.get(address, ()) if now - at < FAILURES_COUNT_FOR]
        return len(recent) >= MOST_FAILURES

    def count(self, address: str, now: datetime) -> None:
        """Count one more failure."""
        failures = self._failures.setdefault(address, [])
        failures[:] = [at for at in failures if now - at < FAILURES_COUNT_FOR] + [now]
        self._failures.move_to_end(address)
        if len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each with its first value."""
    body = (await request.body()).decode(errors="replace")
    return {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}


def is_foreign(request: Request) -> bool:
    """Whether another site sent the form, as browsers say; programs say nothing."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


async def session_for(request: Request, key: str) -> str | None:
    """Open a session with an API key; return its token, None if the key opens nothing."""
    authenticator: Authenticator = request.app.state.authenticator
    principal = await authenticator.principal(key)
    if principal is None:
        return None
    deps = services(request)
    return await page_sessions.open_session(
        deps.engine, deps.vault, deps.now(), key=key, key_id=principal.id
    )


def signed_in(request: Request, asked: str, token: str) -> Response:
    """Lead to the page that was asked for, with the cookie of a session."""
    response = RedirectResponse(asked, 303, headers=HEADERS)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(page_sessions.LASTS.total_seconds()),
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
    )
    return response


async def visitor(request: Request) -> Visitor:
    """Who looks at this page. Raises SignInRequiredError and PageError."""
    token = request.cookies.get(SESSION_COOKIE)
    deps = services(request)
    if token is None:
        raise SignInRequiredError
    session = await page_sessions.current_session(deps.engine, deps.vault, deps.now(), token)
    authenticator: Authenticator = request.app.state.authenticator
    principal = None if session is None else await authenticator.principal(session.key)
    if session is None or principal is None:
        raise SignInRequiredError
    return Visitor(principal=principal, session=session)


async def reader(visitor: Annotated[Visitor, Depends(visitor)]) -> Visitor:
    """A visitor who may look at customers. Raises PageError."""
    if not visitor.principal.may(SCOPE):
        raise PageError(403, "error.forbidden")
    return visitor


def check_form(visitor: Visitor, form: dict[str, str]) -> None:
    """Refuse a form that isn't this session's. Raises PageError."""
    if not hmac.compare_digest(form.get("form_token", "").encode(), visitor.form_token.encode()):
        raise PageError(403, "error.form")


def to_sign_in(request: Request) -> Response:
    """Lead to the sign-in page, and from there back to this page."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(asked)}", 303, headers=HEADERS)


def local_path(path: str, otherwise: str) -> str:
    """A path of this site; anything that could lead elsewhere becomes `otherwise`."""
    is_local = path.startswith("/") and not path.startswith("//") and path.isprintable()
    return path if is_local and "\\" not in path else otherwise
