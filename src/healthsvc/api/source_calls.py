"""Calls of other systems at the border: their bodies, read by what they are, their senders, and
their answers."""

import asyncio
import zlib
from typing import Final

from fastapi import Request
from fastapi.security import HTTPAuthorizationCredentials

from healthsvc.api.auth import Principal, authenticated, bearer
from healthsvc.api.body_limit import BodyTooLargeError, limit_of
from healthsvc.api.content_coding import MalformedBodyError, UnknownCodingError, decoded
from healthsvc.api.deps import Services
from healthsvc.api.problem_types import (
    CONFLICT,
    MALFORMED_BODY,
    SCOPE_MISSING,
    SIGNATURE_INVALID,
)
from healthsvc.api.problems import ProblemError
from healthsvc.flows.sources.catalogue import ConfiguredSource
from healthsvc.flows.sources.receive import CallReport, ItemOutcome, receive
from healthsvc.telemetry import SOURCE_REFUSALS
from healthsvc.wire.rest.problems import FieldProblem
from healthsvc.wire.rest.sources import CallAnswer, SourceItem
from healthsvc.wire.sources.calls import key_of, of_type
from healthsvc.wire.sources.signatures import SignedCall, fault_of

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
LISTED: Final = 100


async def take_call(
    request: Request, deps: Services, configured: ConfiguredSource, kind: str | None = None
) -> CallAnswer:
    """Take in the call that the request is. kind: the type of a single message, as its path says.
    Raises ProblemError, MalformedCall."""
    raw = await request.body()
    body = await asyncio.to_thread(_plain, raw, request) if raw[:1] not in (b"{", b"[") else raw
    await _check_sender(request, deps, configured, raw, body)
    if configured.mode == "off":
        raise ProblemError(CONFLICT, f"The source {configured.source.name} is switched off.")
    body = body if kind is None else of_type(body, kind)
    report = await receive(deps.engine, configured, body, deps.now(), deps.partitions)
    return to_answer(report)


def _plain(raw: bytes, request: Request) -> bytes:
    """The body decompressed, by its first bytes: SDKs label it wrongly, or not at all."""
    limit = limit_of(request.url.path)
    coding = request.headers.get("content-encoding", "").strip().lower()
    if raw.startswith(GZIP):
        coding = "gzip"
    elif raw.startswith(ZSTD):
        coding = "zstd"
    try:
        return _inflated(raw, limit) if coding == "deflate" else decoded(raw, coding, limit)
    except (MalformedBodyError, UnknownCodingError, zlib.error) as error:
        raise ProblemError(MALFORMED_BODY, f"The body can't be read: {error}") from error


def _inflated(raw: bytes, limit: int) -> bytes:
    content = zlib.decompressobj().decompress(raw, limit + 1)
    if len(content) > limit:
        raise BodyTooLargeError(limit)
    return content


async def _check_sender(
    request: Request, deps: Services, configured: ConfiguredSource, raw: bytes, body: bytes
) -> None:
    """Raises ProblemError."""
    scheme = configured.source.authentication
    if scheme == "key":
        await check_key(request, body)
        return
    url = str(request.url)
    if configured.called_url is not None:
        query = request.url.query
        url = configured.called_url + (f"?{query}" if query else "")
    call = SignedCall(method=request.method, url=url, headers=request.headers, body=raw)
    fault = fault_of(scheme, configured.secrets, call, deps.now())
    if fault is not None:
        SOURCE_REFUSALS.labels(configured.source.name, "signature").inc()
        detail = fault.replace("{name}", configured.source.name)
        raise ProblemError(SIGNATURE_INVALID, detail)


async def check_key(request: Request, body: bytes) -> Principal:
    """Who holds the key in the header, or else in the body. Raises ProblemError 401 or 403."""
    credentials = await bearer(request)
    if "authorization" not in request.headers:
        key = key_of(body)
        if key is not None:
            credentials = HTTPAuthorizationCredentials(scheme="Bearer", credentials=key)
    principal = await authenticated(request, credentials)
    if not principal.may("events:write"):
        raise ProblemError(SCOPE_MISSING, "This needs an API key with the scope `events:write`.")
    return principal


def to_answer(report: CallReport) -> CallAnswer:
    """What the sender is answered."""
    others = [item for item in report.items if item.status != "accepted"]
    return CallAnswer(
        trial=report.is_trial,
        accepted=report.count("accepted"),
        waiting=report.count("waiting"),
        ignored=report.count("ignored"),
        rejected=report.count("rejected"),
        items=[_item(item) for item in others[:LISTED]],
    )


def _item(outcome: ItemOutcome) -> SourceItem:
    return SourceItem(
        index=outcome.index,
        status=outcome.status,
        event_ids=list(outcome.event_ids),
        detail=outcome.detail,
        errors=[FieldProblem(pointer=e.pointer, detail=e.detail) for e in outcome.errors],
    )
