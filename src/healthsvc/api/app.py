"""The application: routes, the form of errors, and the services behind them, put together in one
place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response

from healthsvc.api import probes, problem_types
from healthsvc.api.auth import Authenticator
from healthsvc.api.body_limit import BODY_SECONDS
from healthsvc.api.change_feed import ChangeFeed
from healthsvc.api.customer_views import CustomerViews
from healthsvc.api.deps import CheckUrl, Services
from healthsvc.api.hot_routes import HotRoutes
from healthsvc.api.middleware import Border
from healthsvc.api.openapi import describe
from healthsvc.api.paths import Methods
from healthsvc.api.problem_answers import problem_for
from healthsvc.api.problems import ProblemError, invalid, respond
from healthsvc.api.representations import Representations
from healthsvc.api.request_bodies import faults
from healthsvc.api.routes import (
    alert_report,
    alerts,
    changes,
    contacts,
    customer_list,
    customers,
    dead_letters,
    endpoints,
    events,
    features,
    keys,
    lab,
    lab_schedule,
    links,
    me,
    overrides,
    page_rules,
    pages,
    portfolio,
    portfolio_series,
    renewals,
    scorecards,
    sdk,
    shadows,
    sources,
    worklist,
)
from healthsvc.core.errors import Busy, Conflict, HealthsvcError, InvalidInput
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.flows.intake.append import Appender
from healthsvc.flows.portfolio.figures import FRESHENING
from healthsvc.flows.readiness.checks import Readiness
from healthsvc.flows.readiness.steps import ON_DEMAND
from healthsvc.flows.sources.catalogue import SourceCatalogue
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.listen import Listener
from healthsvc.store.database.secrets import Vault

ROUTERS: Final[Sequence[APIRouter]] = (
    events.router,
    overrides.router,
    contacts.router,
    features.router,
    customer_list.router,
    customers.router,
    portfolio.router,
    portfolio_series.router,
    renewals.router,
    alert_report.router,
    alerts.router,
    changes.router,
    shadows.router,
    worklist.router,
    scorecards.router,
    page_rules.router,
    lab.router,
    lab_schedule.router,
    endpoints.router,
    sources.router,
    links.router,
    sdk.router,
    dead_letters.router,
    keys.router,
    me.router,
    probes.router,
    pages.router,
)

EXPECTED: Final = (InvalidInput, Conflict, Busy)
"""Errors that are answered without a line in the log; any other one is logged, then answered, by
the middleware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """What the API needs to know of the configuration.

    `pepper` is what API keys are hashed with; `partitions` is the number the log has; `check_url`
    answers what is wrong with a webhook's URL; while `draining` answers True the service isn't
    ready; `readiness` is the process's, shared with the other roles in it; `home` is where a
    browser that opens the service is led.
    """

    version: str
    partitions: int
    pepper: bytes = field(repr=False)
    vault: Vault = field(repr=False)
    check_url: CheckUrl
    admin_key: str | None = field(default=None, repr=False)
    draining: Callable[[], bool] = lambda: False
    contact: ContactRules = field(default_factory=ContactRules)
    readiness: Readiness | None = None
    body_seconds: float = BODY_SECONDS
    home: str = "/docs"
    listener: Listener | None = None
    """Wakes those who wait for changes."""


def create_app(
    *, engine: AsyncEngine, appender: Appender, now: Callable[[], datetime], config: ApiConfig
) -> FastAPI:
    """The API over these services, which the caller opens and closes. It opens and closes nothing:
    whoever made them does."""
    app = FastAPI(
        title="healthsvc",
        version=config.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(Border, body_seconds=config.body_seconds),
            Middleware(HotRoutes, routers=ROUTERS),
            Middleware(Methods, routers=ROUTERS),
        ],
    )
    readiness = config.readiness or Readiness(process="api", roles=frozenset({"api"}))
    app.state.services = Services(
        engine=engine,
        appender=appender,
        now=now,
        key_pepper=config.pepper,
        vault=config.vault,
        check_url=config.check_url,
        partitions=config.partitions,
        draining=config.draining,
        contact=config.contact,
        customer_views=CustomerViews(engine, now, config.contact),
        representations=Representations(engine, now),
        changes=ChangeFeed(engine, draining=config.draining, listener=config.listener),
        readiness=readiness,
        freshening=readiness.steps.register(FRESHENING, ON_DEMAND),
        sources=SourceCatalogue(engine, config.vault),
    )
    app.state.authenticator = Authenticator(
        engine, now, pepper=config.pepper, admin_key=config.admin_key
    )
    app.state.home = config.home
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    for kind in EXPECTED:
        app.add_exception_handler(kind, _on_error)
    app.openapi = describe(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    return app


def routes() -> list[APIRoute]:
    """All routes, in the order in which they are tried."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return respond(request, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """The framework's own errors: no such route, no such method, a body that is too large or
    broken."""
    assert isinstance(error, HTTPException)
    if isinstance(error, HealthsvcError):
        return respond(request, problem_for(error))
    kind = problem_types.BY_STATUS.get(error.status_code, problem_types.BAD_REQUEST)
    detail = "There is no such path." if kind is problem_types.NOT_FOUND else str(error.detail)
    return respond(request, ProblemError(kind, detail, headers=error.headers or {}))


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return respond(request, invalid(*faults(list(error.errors()))))


async def _on_error(request: Request, error: Exception) -> Response:
    problem = problem_for(error)
    if problem.kind is problem_types.INTERNAL_ERROR:
        raise error  # to be logged
    return respond(request, problem)
