"""The API over a real database, asked without a network in between."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import pytest
from fastapi import FastAPI

from healthsvc.api import ApiConfig, create_app
from healthsvc.api.middleware import BODY_SECONDS
from healthsvc.flows.admin import keys
from healthsvc.flows.admin.keys import pepper_of
from healthsvc.flows.intake.append import Appender
from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine, create_engine
from healthsvc.store.database.secrets import Vault
from tests.support.clock import Clock
from tests.support.makers import make_actor

ADMIN_KEY = "an-admin-key-of-any-form"
SECRET = b"s" * 32
PARTITIONS = 4


@dataclass
class UrlChecker:
    """A stand-in for the address guard: refuses the hosts that it was told."""

    refused: set[str] = field(default_factory=set)

    async def __call__(self, url: str) -> Sequence[str]:
        return (
            ["The host can't be reached at a permitted address."]
            if httpx.URL(url).host in self.refused
            else []
        )


@dataclass
class Switch:
    """Whether the service is draining."""

    on: bool = False

    def __call__(self) -> bool:
        return self.on


@pytest.fixture
def url_checker() -> UrlChecker:
    return UrlChecker()


@pytest.fixture
def draining() -> Switch:
    return Switch()


def make_app(
    engine: AsyncEngine,
    appender: Appender,
    now: Callable[[], datetime],
    checker: UrlChecker,
    draining: Switch,
    *,
    body_seconds: float = BODY_SECONDS,
) -> FastAPI:
    config = ApiConfig(
        version="0.1.0",
        partitions=PARTITIONS,
        pepper=pepper_of(SECRET),
        vault=Vault(SECRET),
        check_url=checker,
        admin_key=ADMIN_KEY,
        draining=draining,
        body_seconds=body_seconds,
    )
    return create_app(engine=engine, appender=appender, now=now, config=config)


@pytest.fixture
async def app(
    engine: AsyncEngine, clock: Clock, url_checker: UrlChecker, draining: Switch
) -> AsyncIterator[FastAPI]:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, PARTITIONS)
    appender = Appender(engine, PARTITIONS)
    yield make_app(engine, appender, clock, url_checker, draining)
    await appender.close()


@pytest.fixture
async def offline_app(clock: Clock) -> AsyncIterator[FastAPI]:
    """The application while its database is away."""
    engine = create_engine("postgresql://nobody@127.0.0.1:1/nothing")
    yield make_app(engine, Appender(engine, PARTITIONS), clock, UrlChecker(), Switch())
    await engine.dispose()


def client_of(app: FastAPI, key: str | None) -> httpx.AsyncClient:
    """A client of the application that sends this key with each request."""
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the admin key."""
    async with client_of(app, ADMIN_KEY) as client:
        yield client


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without any key."""
    async with client_of(app, None) as client:
        yield client


async def make_key(engine: AsyncEngine, clock: Clock, *scopes: str, **changes: object) -> str:
    """A key with these scopes."""
    new = await keys.create(
        engine,
        clock(),
        pepper=pepper_of(SECRET),
        name="test",
        scopes=scopes,
        actor=make_actor("test"),
        **changes,  # type: ignore[arg-type]  # tests say what they mean
    )
    return new.text
