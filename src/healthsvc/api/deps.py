"""What the routes work with: the services that `create_app` was given, found on the application's
state."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from fastapi import Request

from healthsvc.api.change_feed import ChangeFeed
from healthsvc.api.customer_views import CustomerViews
from healthsvc.api.representations import Representations
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.flows.intake.append import Appender
from healthsvc.flows.readiness.checks import Readiness
from healthsvc.flows.readiness.steps import Step
from healthsvc.flows.sources.catalogue import SourceCatalogue
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.secrets import Vault

T = TypeVar("T")
CheckUrl = Callable[[str], Awaitable[Sequence[str]]]
"""What is wrong with a URL that webhooks are to go to, in words for the person who asked; empty:
nothing."""


def _one_thread() -> Executor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="api-computing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The deps behind the routes."""

    engine: AsyncEngine
    appender: Appender
    now: Callable[[], datetime]
    key_pepper: bytes
    vault: Vault
    check_url: CheckUrl
    partitions: int
    draining: Callable[[], bool]
    contact: ContactRules
    customer_views: CustomerViews
    representations: Representations
    changes: ChangeFeed
    readiness: Readiness
    freshening: Step
    """What taking the newest events into the ledger, before a portfolio is read, reports to."""
    sources: SourceCatalogue
    computing: Executor = field(default_factory=_one_thread)

    async def aside(self, compute: Callable[..., T], *arguments: Any) -> T:
        """The result of a computation that would hold up the event loop; one at a time, in a
        thread."""
        return await asyncio.get_running_loop().run_in_executor(self.computing, compute, *arguments)


def services(request: Request) -> Services:
    """The services of the application that serves this request."""
    deps: Services = request.app.state.services
    return deps
