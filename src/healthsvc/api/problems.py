"""Every error we answer: one table of types, and their form on the wire (RFC 9457)."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from healthsvc.api.body_limit import BodyTimeoutError, BodyTooLargeError
from healthsvc.core import errors
from healthsvc.core.errors import (
    Busy,
    Conflict,
    Forbidden,
    HealthsvcError,
    InvalidInput,
    OwnershipLost,
    Unavailable,
)
from healthsvc.core.folding.states import OtherFormat
from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.flows.customers.past import PastNotKept
from healthsvc.flows.intake.append import AppendFailed, Overloaded
from healthsvc.store.database.outage import is_outage
from healthsvc.wire.cursors import CursorError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 2
MAX_FAULTS: Final = 100  # in one answer: who has more to mend mends these first


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemType:
    """A kind of error: where it is documented, its status, and what a client can do about it."""

    slug: str
    status: int
    title: str
    meaning: str

    @property
    def uri(self) -> str:
        return f"/problems/{self.slug}"


MALFORMED_JSON = ProblemType(
    slug="malformed-json",
    status=400,
    title="The body isn't JSON",
    meaning=(
        "The body could not be read as JSON in UTF-8, or is nested too deep. Nothing was done."
        " Correct the body."
    ),
)
KEY_REQUIRED = ProblemType(
    slug="key-required",
    status=401,
    title="An API key is required",
    meaning="The request has no API key. Send one in the header `Authorization: Bearer KEY`.",
)
KEY_INVALID = ProblemType(
    slug="key-invalid",
    status=401,
    title="The API key isn't valid",
    meaning=(
        "The key is unknown, mistyped, expired or revoked; which of these is not told. Ask for a"
        " new one."
    ),
)
SCOPE_MISSING = ProblemType(
    slug="scope-missing",
    status=403,
    title="The API key may not do this",
    meaning=(
        "The key is valid, but lacks the scope that `detail` names. Use a key that has it, or the"
        " scope `admin`."
    ),
)
NOT_FOUND = ProblemType(
    slug="not-found",
    status=404,
    title="Not found",
    meaning="There is no such path, or nothing with the id in it.",
)
METHOD_NOT_ALLOWED = ProblemType(
    slug="method-not-allowed",
    status=405,
    title="The method isn't allowed here",
    meaning="The path exists, but not with this method. The header `Allow` lists those it has.",
)
CONFLICT = ProblemType(
    slug="conflict",
    status=409,
    title="The present state doesn't allow this",
    meaning=(
        "What is asked can't follow on the state that `detail` tells, for example acknowledging a"
        " resolved alert."
    ),
)
PAST_NOT_KEPT = ProblemType(
    slug="past-not-kept",
    status=409,
    title="The past isn't kept",
    meaning=(
        "A past score is told exactly or not at all, and the archive lacks events of this customer:"
        " it was switched off, or its retention is shorter than the customer's history"
        " (`HEALTHSVC_ARCHIVE`, `HEALTHSVC_ARCHIVE_RETENTION_DAYS`). The recorded decisions are in"
        " `/health/history`."
    ),
)
SHIP_GATE = ProblemType(
    slug="ship-gate",
    status=409,
    title="The ship gate says no",
    meaning=(
        "The version has a fitted risk model that failed the ship gate, or of which no backtest is"
        " known; `errors` names the checks with their figures. Fit and judge one by `POST"
        " /v1/lab/runs`, or publish with `override_reason`, which is kept with the version."
    ),
)
CHANGED_MEANWHILE = ProblemType(
    slug="changed-meanwhile",
    status=412,
    title="It was changed meanwhile",
    meaning=(
        "`If-Match` names another revision than the present one. Read it again, decide again, send"
        " the new ETag."
    ),
)
REQUEST_TIMEOUT = ProblemType(
    slug="request-timeout",
    status=408,
    title="The request took too long to arrive",
    meaning=(
        "The head or the body of the request did not arrive in time"
        " (`HEALTHSVC_REQUEST_HEAD_SECONDS`, `HEALTHSVC_REQUEST_BODY_SECONDS`). Nothing was done."
        " Send it again, faster or in smaller parts."
    ),
)
TOO_LARGE = ProblemType(
    slug="too-large",
    status=413,
    title="The request is too large",
    meaning=(
        "A body to `/v1/events` may have 4 MiB and 1,000 events, a scorecard's 512 KiB, any other"
        " 256 KiB. Nothing was done. Send smaller parts."
    ),
)
TARGET_TOO_LONG = ProblemType(
    slug="target-too-long",
    status=414,
    title="The path and the query are too long",
    meaning="Path and query may have 16 KiB together. Nothing was done.",
)
HEADERS_TOO_LARGE = ProblemType(
    slug="headers-too-large",
    status=431,
    title="The headers are too large",
    meaning="The headers of a request may have 64 KiB together. Nothing was done.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    slug="unsupported-media-type",
    status=415,
    title="The content type isn't understood",
    meaning=(
        "Send JSON as `application/json`; events may also be CloudEvents in any mode. Bodies aren't"
        " compressed."
    ),
)
INVALID_REQUEST = ProblemType(
    slug="invalid-request",
    status=422,
    title="The request isn't valid",
    meaning=(
        "The request was understood, but something in it isn't allowed. `errors` names each place:"
        " a JSON Pointer into the body, or `/query/NAME`, `/path/NAME`. Nothing was done."
    ),
)
INVALID_CURSOR = ProblemType(
    slug="invalid-cursor",
    status=422,
    title="The cursor isn't valid here",
    meaning=(
        "A cursor holds only for the list and the filter that it was given for. Start again without"
        " a cursor."
    ),
)
URL_REFUSED = ProblemType(
    slug="url-refused",
    status=422,
    title="Webhooks can't go to this URL",
    meaning=(
        "Deliveries go to https URLs on public addresses. Private networks have to be allowed by"
        " the operator (`HEALTHSVC_WEBHOOK_ALLOWED_NETWORKS`)."
    ),
)
OVERLOADED = ProblemType(
    slug="overloaded",
    status=503,
    title="Too much is waiting to be written",
    meaning="Nothing of the request was written. Send it again after the seconds in `Retry-After`.",
)
UNAVAILABLE = ProblemType(
    slug="unavailable",
    status=503,
    title="The service can't answer now",
    meaning=(
        "The database is away, or the service is starting or stopping. Send the request again after"
        " the seconds in `Retry-After`. Events may be sent again safely: their ids keep them from"
        " being counted twice."
    ),
)
INTERNAL_ERROR = ProblemType(
    slug="internal-error",
    status=500,
    title="Something went wrong inside",
    meaning=(
        "A mistake of ours; the log has its details under the answer's `request_id`. Nothing"
        " half-done was kept."
    ),
)
BAD_REQUEST = ProblemType(
    slug="bad-request",
    status=400,
    title="The request can't be understood",
    meaning="The request breaks the rules of HTTP. `detail` says how.",
)

TYPES: Final[Sequence[ProblemType]] = (
    BAD_REQUEST,
    MALFORMED_JSON,
    KEY_REQUIRED,
    KEY_INVALID,
    SCOPE_MISSING,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    CONFLICT,
    PAST_NOT_KEPT,
    SHIP_GATE,
    CHANGED_MEANWHILE,
    REQUEST_TIMEOUT,
    TOO_LARGE,
    TARGET_TOO_LONG,
    HEADERS_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_REQUEST,
    INVALID_CURSOR,
    URL_REFUSED,
    INTERNAL_ERROR,
    UNAVAILABLE,
    OVERLOADED,
)
BY_SLUG: Final[Mapping[str, ProblemType]] = {kind.slug: kind for kind in TYPES}
BY_STATUS: Final[Mapping[int, ProblemType]] = {
    400: BAD_REQUEST,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    408: REQUEST_TIMEOUT,
    413: TOO_LARGE,
    415: UNSUPPORTED_MEDIA_TYPE,
    422: INVALID_REQUEST,
    503: UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong in a request, and where."""

    pointer: str
    detail: str


class ProblemError(HealthsvcError):
    """Ends a request with an error; raised by routes and what they depend on, never further in."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.faults = faults
        self.headers = headers or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to an error; without a `detail` it has the error's own message."""

    kind: ProblemType
    detail: str | None = None
    pointer: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_OURS: Final = Answer(
    kind=INTERNAL_ERROR, detail="The request failed inside the service; its log has the details."
)
_OUTAGE: Final = Answer(kind=UNAVAILABLE, detail="The database can't be reached at the moment.")

ANSWERS: Final[Mapping[type[HealthsvcError], Answer]] = {
    BodyTooLargeError: Answer(kind=TOO_LARGE, headers={"connection": "close"}),
    BodyTimeoutError: Answer(kind=REQUEST_TIMEOUT, headers={"connection": "close"}),
    CursorError: Answer(kind=INVALID_CURSOR, pointer="/query/cursor"),
    ScorecardError: _OURS,  # documents are looked through before they are kept
    InvalidInput: Answer(kind=INVALID_REQUEST),
    PastNotKept: Answer(kind=PAST_NOT_KEPT),
    Conflict: Answer(kind=CONFLICT),
    Overloaded: Answer(
        kind=OVERLOADED, detail="Too many events wait to be written; none of these was."
    ),
    AppendFailed: Answer(
        kind=UNAVAILABLE, detail="The events could not be written. Send them again: that is safe."
    ),
    Unavailable: Answer(kind=UNAVAILABLE),
    OtherFormat: Answer(
        kind=UNAVAILABLE, detail="Another version wrote the states; a worker builds them anew."
    ),
    errors.Fault: _OURS,
    Forbidden: _OURS,
    OwnershipLost: _OURS,
}
"""Each kind of error and its answer; the nearest ancestor counts."""


def answer_to(error: type[HealthsvcError]) -> Answer | None:
    """The answer to errors of this class; None where the table has none."""
    return next((ANSWERS[each] for each in error.__mro__ if each in ANSWERS), None)


def problem_for(error: Exception) -> ProblemError:
    """The problem that a client gets for an exception."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, HealthsvcError):
        answer = answer_to(type(error)) or _OURS
    else:
        answer = _OUTAGE if is_outage(error) else _OURS
    detail = answer.detail or str(error)
    faults = () if answer.pointer is None else [Fault(pointer=answer.pointer, detail=detail)]
    headers = dict(answer.headers)
    if isinstance(error, Busy) and error.retry_after is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    return ProblemError(answer.kind, detail, faults, headers)


def invalid(*faults: Fault) -> ProblemError:
    """The request has these faults."""
    count = len(faults)
    what = "1 thing in the request is" if count == 1 else f"{count} things in the request are"
    return ProblemError(INVALID_REQUEST, f"{what} wrong: see errors.", faults)


def not_found(what: str) -> ProblemError:
    """There is no such thing; `what` reads like `alert`."""
    return ProblemError(NOT_FOUND, f"There is no such {what}.")


def respond(request: Request, error: ProblemError) -> Response:
    """The answer to a request that ended with an error."""
    return render(request.scope, error)


def render(scope: Scope, error: ProblemError) -> Response:
    """The same, where there is only an ASGI scope."""
    encoded = _encoded(error, _instance(scope), scope.get("state", {}).get("request_id", ""))
    return Response(encoded, error.kind.status, headers=_headers(error), media_type=MEDIA_TYPE)


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


def _encoded(error: ProblemError, instance: str, request_id: str) -> bytes:
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


def page(kind: ProblemType) -> str:
    """A problem type's documentation, in Markdown."""
    return f"# {kind.title}\n\n`{kind.uri}`, status {kind.status}\n\n{kind.meaning}\n"


def reference() -> str:
    """All problem types, as docs/problems.md has them."""
    opening = (
        "# Problems\n\nEvery error is answered as `application/problem+json` (RFC 9457): `type`,"
        " `title`, `status`, `detail`, `instance`, `request_id`\n(also in the header"
        " `X-Request-Id`), and `errors` with `{pointer, detail}` where something can be pointed at."
        " `type` is a\nURI reference that this service answers with the text below.\n"
    )
    parts = [
        f"\n## {kind.title}\n\n`{kind.uri}`, status {kind.status}\n\n{kind.meaning}\n"
        for kind in TYPES
    ]
    return opening + "".join(parts)
