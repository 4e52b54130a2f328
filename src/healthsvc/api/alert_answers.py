"""One alert as an answer: its tag, the revision that a request expects, what refused a step."""

import re
from typing import Final, assert_never

from fastapi import Request, Response

from healthsvc.api.deps import Services
from healthsvc.api.languages import mark
from healthsvc.api.problem_types import CHANGED_MEANWHILE, CONFLICT
from healthsvc.api.problems import ProblemError, not_found
from healthsvc.core.alerts import RESOLVED, AlertStep, after
from healthsvc.core.alerts import Alert as StoredAlert
from healthsvc.core.languages import DEFAULT, Language
from healthsvc.flows.alerts import wording
from healthsvc.flows.alerts.settle import ChangedSince, Missing, Outcome, Refused, Settled
from healthsvc.wire.cursors import is_storable
from healthsvc.wire.rest.alerts import Alert, alert_answer

ETAG: Final = re.compile(r'\s*(?:W/)?"(\d{1,9})(?:-([a-z]{2}))?"\s*')
"""The revision, and the language if it isn't the default one: the answer differs, so its tag
does."""


def settled(outcome: Outcome) -> StoredAlert:
    """The alert as it is now. Raises ProblemError."""
    match outcome:
        case Settled(alert):
            return alert
        case Missing():
            raise not_found("alert")
        case ChangedSince(alert):
            raise ProblemError(
                CHANGED_MEANWHILE,
                f"The alert is at revision {alert.revision} now.",
                headers={"etag": etag(alert, DEFAULT)},
            )
        case Refused(alert, step):
            raise ProblemError(CONFLICT, _refusal(alert, step))
        case _:
            assert_never(outcome)


async def settled_answer(
    deps: Services, response: Response, alert: StoredAlert, language: Language
) -> Alert:
    response.headers["etag"] = etag(alert, language)
    mark(response, language)
    (worded,) = await wording.worded(deps.engine, [alert], language)
    return alert_answer(worded)


def etag(alert: StoredAlert, language: Language) -> str:
    return f'"{alert.revision}"' if language == DEFAULT else f'"{alert.revision}-{language}"'


def expected_revision(request: Request) -> int | None:
    """The revision in If-Match; -1, which none has, if it isn't one of ours. None: any."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    match = ETAG.fullmatch(header)
    return -1 if match is None else int(match[1])


def etags(request: Request, header: str) -> list[str]:
    """The tags of a header, weak ones like strong ones."""
    return [part.strip().removeprefix("W/") for part in request.headers.get(header, "").split(",")]


def _refusal(alert: StoredAlert, step: AlertStep) -> str:
    if alert.customer_id is None and after(alert.state, step) is not None:
        return f"An operations alert doesn't take `{step}`: its cause alone ends it."
    hint = " Reopen it first." if alert.state == RESOLVED else ""
    return f"The alert is {alert.state}; that doesn't allow `{step}`.{hint}"


def valid_id(alert_id: str) -> str:
    """Refuse an id that no alert can have. Raises ProblemError."""
    if len(alert_id) > 200 or not is_storable(alert_id):
        raise not_found("alert")
    return alert_id
