"""What the deliverer needs from outside: a sender, a wake-up call; and its limits."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from healthsvc.core.delivery import (
    Outcome,
    Outgoing,
)


class Send(Protocol):
    """Posts a message once; network trouble is an outcome, not an exception."""

    async def send(self, outgoing: Outgoing) -> Outcome: ...


class Wake(Protocol):
    """Waits for a notification on channels; False after the timeout."""

    async def wait(self, channels: set[str], timeout: float) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLimits:
    """How much is tried at a time; the lease must outlast the sender's deadline by some seconds.

    `concurrency` is for endpoints that answer fast; others have slots beside these
    (`core.delivery_slots.SIZES`).
    """

    concurrency: int = 256
    per_endpoint: int = 8
    lease: timedelta = timedelta(seconds=30)
