"""Answers of the service, read as their shape, or raised as an error."""

from typing import Final

import httpx
from pydantic import TypeAdapter, ValidationError

from healthsvc.client.calls import AnswerT, Call
from healthsvc.client.errors import AnswerUnreadable, ApiError, ServiceUnreachable, error_class
from healthsvc.client.retrying import Outcome, retry_after
from healthsvc.wire.rest.problems import Problem

SHOWN_CHARACTERS: Final = 300


def answer_of(call: Call[AnswerT], outcome: Outcome) -> AnswerT:
    """The answer. Raises ApiError, ServiceUnreachable and AnswerUnreadable."""
    if not isinstance(outcome, httpx.Response):
        address = outcome.request.url.copy_with(query=None)
        why = str(outcome) or type(outcome).__name__
        raise ServiceUnreachable(f"No answer from {address}: {why}") from outcome
    if not outcome.is_success:
        raise _error(outcome)
    return _read(call, outcome)


def _read(call: Call[AnswerT], response: httpx.Response) -> AnswerT:
    adapter: TypeAdapter[AnswerT] = TypeAdapter(call.answer)
    try:
        return adapter.validate_json(response.content or b"null")
    except ValidationError as error:
        count = error.error_count()
        raise AnswerUnreadable(
            f"{call.method} {call.path}: the answer doesn't have the shape of"
            f" {call.answer.__name__} ({count} faults). Is the service of another version?"
        ) from error


def _error(response: httpx.Response) -> ApiError:
    status, body = response.status_code, response.text[:SHOWN_CHARACTERS]
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return error_class(status)(status, None, body, retry_after(response))
    return error_class(status)(status, problem, body, retry_after(response), response.json())
