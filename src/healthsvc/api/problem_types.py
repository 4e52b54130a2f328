"""The problems that answers may end in: each with its status, its title and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final


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
        "The body could not be read as JSON in UTF-8, or is nested too deeply. Nothing was done."
        " Correct the body."
    ),
)


MALFORMED_BODY = ProblemType(
    slug="malformed-body",
    status=400,
    title="The body isn't what its Content-Encoding says",
    meaning=(
        "The body could not be decompressed. Nothing was done. Send it whole, compressed as the"
        " header `Content-Encoding` says, or without that header."
    ),
)


EVENTS_REJECTED = ProblemType(
    slug="events-rejected",
    status=422,
    title="Every event was rejected",
    meaning=(
        "None of the events was accepted; `results` says of each why not. Correct them. With"
        " `Prefer: handling=lenient` the answer is 202 all the same, with the same results."
    ),
)


KEY_REQUIRED = ProblemType(
    slug="key-required",
    status=401,
    title="An API key is required",
    meaning=(
        "The request has no API key. Send one in the header `Authorization: Bearer KEY`, or as the"
        " user of Basic authentication."
    ),
)


KEY_INVALID = ProblemType(
    slug="key-invalid",
    status=401,
    title="The API key isn't valid",
    meaning=(
        "The key is unknown, mistyped, expired or revoked; the answer doesn't say which. Ask for"
        " a new one."
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


SIGNATURE_INVALID = ProblemType(
    slug="signature-invalid",
    status=401,
    title="The call isn't genuine",
    meaning=(
        "The call of a source lacks its signature, or the signature doesn't fit the body and the"
        " secret, or it is more than 5 minutes off; `detail` says which. Nothing was done. Set the"
        " sender's secret by `PUT /v1/sources/{name}`; behind a proxy that changes the URL set"
        " `called_url`, too."
    ),
)


NOT_FOUND = ProblemType(
    slug="not-found",
    status=404,
    title="Not found",
    meaning="There is no such path, or nothing has this id.",
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
        "The request doesn't fit the present state, which `detail` describes: acknowledging a"
        " resolved alert, for example."
    ),
)


PAST_NOT_KEPT = ProblemType(
    slug="past-not-kept",
    status=409,
    title="The past isn't kept",
    meaning=(
        "A past score is exact or refused, and the archive lacks events of this customer:"
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
        "`If-Match` names another revision than the present one. Read it again, decide again, and"
        " send the new ETag."
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
        "A body to `/v1/events` may have 4 MiB and 1,000 events, one of an SDK 8 MiB, one to a"
        " source 1 MiB, a scorecard's 512 KiB, any other 256 KiB. Nothing was done."
        " Send smaller parts."
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


CURSOR_EXPIRED = ProblemType(
    slug="cursor-expired",
    status=410,
    title="The cursor is too old",
    meaning=(
        "Changes behind the cursor are no longer kept (`HEALTHSVC_CHANGES_RETENTION_DAYS`). Read"
        " the lists anew, and go on from `next_cursor` of this answer, which is the end of the feed"
        " as of now: what changes while you read them comes after it."
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
    MALFORMED_BODY,
    KEY_REQUIRED,
    KEY_INVALID,
    SCOPE_MISSING,
    SIGNATURE_INVALID,
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
    EVENTS_REJECTED,
    INVALID_CURSOR,
    CURSOR_EXPIRED,
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
