"""How fast we were when a customer asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from healthsvc.core.instants import DAY_US, to_us
from healthsvc.store.customers import response_times
from healthsvc.store.customers.response_times import Response
from healthsvc.store.database.engine import AsyncConnection

DAYS: Final = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTimes:
    """Tickets opened within the last days, and the mean hours to an answer and to a solution."""

    days: int
    tickets: int
    answered: int
    hours_to_first_answer: float | None
    resolved: int
    hours_to_resolution: float | None


async def measure(
    conn: AsyncConnection, customer_keys: Sequence[int], at: datetime
) -> dict[int, ResponseTimes]:
    """Measure each customer's tickets as far as the ledger has got: it follows the archive, seconds
    behind."""
    since_us, until_us = to_us(at) - DAYS * DAY_US, to_us(at)
    responses = await response_times.responses(conn, customer_keys, since_us, until_us)
    return {key: _summary(responses.get(key, response_times.NO_TICKETS)) for key in customer_keys}


def _summary(response: Response) -> ResponseTimes:
    return ResponseTimes(
        days=DAYS,
        tickets=response.tickets,
        answered=response.answered,
        hours_to_first_answer=response.hours_to_first_answer,
        resolved=response.resolved,
        hours_to_resolution=response.hours_to_resolution,
    )
