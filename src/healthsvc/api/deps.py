"""What the routes work with: the services that `create_app` was given, found on the application's state."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.flows.intake.append import Appender
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.secrets import Vault

CheckUrl = Callable[[str], Awaitable[Sequence[str]]]
"""What is wrong with a URL that webhooks are to go to, in words for the person who asked; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The house behind the routes."""

    engine: AsyncEngine
    appender: Appender
    now: Callable[[], datetime]
    key_pepper: bytes
    vault: Vault
    check_url: CheckUrl
    partitions: int
    draining: Callable[[], bool]
    contact: ContactRules


def services(request: Request) -> Services:
    """The services of the application that serves this request."""
    house: Services = request.app.state.services
    return house
