"""The pages over a real database, looked at without a network in between."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI

from healthsvc import pages
from healthsvc.flows.admin import keys
from healthsvc.flows.admin.keys import pepper_of
from healthsvc.flows.intake.append import Appender
from healthsvc.flows.projections import bootstrap
from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import PARTITIONS, SECRET, Switch, UrlChecker, client_of, make_app
from tests.support.clock import Clock
from tests.support.makers import make_actor

NewClient = Callable[[], httpx.AsyncClient]


@pytest.fixture
async def site(engine: AsyncEngine, clock: Clock) -> AsyncIterator[FastAPI]:
    async with engine.begin() as conn:
        await bootstrap.ensure(conn, PARTITIONS)
    appender = Appender(engine, PARTITIONS)
    app = make_app(engine, appender, clock, UrlChecker(), Switch())
    pages.install(app)
    yield app
    await appender.close()


@pytest.fixture
async def browser(site: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a session, which keeps cookies."""
    async with client_of(site, None) as client:
        yield client


async def new_key(engine: AsyncEngine, clock: Clock, *scopes: str) -> str:
    """An API key with these scopes."""
    made = await keys.create(
        engine,
        clock(),
        pepper=pepper_of(SECRET),
        name="Kim",
        scopes=scopes,
        actor=make_actor("test"),
    )
    return made.text
