"""Paths as they were sent: which route they lead to, and the ids in them.

A path is routed in its percent-encoded form, so that an encoded slash is part of an id and any
other slash separates. Where several routes match, the one with the most fixed text is meant,
whatever its methods: `GET /v1/scorecards/validate` is the wrong method of a path, not a scorecard
called `validate`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from starlette.types import ASGIApp, Receive, Scope, Send

from healthsvc.api.problem_types import METHOD_NOT_ALLOWED
from healthsvc.api.problems import ProblemError, render

ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
PARAMETER: Final = re.compile(r"\{[^}]*\}")


def normalised(scope: Scope) -> str:
    """The encoded path, in which only escapes are left that mean something (RFC 3986, 6.2.2)."""
    raw: bytes | None = scope.get("raw_path")
    if raw is None or b"%" not in raw:
        path: str = scope["path"]
        return path
    return ESCAPE.sub(_unescaped, raw.decode("ascii", "replace"))


def _unescaped(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in UNRESERVED else escape[0].upper()


def decoded(segment: Any) -> Any:
    """An id in a path as text. Raises ValueError."""
    if not isinstance(segment, str) or "%" not in segment:
        return segment
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError as error:
        raise ValueError("must be percent-encoded UTF-8") from error


ENCODED: Final = BeforeValidator(decoded)
"""Marks a parameter of a path that is text."""


class Methods:
    """ASGI middleware: a path that exists, but not with the request's method, is answered with
    405."""

    def __init__(self, app: ASGIApp, routers: Sequence[APIRouter]) -> None:
        self._app = app
        self._fixed, self._templates = _tables(routers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._wrong_method(scope) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
        else:
            await render(scope, error)(scope, receive, send)

    def _wrong_method(self, scope: Scope) -> ProblemError | None:
        path, method = scope["path"], scope["method"]
        allowed = self._fixed.get(path)
        if allowed is None:
            allowed = next(
                (methods for regex, methods in self._templates if regex.match(path)), None
            )
        if allowed is None or method in allowed:
            return None
        listed = ", ".join(sorted(allowed))
        return ProblemError(
            METHOD_NOT_ALLOWED,
            f"{method[:20]} isn't allowed here; {listed} is.",
            headers={"allow": listed},
        )


def _tables(
    routers: Sequence[APIRouter],
) -> tuple[Mapping[str, frozenset[str]], list[tuple[re.Pattern[str], frozenset[str]]]]:
    """The methods of each fixed path, and of each template, the one with the most fixed text
    first."""
    methods: dict[str, set[str]] = {}
    regexes: dict[str, re.Pattern[str]] = {}
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                regexes[route.path_format] = route.path_regex
                methods.setdefault(route.path_format, set()).update(route.methods or ())
    for allowed in methods.values():
        allowed |= {"HEAD"} if "GET" in allowed else set()
    fixed = {path: frozenset(allowed) for path, allowed in methods.items() if "{" not in path}
    templates = sorted(
        methods.keys() - fixed.keys(), key=lambda path: -len(PARAMETER.sub("", path))
    )
    return fixed, [(regexes[path], frozenset(methods[path])) for path in templates]
