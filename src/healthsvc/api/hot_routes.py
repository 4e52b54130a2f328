"""The answers that are asked for most, without the framework's way to them.

A request that is out of the ordinary in any respect (a key that doesn't open, a query or a media
type that has to be looked at, an unknown customer) goes on to the framework's route, which answers
everything: tests hold both to the same answers. The outermost middleware is around both.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from healthsvc.api import hot_events
from healthsvc.api.auth import Authenticator, Principal
from healthsvc.api.customer_views import Kind, Question
from healthsvc.api.deps import Services
from healthsvc.api.entity_tags import tags_in
from healthsvc.api.paths import decoded
from healthsvc.api.problem_answers import problem_for
from healthsvc.api.problem_types import INTERNAL_ERROR
from healthsvc.api.problems import render
from healthsvc.api.representations import (
    ALERTS,
    CUSTOMERS,
    RANKED_ALERTS,
    WORKLIST,
    Representation,
    Shown,
)
from healthsvc.core.errors import HealthsvcError
from healthsvc.core.languages import TAGS, Language, accepted
from healthsvc.wire.api_keys import Scope as KeyScope
from healthsvc.wire.cursors import is_storable

_CUSTOMER: Final = re.compile(r"/v1/customers/([^/]+)(/health/explanation)?")
_BEARER: Final = re.compile(rb"[Bb]earer ([!-~]+)")
_LANGUAGES: Final[dict[bytes, Language | None]] = {
    b"": None,
    **{b"language=" + language.encode(): language for language in TAGS},
}
"""Queries that are answered here, and the language that each asks for."""
_READ_HEADERS: Final = frozenset(
    (b"authorization", b"accept-language", b"if-none-match", b"accept")
)
_ELSEWHERE: Final = frozenset((b"x-actor",))
_OPERATIONS: Final[dict[Kind, str]] = {
    "health": "get_customer",
    "explanation": "explain_health",
}
_ANY_JSON: Final = frozenset((b"", b"*/*", b"application/json"))

_Headers = dict[bytes, bytes]


class _List(NamedTuple):
    """A list of which answers are kept."""

    operation_id: str
    shown: Shown
    scopes: tuple[KeyScope, ...]


_READ: Final[tuple[KeyScope, ...]] = ("customers:read",)
_LISTS: Final[dict[str, _List]] = {
    "/v1/customers": _List("list_customers", CUSTOMERS, _READ),
    "/v1/alerts": _List("list_alerts", ALERTS, (*_READ, "alerts:write")),
    "/v1/worklist": _List("get_worklist", WORKLIST, _READ),
}


class HotRoutes:
    """ASGI middleware that answers `GET` of one customer and of its explanation, and of lists while
    an answer holds, and takes events in."""

    def __init__(self, app: ASGIApp, routers: Sequence[APIRouter]) -> None:
        self._app = app
        routes = [r for router in routers for r in router.routes if isinstance(r, APIRoute)]
        self._routes = {route.operation_id: route for route in routes}
        self._others = frozenset(route.path_format for route in routes if "{" not in route.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        representation = None
        if scope["type"] == "http":
            if scope["method"] == "POST" and scope["path"] == hot_events.PATH:
                await self._events(scope, receive, send)
                return
            if scope["method"] == "GET":
                representation = await self._ordinary(scope)
        if representation is None:
            await self._app(scope, receive, send)
        else:
            await _send(send, representation)

    async def _events(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take events in; what is out of the ordinary is the framework's affair."""
        headers = _headers(scope) if hot_events.is_ordinary(scope) else None
        if headers is None or await _holder(scope, headers, ("events:write",)) is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = self._routes["append_events"]
        body = hot_events.Body(receive)
        try:
            answer = await hot_events.answer(scope["app"].state.services, body)
        except HealthsvcError as error:
            problem = problem_for(error)
            if problem.kind is INTERNAL_ERROR:
                raise
            await render(scope, problem)(scope, receive, send)
            return
        if answer is None:
            await self._app(scope, body.again, send)
        else:
            await _send_json(send, 202, answer)

    async def _ordinary(self, scope: Scope) -> Representation | None:
        """The answer to an ordinary request."""
        path: str = scope["path"]
        kept = _LISTS.get(path)
        if kept is not None:
            return await self._kept(scope, kept)
        match = _CUSTOMER.fullmatch(path)
        if match is None or scope["query_string"] not in _LANGUAGES or path in self._others:
            return None
        return await self._customer(scope, match[1], "explanation" if match[2] else "health")

    async def _kept(self, scope: Scope, kept: _List) -> Representation | None:
        headers = _headers(scope)
        reader = None if headers is None else await _holder(scope, headers, kept.scopes)
        if reader is None:
            return None
        shown = RANKED_ALERTS if b"sort=rank" in scope["query_string"] else kept.shown
        deps: Services = scope["app"].state.services
        representation = await deps.representations.kept(scope, shown, reader.id)
        if representation is not None:
            scope["route"] = self._routes[kept.operation_id]
        return representation

    async def _customer(self, scope: Scope, segment: str, kind: Kind) -> Representation | None:
        customer_id, headers = _customer_id(segment), _headers(scope)
        if customer_id is None or headers is None or headers.get(b"accept", b"") not in _ANY_JSON:
            return None
        if await _holder(scope, headers, _READ) is None:
            return None
        prefers = _accepted(headers.get(b"accept-language", b""))
        language = _LANGUAGES[scope["query_string"]] or prefers
        tags = tuple(tags_in(headers.get(b"if-none-match", b"").decode("latin-1")))
        deps: Services = scope["app"].state.services
        question = Question(kind, customer_id, language, tags)
        representation = await deps.customer_views.view(question)
        if representation is not None:
            scope["route"] = self._routes[_OPERATIONS[kind]]
        return representation


def _headers(scope: Scope) -> _Headers | None:
    """The headers that matter here; None where one comes twice, or one is to be looked at."""
    headers: _Headers = {}
    for name, value in scope["headers"]:
        if name in _READ_HEADERS:
            if name in headers:
                return None
            headers[name] = value
        elif name in _ELSEWHERE:
            return None
    return headers


def _customer_id(segment: str) -> str | None:
    try:
        customer_id = str(decoded(segment))
    except ValueError:
        return None
    return customer_id if len(customer_id) <= 512 and is_storable(customer_id) else None


async def _holder(scope: Scope, headers: _Headers, scopes: Sequence[KeyScope]) -> Principal | None:
    """The holder of a key with one of these scopes."""
    match = _BEARER.fullmatch(headers.get(b"authorization", b""))
    if match is None:
        return None
    authenticator: Authenticator = scope["app"].state.authenticator
    principal = await authenticator.principal(match[1].decode("ascii"))
    if principal is None or not any(principal.may(key_scope) for key_scope in scopes):
        return None
    return principal


@lru_cache(maxsize=256)
def _accepted(header: bytes) -> Language:
    return accepted(header.decode("latin-1"))


async def _send_json(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"application/json"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send(send: Send, representation: Representation) -> None:
    status = 304 if representation.body is None else 200
    headers = representation.headers()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": representation.body or b""})
