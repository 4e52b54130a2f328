"""What a request to the service may end in: its problems by kind, and no answer at all."""

from collections.abc import Mapping
from typing import Any, Final

from healthsvc.core.errors import (
    Busy,
    Conflict,
    Forbidden,
    HealthsvcError,
    InternalFault,
    InvalidInput,
    Unavailable,
)
from healthsvc.wire.rest.problems import Problem


class ApiError(HealthsvcError):
    """The service answered with an error.

    problem: its problem+json; None: the answer wasn't one, `body` has its beginning. members: all
    that the problem says. retry_after: seconds to wait, where the answer says so.
    """

    def __init__(
        self,
        status: int,
        problem: Problem | None,
        body: str = "",
        retry_after: float | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(_sentence(status, problem, body))
        self.status = status
        self.problem = problem
        self.body = body
        self.retry_after = retry_after
        self.members = members or {}


class InvalidAnswer(ApiError, InvalidInput):
    """The request isn't valid: `problem.errors` says what."""


class NotFoundAnswer(InvalidAnswer):
    """There is no such thing."""


class CursorExpiredAnswer(InvalidAnswer):
    """Changes behind the cursor are no longer kept: read the lists anew, then go on from
    `next_cursor`, the end of the feed."""

    @property
    def next_cursor(self) -> str | None:
        cursor: str | None = self.members.get("next_cursor")
        return cursor


class ForbiddenAnswer(ApiError, Forbidden):
    """The key is missing, unknown, or lacks the scope."""


class ConflictAnswer(ApiError, Conflict):
    """The present state doesn't allow it, or somebody was faster."""


class BusyAnswer(ApiError, Busy):
    """The service can't take the request now, and couldn't at any of the attempts."""


class FaultAnswer(ApiError, Unavailable):
    """The service, or a proxy in front of it, failed."""


class AnswerUnreadable(InternalFault):
    """The answer isn't what this version of the client knows: is the service of another version?"""


class ServiceUnreachable(Unavailable):
    """No answer came from the service."""


class ServiceAddressError(InvalidInput):
    """The address isn't one of a service."""


class SignatureInvalid(InvalidInput):
    """The message doesn't come from the service, was altered, or is too old."""


_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    401: ForbiddenAnswer,
    403: ForbiddenAnswer,
    404: NotFoundAnswer,
    409: ConflictAnswer,
    410: CursorExpiredAnswer,
    412: ConflictAnswer,
    429: BusyAnswer,
    503: BusyAnswer,
}


def error_class(status: int) -> type[ApiError]:
    """The kind of error that a status stands for."""
    return _BY_STATUS.get(status, FaultAnswer if status >= 500 else InvalidAnswer)


def _sentence(status: int, problem: Problem | None, body: str) -> str:
    if problem is None:
        return f"The service answered {status}: {body or 'nothing'}"
    errors = "; ".join(f"{error.pointer}: {error.detail}" for error in problem.errors)
    return f"{status} {problem.title}: {errors or problem.detail}"
