"""The answers that are asked for most, without the framework's way to them.

A request that is out of the ordinary in any respect (a key that doesn't open, a query or a media
type that has to be looked at, an unknown customer) goes on to the framework's route, which answers
everything: tests hold both to the same answers. The outermost middleware is around both.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from healthsvc.api.auth import Authenticator, Principal
from healthsvc.api.customer_views import CustomerView, Kind, Question
from healthsvc.api.deps import Services
from healthsvc.api.entity_tags import tags_in
from healthsvc.api.languages import VARY
from healthsvc.api.paths import decoded
from healthsvc.core.languages import TAGS, Language, accepted
from healthsvc.wire.cursors import is_storable

_CUSTOMER: Final = re.compile(r"/v1/customers/([^/]+)(/health/explanation)?")
_BEARER: Final = re.compile(rb"[Bb]earer ([!-~]+)")
_LANGUAGES: Final[dict[bytes, Language | None]] = {
    b"": None,
    **{b"language=" + language.encode(): language for language in TAGS},
}
"""Queries that are answered here, and the language that each asks for."""
_READ: Final = frozenset((b"authorization", b"accept-language", b"if-none-match", b"accept"))
_ELSEWHERE: Final = frozenset((b"x-actor",))
_ANY_JSON: Final = frozenset((b"", b"*/*", b"application/json"))

_Headers = dict[bytes, bytes]


class HotRoutes:
    """ASGI middleware that answers `GET` of one customer and of its explanation."""

    def __init__(self, app: ASGIApp, routers: Sequence[APIRouter]) -> None:
        self._app = app
        routes = [r for router in routers for r in router.routes if isinstance(r, APIRoute)]
        by_operation = {route.operation_id: route for route in routes}
        self._routes: dict[Kind, APIRoute | None] = {
            "health": by_operation.get("get_customer"),
            "explanation": by_operation.get("explain_health"),
        }
        self._others = frozenset(route.path_format for route in routes if "{" not in route.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or not await self._answer(scope, send)
        ):
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> bool:
        """Answer an ordinary request; False: it wasn't one."""
        path, query = scope["path"], scope["query_string"]
        match = _CUSTOMER.fullmatch(path)
        if match is None or query not in _LANGUAGES or path in self._others:
            return False
        headers = _headers(scope)
        if headers is None:
            return False
        customer_id = _customer_id(match[1])
        if customer_id is None or await _reader(scope, headers) is None:
            return False
        kind: Kind = "explanation" if match[2] else "health"
        language = _LANGUAGES[query] or _accepted(headers.get(b"accept-language", b""))
        tags = tuple(tags_in(headers.get(b"if-none-match", b"").decode("latin-1")))
        deps: Services = scope["app"].state.services
        question = Question(kind, customer_id, language, tags)
        view = await deps.customer_views.view(question)
        if view is None:
            return False
        scope["route"] = self._routes[kind]
        await _send(send, view, language)
        return True


def _headers(scope: Scope) -> _Headers | None:
    """The headers that matter here; None where one comes twice, or one is another route's
    affair."""
    headers: _Headers = {}
    for name, value in scope["headers"]:
        if name in _READ:
            if name in headers:
                return None
            headers[name] = value
        elif name in _ELSEWHERE:
            return None
    return headers if headers.get(b"accept", b"") in _ANY_JSON else None


def _customer_id(segment: str) -> str | None:
    try:
        customer_id = str(decoded(segment))
    except ValueError:
        return None
    return customer_id if len(customer_id) <= 512 and is_storable(customer_id) else None


async def _reader(scope: Scope, headers: _Headers) -> Principal | None:
    """The holder of a key that opens these routes."""
    match = _BEARER.fullmatch(headers.get(b"authorization", b""))
    if match is None:
        return None
    authenticator: Authenticator = scope["app"].state.authenticator
    principal = await authenticator.principal(match[1].decode("ascii"))
    return principal if principal is not None and principal.may("customers:read") else None


@lru_cache(maxsize=256)
def _accepted(header: bytes) -> Language:
    return accepted(header.decode("latin-1"))


async def _send(send: Send, view: CustomerView, language: Language) -> None:
    headers = [
        (b"etag", str(view.tag).encode()),
        (b"content-language", TAGS[language].encode()),
        (b"vary", VARY.encode()),
    ]
    if view.body is not None:
        headers += [
            (b"content-length", str(len(view.body)).encode()),
            (b"content-type", b"application/json"),
        ]
    status = 304 if view.body is None else 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": view.body or b""})
