"""Which problem answers an error: the one table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from healthsvc.api.body_limit import BodyTimeoutError, BodyTooLargeError
from healthsvc.api.problem_types import (
    CONFLICT,
    INTERNAL_ERROR,
    INVALID_CURSOR,
    INVALID_REQUEST,
    MALFORMED_JSON,
    NOT_FOUND,
    OVERLOADED,
    PAST_NOT_KEPT,
    REQUEST_TIMEOUT,
    TOO_LARGE,
    UNAVAILABLE,
    ProblemType,
)
from healthsvc.api.problems import ProblemError, RequestFault
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
from healthsvc.core.folding.packing import OtherFormat
from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.flows.customers.past import PastNotKept
from healthsvc.flows.intake.append import AppendFailed, Overloaded
from healthsvc.flows.sources.catalogue import UnknownSource
from healthsvc.store.database.outage import is_outage
from healthsvc.wire.cursors import CursorError
from healthsvc.wire.sources.calls import MalformedCall


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemAnswer:
    """How an error is answered; without a `detail` the error's own message is told."""

    kind: ProblemType
    detail: str | None = None
    pointer: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_OURS: Final = ProblemAnswer(
    kind=INTERNAL_ERROR, detail="The request failed inside the service; its log has the details."
)


_OUTAGE: Final = ProblemAnswer(
    kind=UNAVAILABLE, detail="The database can't be reached at the moment."
)


ANSWERS: Final[Mapping[type[HealthsvcError], ProblemAnswer]] = {
    BodyTooLargeError: ProblemAnswer(kind=TOO_LARGE, headers={"connection": "close"}),
    BodyTimeoutError: ProblemAnswer(kind=REQUEST_TIMEOUT, headers={"connection": "close"}),
    CursorError: ProblemAnswer(kind=INVALID_CURSOR, pointer="/query/cursor"),
    ScorecardError: _OURS,  # documents are looked through before they are kept
    UnknownSource: ProblemAnswer(kind=NOT_FOUND),
    MalformedCall: ProblemAnswer(kind=MALFORMED_JSON),
    InvalidInput: ProblemAnswer(kind=INVALID_REQUEST),
    PastNotKept: ProblemAnswer(kind=PAST_NOT_KEPT),
    Conflict: ProblemAnswer(kind=CONFLICT),
    Overloaded: ProblemAnswer(
        kind=OVERLOADED, detail="Too many events wait to be written; none of these was."
    ),
    AppendFailed: ProblemAnswer(
        kind=UNAVAILABLE, detail="The events could not be written. Send them again: that is safe."
    ),
    Unavailable: ProblemAnswer(kind=UNAVAILABLE),
    OtherFormat: ProblemAnswer(
        kind=UNAVAILABLE, detail="Another version wrote the states; a worker builds them anew."
    ),
    errors.InternalFault: _OURS,
    Forbidden: _OURS,
    OwnershipLost: _OURS,
}
"""Each kind of error and its answer; the nearest ancestor counts."""


def answer_to(error: type[HealthsvcError]) -> ProblemAnswer | None:
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
    faults = () if answer.pointer is None else [RequestFault(pointer=answer.pointer, detail=detail)]
    headers = dict(answer.headers)
    if isinstance(error, Busy) and error.retry_after is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    return ProblemError(answer.kind, detail, faults, headers)
