"""Dead letters: what couldn't be read as an event, and its second chance."""

import base64
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request

from healthsvc.api.auth import Principal, require
from healthsvc.api.deps import services
from healthsvc.api.problem_types import (
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
)
from healthsvc.api.problems import RequestFault, invalid, not_found
from healthsvc.api.request_bodies import body_of, documented
from healthsvc.api.responses import answers
from healthsvc.flows import lists
from healthsvc.flows.intake import dead_letters
from healthsvc.flows.intake.dead_letters import DeadLetterReplay, DeadLetterSelection
from healthsvc.store.intake.dead_letters import DeadLetter as StoredLetter
from healthsvc.store.intake.dead_letters import DeadLetterQuery
from healthsvc.wire.rest.dead_letters import (
    DeadLetter,
    DeadLetterFilter,
    DeadLetters,
    ReplayMany,
    ReplayOne,
    ReplayResult,
    ReplayResults,
)
from healthsvc.wire.rest.problems import FieldProblem
from healthsvc.wire.rest.shapes import Whole

router = APIRouter(tags=["dead letters"], prefix="/v1/dead-letters")
Admin = Annotated[Principal, require("admin")]
LetterId = Annotated[Whole, Path(ge=1, lt=2**63, description="The dead letter's id.", examples=[5])]
BODY_PROBLEMS = (MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST)


@router.get(
    "",
    operation_id="list_dead_letters",
    summary="List dead letters",
    responses=answers(DeadLetters, INVALID_REQUEST, INVALID_CURSOR),
)
async def list_dead_letters(
    request: Request, _: Admin, query: Annotated[DeadLetterFilter, Query()]
) -> DeadLetters:
    """Records from Kafka or the table that weren't events, newest first, with their bytes and what
    is wrong with them.

    Scope: `admin`, since the bytes may be of any customer.
    """
    which = DeadLetterQuery(reason=query.reason, replayed=query.replayed)
    page = await lists.letters(services(request).engine, query, which)
    return DeadLetters(
        items=[_response(letter) for letter in page.items],
        next_cursor=page.next_cursor,
        prev_cursor=page.prev_cursor,
    )


@router.post(
    "/replay",
    operation_id="replay_dead_letters",
    summary="Replay dead letters",
    responses=answers(ReplayResults, *BODY_PROBLEMS),
    openapi_extra=documented(ReplayMany),
)
async def replay_dead_letters(
    request: Request, principal: Admin, body: Annotated[ReplayMany, body_of(ReplayMany)]
) -> ReplayResults:
    """Decodes up to 500 dead letters again, for example after a schema was widened; those that are
    events now enter the log and count once. The others stay, with what is wrong now. Scope:
    `admin`.
    """
    if body.ids is None and body.reason is None:
        raise invalid(
            RequestFault(pointer="/reason", detail="say which: by reason, by ids, or both")
        )
    deps = services(request)
    selection = DeadLetterSelection(ids=body.ids, reason=body.reason, after=body.after)
    replay = await dead_letters.replay_many(
        deps.engine, deps.now(), selection, partitions=deps.partitions, actor=principal.actor
    )
    return _results(replay)


@router.get(
    "/{letter_id}",
    operation_id="get_dead_letter",
    summary="Get a dead letter",
    responses=answers(DeadLetter, NOT_FOUND, INVALID_REQUEST),
)
async def get_dead_letter(request: Request, _: Admin, letter_id: LetterId) -> DeadLetter:
    """One dead letter. Scope: `admin`."""
    letter = await dead_letters.find(services(request).engine, letter_id)
    if letter is None:
        raise not_found("dead letter")
    return _response(letter)


@router.post(
    "/{letter_id}/replay",
    operation_id="replay_dead_letter",
    summary="Replay a dead letter",
    responses=answers(ReplayResults, NOT_FOUND, *BODY_PROBLEMS),
    openapi_extra=documented(ReplayOne, optional=True),
)
async def replay_dead_letter(
    request: Request,
    principal: Admin,
    letter_id: LetterId,
    body: Annotated[ReplayOne, body_of(ReplayOne, optional=True)],
) -> ReplayResults:
    """Decodes it again, or the corrected `event` of the body in its place; if that is an event, it
    enters the log.

    Scope: `admin`.
    """
    deps = services(request)
    corrected = None if body.event is None else msgspec.json.encode(body.event)
    replay = await dead_letters.replay_one(
        deps.engine,
        deps.now(),
        letter_id,
        corrected,
        partitions=deps.partitions,
        actor=principal.actor,
    )
    if replay.results[0].status == "not_found":
        raise not_found("dead letter")
    return _results(replay)


def _response(letter: StoredLetter) -> DeadLetter:
    raw, encoding = _readable(letter.raw)
    return DeadLetter(
        id=letter.id,
        origin=letter.origin,
        topic=letter.topic,
        partition=letter.partition,
        position=letter.position,
        raw=raw,
        raw_encoding=encoding,
        raw_bytes=letter.raw_bytes,
        headers=letter.headers,
        reason=letter.reason,
        errors=[
            FieldProblem(pointer=error["pointer"], detail=error["detail"])
            for error in letter.errors
        ],
        created_at=letter.created_at,
        replayed_at=letter.replayed_at,
    )


def _readable(raw: bytes | None) -> tuple[str | None, Literal["utf-8", "base64"]]:
    """The bytes as text where they are text."""
    if raw is None:
        return None, "utf-8"
    try:
        return raw.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode(), "base64"


def _results(replay: DeadLetterReplay) -> ReplayResults:
    return ReplayResults(
        results=[
            ReplayResult(
                id=result.id,
                status=result.status,
                event_id=result.event_id,
                errors=[
                    FieldProblem(pointer=error.pointer, detail=error.detail)
                    for error in result.errors
                ],
            )
            for result in replay.results
        ],
        position=",".join(str(position) for position in replay.positions) or None,
        next_after=replay.next_after,
    )
