"""Every error we answer: one table of types, and their form on the wire (RFC 9457)."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from healthsvc.api.problem_types import (
    INVALID_REQUEST,
    NOT_FOUND,
    ProblemType,
)
from healthsvc.core.errors import (
    HealthsvcError,
)

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 2
MAX_FAULTS: Final = 100  # in one answer: who has more to mend mends these first


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFault:
    """One thing that is wrong in a request, and where."""

    pointer: str
    detail: str


class ProblemError(HealthsvcError):
    """Ends a request with an error; raised by routes and what they depend on, never further in."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        faults: Sequence[RequestFault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.faults = faults
        self.headers = headers or {}


def invalid(*faults: RequestFault) -> ProblemError:
    """The request has these faults."""
    count = len(faults)
    what = "1 thing in the request is" if count == 1 else f"{count} things in the request are"
    return ProblemError(INVALID_REQUEST, f"{what} wrong: see errors.", faults)


def not_found(what: str) -> ProblemError:
    """There is no such thing; `what` reads like `alert`."""
    return ProblemError(NOT_FOUND, f"There is no such {what}.")


def respond(request: Request, error: ProblemError, **more: object) -> Response:
    """The answer to a request that ended with an error. more: extension members of it (RFC
    9457)."""
    return render(request.scope, error, more)


def render(
    scope: Scope, error: ProblemError, more: Mapping[str, object] = MappingProxyType({})
) -> Response:
    """The same, where there is only an ASGI scope."""
    request_id = scope.get("state", {}).get("request_id", "")
    encoded = _encoded(error, _instance(scope), request_id, more)
    return Response(encoded, error.kind.status, headers=_headers(error), media_type=MEDIA_TYPE)


def as_problem(scope: Scope, error: ProblemError) -> dict[str, object]:
    """The same as a part of another answer."""
    request_id = scope.get("state", {}).get("request_id", "")
    decoded: dict[str, object] = msgspec.json.decode(_encoded(error, _instance(scope), request_id))
    return decoded


def as_http(error: ProblemError) -> bytes:
    """A whole HTTP/1.1 answer to what never became a request; the connection ends with it."""
    body = _encoded(error, "", request_id := secrets.token_hex(16))
    headers = _headers(error) | {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        "x-request-id": request_id,
        "connection": "close",
    }
    status = HTTPStatus(error.kind.status)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _encoded(
    error: ProblemError,
    instance: str,
    request_id: str,
    more: Mapping[str, object] = MappingProxyType({}),
) -> bytes:
    listed = error.faults[:MAX_FAULTS]
    return msgspec.json.encode(
        {
            "type": error.kind.uri,
            "title": error.kind.title,
            "status": error.kind.status,
            "detail": error.detail,
            "instance": instance,
            "request_id": request_id,
            "errors": [{"pointer": fault.pointer, "detail": fault.detail} for fault in listed],
            **more,
        }
    )


def _headers(error: ProblemError) -> dict[str, str]:
    headers = dict(error.headers) | {"cache-control": "no-store"}
    if error.kind.status == 503:
        headers.setdefault("retry-after", str(RETRY_SECONDS))
    return headers


def _instance(scope: Scope) -> str:
    """The path as it was sent, percent-encoded."""
    raw = scope.get("raw_path")
    return raw.decode("ascii", "replace") if raw else quote(scope["path"])
