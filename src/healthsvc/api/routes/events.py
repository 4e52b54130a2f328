"""`POST /v1/events`: one event or up to 1,000, own envelopes or CloudEvents; 202 once they are
durable."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import Services, services
from healthsvc.api.problem_types import (
    EVENTS_REJECTED,
    INVALID_REQUEST,
    MALFORMED_BODY,
    MALFORMED_JSON,
    OVERLOADED,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import ProblemError, RequestFault, invalid, respond
from healthsvc.api.request_bodies import content, in_steps, media_type
from healthsvc.api.responses import answers
from healthsvc.core.instants import to_us
from healthsvc.flows.intake.append import Position
from healthsvc.wire.events import cloudevents
from healthsvc.wire.events.decode import DecodedBatch, FieldError, Reject, decode_batch
from healthsvc.wire.events.json_items import Steps, TooManyItemsError
from healthsvc.wire.rest.events import EventResults

MAX_EVENTS: Final = 1000
SLICE_EVENTS: Final = 256
SLICE_BYTES: Final = 128 * 1024
DEFAULT_WAIT_SECONDS: Final = 10.0
MAX_WAIT_SECONDS: Final = 30.0
MEDIA_TYPES: Final = ("application/json", cloudevents.STRUCTURED, cloudevents.BATCH)
WAIT: Final = re.compile(r"(?:^|,)\s*wait\s*(?:=\s*\"?(\d{1,4})\"?)?\s*(?=$|[,;])", re.IGNORECASE)

LENIENT: Final = re.compile(r"(?:^|,)\s*handling\s*=\s*\"?lenient\"?\s*(?=$|[,;])", re.IGNORECASE)
REJECTED_COUNT: Final = "rejected-count"

router = APIRouter(tags=["events"])


class Result(msgspec.Struct, frozen=True):
    """What became of one item."""

    index: int
    id: str | None
    status: str
    errors: list[FieldError] = []


class Results(msgspec.Struct, frozen=True):
    """The whole answer."""

    results: list[Result]
    position: str | None


_EVENT = {
    "id": "e-1",
    "source": "site",
    "type": "page.viewed",
    "customer_id": "acme",
    "occurred_at": "2026-11-20T09:29:57Z",
    "data": {"url": "https://example.com/account/cancel"},
}
_CLOUDEVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "site",
    "type": "page.viewed",
    "subject": "acme",
    "time": "2026-11-20T09:29:57Z",
    "data": {"url": "https://example.com/account/cancel"},
}
_OBJECT: dict[str, Any] = {
    "type": "object",
    "description": "An event; `schemas/` has the JSON Schema of each type.",
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        _OBJECT,
                        {"type": "array", "items": {}, "minItems": 1, "maxItems": MAX_EVENTS},
                    ]
                },
                "examples": {
                    "one": {"value": _EVENT},
                    "several": {"value": [_EVENT, _EVENT | {"id": "e-2"}]},
                },
            },
            cloudevents.STRUCTURED: {"schema": _OBJECT, "example": _CLOUDEVENT},
            cloudevents.BATCH: {
                "schema": {"type": "array", "items": {}, "minItems": 1, "maxItems": MAX_EVENTS},
                "example": [_CLOUDEVENT],
            },
        },
    },
    "parameters": [
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "description": (
                "`wait` or `wait=SECONDS` (at most 30): answer once the events are counted."
                " `handling=lenient`: 202 even where every event is rejected."
            ),
            "schema": {"type": "string"},
            "example": "wait=5",
        }
    ],
}


@router.post(
    "/v1/events",
    operation_id="append_events",
    summary="Send events",
    status_code=202,
    response_class=Response,
    responses=answers(
        EventResults,
        MALFORMED_BODY,
        MALFORMED_JSON,
        TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID_REQUEST,
        EVENTS_REJECTED,
        OVERLOADED,
        status=202,
    ),
    openapi_extra=_BODY,
)
async def append_events(
    request: Request, _: Annotated[Principal, require("events:write")]
) -> Response:
    """Answers 202 when the accepted events are durable, with a result for each: `accepted`,
    `duplicate` (it is in the request twice), or `rejected` with its faults. One bad event doesn't
    spoil the others.

    Where every event is rejected the answer is 422, with the same results; `Prefer:
    handling=lenient` keeps 202. Where some are, `Rejected-Count` says how many. The body may be
    compressed: gzip, br or zstd.

    Sending the same event (customer, source, id) again is safe: it is accepted and counted once.

    CloudEvents come structured, in batches, or in binary mode (`ce-` headers). Scope:
    `events:write`.
    """
    deps = services(request)
    items = await _items(request)
    if isinstance(items, Reject):
        return _answer(request, Results([_rejected(items)], None), {})
    results, fresh = await in_steps(judge_all(items, to_us(deps.now())))
    positions = await append(deps, fresh)
    header = ",".join(str(position) for position in positions) or None
    return _answer(request, Results(results, header), await _preference(request, deps, positions))


async def _items(request: Request) -> list[bytes] | Reject:
    """The body's events, each as bytes; a Reject if it is one that can't be read as an event.
    Raises ProblemError."""
    body = await content(request)
    headers = [(name, value.encode("latin-1")) for name, value in request.headers.items()]
    is_binary = cloudevents.is_binary(headers, "ce-")
    if not is_binary and media_type(request) not in MEDIA_TYPES:
        raise ProblemError(
            UNSUPPORTED_MEDIA_TYPE, f"Send events as one of {', '.join(MEDIA_TYPES)}."
        )
    try:
        items = await in_steps(cloudevents.http_items(headers, body, MAX_EVENTS))
    except TooManyItemsError as error:
        raise ProblemError(TOO_LARGE, str(error)) from error
    except ValueError as error:
        raise ProblemError(MALFORMED_JSON, str(error)) from error
    if not is_binary:
        _check_shape(body, array_only=media_type(request) == cloudevents.BATCH)
    if isinstance(items, list) and not 1 <= len(items) <= MAX_EVENTS:
        raise _wrong_count(len(items))
    return items


def _check_shape(body: bytes, *, array_only: bool) -> None:
    """The JSON is an object or an array. Raises ProblemError."""
    first = body.lstrip()[:1]
    if first != b"[" and (array_only or first != b"{"):
        raise invalid(
            RequestFault(
                pointer="",
                detail=f"must be {'' if array_only else 'an event or '}an array of events",
            )
        )


def _wrong_count(count: int) -> ProblemError:
    if count == 0:
        return invalid(RequestFault(pointer="", detail="must hold at least one event"))
    return ProblemError(TOO_LARGE, f"The body has {count} events; {MAX_EVENTS} at most.")


def judge_all(
    items: Sequence[bytes], now_us: int
) -> Steps[tuple[list[Result], list[tuple[str, str]]]]:
    """A result for each item, in order, and the customer and text of those that are to be appended;
    in slices."""
    results: list[Result] = []
    fresh: list[tuple[str, str]] = []
    digests: set[bytes] = set()
    for start, end in _slices(items):
        if start:
            yield
        part = items[start:end] if end - start < len(items) else items
        batch = decode_batch(part, now_us=now_us, is_intake=True)
        part_results, part_fresh = _judge(part, batch, digests, start)
        results += part_results
        fresh += [(batch.events[i].customer_id, batch.raws[i].decode()) for i in part_fresh]
    return results, fresh


def _slices(items: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Where to cut the items so that no slice takes long to decode, even one in which everything is
    wrong."""
    start, size = 0, 0
    for i, item in enumerate(items):
        if i > start and (i - start >= SLICE_EVENTS or size + len(item) > SLICE_BYTES):
            yield start, i
            start, size = i, 0
        size += len(item)
    yield start, len(items)


def _judge(
    items: Sequence[bytes], batch: DecodedBatch, digests: set[bytes], offset: int
) -> tuple[list[Result], list[int]]:
    """A result for each item, in order, and which of the batch's events are to be appended."""
    results: dict[int, Result] = {}
    fresh: list[int] = []
    for i, (index, event) in enumerate(zip(batch.index, batch.events, strict=True)):
        digest = batch.digests[i].tobytes()
        status = "duplicate" if digest in digests else "accepted"
        if status == "accepted":
            digests.add(digest)
            fresh.append(i)
        results[index] = Result(offset + index, event.id, status)
    for reject in batch.rejects:
        results[reject.index] = _rejected(reject.at(offset + reject.index), items[reject.index])
    return [results[index] for index in sorted(results)], fresh


def _rejected(reject: Reject, item: bytes = b"") -> Result:
    wording = cloudevents.translated(reject) if b'"specversion"' in item or not item else reject
    return Result(reject.index, _id_of(item), "rejected", wording.errors)


class _Identified(msgspec.Struct):
    """An item's id; whatever else is in the item is passed over."""

    id: str | None = None


_decode_id = msgspec.json.Decoder(_Identified).decode


def _id_of(item: bytes) -> str | None:
    """The id of an item that isn't an event, so that its sender finds it again."""
    try:
        return _decode_id(item).id
    except (ValueError, RecursionError):
        return None


async def append(deps: Services, entries: Sequence[tuple[str, str]]) -> list[Position]:
    """The last position of the entries in each partition, once they are durable. Raises Overloaded,
    AppendFailed."""
    positions = await deps.appender.append(entries)
    last: dict[int, Position] = {}
    for position in positions:
        last[position.partition] = max(position, last.get(position.partition, position))
    return [last[partition] for partition in sorted(last)]


async def _preference(
    request: Request, deps: Services, positions: Sequence[Position]
) -> dict[str, str]:
    """Wait until the events count, if that is preferred; the header says so if they do."""
    preference = WAIT.search(",".join(request.headers.getlist("prefer")))
    if preference is None:
        return {}
    seconds = min(float(preference[1]), MAX_WAIT_SECONDS) if preference[1] else DEFAULT_WAIT_SECONDS
    if not await deps.appender.wait_for(positions, seconds):
        return {}
    return {"preference-applied": f"wait={preference[1]}" if preference[1] else "wait"}


def _answer(request: Request, results: Results, headers: dict[str, str]) -> Response:
    """202 with what became of each event; 422 where all are rejected and the sender isn't
    lenient."""
    rejected = sum(result.status == "rejected" for result in results.results)
    if rejected:
        headers = headers | {REJECTED_COUNT: str(rejected)}
    if rejected == len(results.results):
        preferences = ",".join(request.headers.getlist("prefer"))
        if LENIENT.search(preferences) is None:
            count = "The event was" if rejected == 1 else f"All {rejected} events were"
            error = ProblemError(
                EVENTS_REJECTED, f"{count} rejected: see results.", headers=headers
            )
            return respond(request, error, results=results.results, position=None)
        headers = headers | {"preference-applied": "handling=lenient"}
    return Response(
        msgspec.json.encode(results), 202, headers=headers, media_type="application/json"
    )
