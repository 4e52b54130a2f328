"""The outermost layer: a request's id, size, log line and metrics, and the net under every
exception."""

import asyncio
import random
import re
import time
import traceback
from collections.abc import Callable
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from healthsvc.api.body_limit import (
    BODY_SECONDS,
    BodyTimeoutError,
    BodyTooLargeError,
    limit_of,
)
from healthsvc.api.paths import normalised
from healthsvc.api.problem_answers import problem_for
from healthsvc.api.problems import render
from healthsvc.store.database.outage import is_outage
from healthsvc.telemetry import HTTP_REQUESTS, HTTP_SECONDS, LogEvent

HUNG_UP: Final = 499  # in the log and the metrics: the client was gone before there was an answer
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET: Final = frozenset({"/livez", "/readyz", "/startupz", "/metrics"})

log = structlog.get_logger()


class Border:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        elapsed: Callable[[], float] = time.perf_counter,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app, self._elapsed, self._body_seconds = app, elapsed, body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(scope, receive, send, self._elapsed).run(self._app, self._body_seconds)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, elapsed: Callable[[], float]
    ) -> None:
        self._scope, self._receive, self._send, self._elapsed = scope, receive, send, elapsed
        self._asked = _routed(scope)
        self._headers = Headers(scope=scope)
        self._request_id = _request_id(self._headers.get("x-request-id"))
        self._limit = limit_of(self._asked["path"])
        self._left = self._limit
        self._status = 0
        self._body_unread = _has_body(self._headers)
        self._asked.setdefault("state", {})["request_id"] = self._request_id

    async def run(self, app: ASGIApp, body_seconds: float) -> None:
        started = self._elapsed()
        self._body_seconds = body_seconds
        self._body_until = asyncio.get_running_loop().time() + body_seconds
        try:
            await app(self._asked, self.receive, self.send)
        except ClientDisconnect:
            self._status = self._status or HUNG_UP
        except Exception as error:
            await self._rescue(error)
        finally:
            self._report(self._elapsed() - started)

    async def receive(self) -> Message:
        """The next piece of the body, as long as it stays within the limits."""
        if self._declared_length() > self._limit:
            raise BodyTooLargeError(self._limit)
        message = await self._next_message() if self._body_unread else await self._receive()
        if message["type"] == "http.disconnect":
            return message
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise BodyTooLargeError(self._limit)
        self._body_unread = message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._request_id
            if self._body_unread:
                headers["connection"] = (
                    "close"  # what still comes of the body isn't the next request
                )
        await self._send(message)

    async def _next_message(self) -> Message:
        try:
            async with asyncio.timeout_at(self._body_until):
                return await self._receive()
        except TimeoutError as error:
            raise BodyTimeoutError(self._body_seconds) from error

    def _declared_length(self) -> int:
        declared = self._headers.get("content-length", "0")
        return int(declared) if declared.isdecimal() and len(declared) < 20 else 0

    async def _rescue(self, error: Exception) -> None:
        """Answer an unhandled exception: an outage of the database as such, anything else without
        its details."""
        log.error(
            LogEvent.REQUEST_FAILED,
            request_id=self._request_id,
            path=self._scope["path"],
            **_told_to_operator(error),
        )
        if self._status:
            raise error  # half an answer is out: only a broken connection can still tell
        await render(self._asked, problem_for(error))(self._asked, self.receive, self.send)

    def _report(self, seconds: float) -> None:
        method = self._scope["method"] if self._scope["method"] in METHODS else "other"
        route = _route(self._asked)
        HTTP_REQUESTS.labels(method, route, str(self._status)).inc()
        HTTP_SECONDS.labels(method, route).observe(seconds)
        if route not in QUIET:
            log.info(
                LogEvent.REQUEST,
                method=method,
                route=route,
                status=self._status,
                milliseconds=round(seconds * 1000, 2),
                request_id=self._request_id,
            )


def _told_to_operator(error: Exception) -> dict[str, str]:
    """An outage in a line; anything else with its traceback as text, without the values of
    variables."""
    if is_outage(error):
        return {"outage": f"{type(error).__name__}: {error}"}
    return {"traceback": "".join(traceback.format_exception(error))}


def _request_id(from_client: str | None) -> str:
    if from_client and REQUEST_ID.fullmatch(from_client):
        return from_client
    return f"{random.getrandbits(128):032x}"  # nobody's secret, and no call of the system


def _routed(scope: Scope) -> Scope:
    """The scope that routes see: the path is still encoded, and HEAD is GET, whose body the server
    leaves out."""
    path = normalised(scope)
    if scope["method"] != "HEAD" and path == scope["path"]:
        return scope
    return {
        **scope,
        "path": path,
        "method": "GET" if scope["method"] == "HEAD" else scope["method"],
    }


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _route(scope: Scope) -> str:
    """The route's template, so that ids never become labels."""
    return str(getattr(scope.get("route"), "path_format", None) or "none")
