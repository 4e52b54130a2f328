"""The client for asyncio: the same operations, awaited."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any, Generic, ParamSpec, Self

import httpx

from healthsvc.client import operations
from healthsvc.client.access import ServiceAccess, arguments
from healthsvc.client.answers import answer_of
from healthsvc.client.calls import AnswerT, Call, ItemT, ListCall, PageT, QueryValue
from healthsvc.client.retrying import Outcome, RetryPolicy
from healthsvc.wire.rest.changes import Changes

P = ParamSpec("P")


class AsyncClient:
    """The service over HTTP; an async context manager that closes its connections.

    Arguments and errors are those of `Client`.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        language: str | None = None,
        actor: str | None = None,
        retries: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        access = ServiceAccess(url=url, key=key, language=language, actor=actor)
        self._http = httpx.AsyncClient(**access.options, transport=transport)
        self._retries = retries or RetryPolicy()
        self.customers = AsyncPagedList(self, operations.CUSTOMERS)
        self.alerts = AsyncPagedList(self, operations.ALERTS)
        self.worklist = AsyncPagedList(self, operations.WORKLIST)
        self.unused_features = AsyncPagedList(self, operations.UNUSED_FEATURES)
        self.endpoints = AsyncPagedList(self, operations.ENDPOINTS)
        self.me = self._method(operations.me)
        self.customer = self._method(operations.customer)
        self.explanation = self._method(operations.explanation)
        self.difference = self._method(operations.difference)
        self.features = self._method(operations.features)
        self.portfolio = self._method(operations.portfolio)
        self.portfolio_series = self._method(operations.portfolio_series)
        self.alert = self._method(operations.alert)
        self.acknowledge_alert = self._method(operations.acknowledge_alert)
        self.resolve_alert = self._method(operations.resolve_alert)
        self.changes = self._method(operations.changes)
        self.send_events = self._method(operations.send_events)
        self.endpoint = self._method(operations.endpoint)
        self.create_endpoint = self._method(operations.create_endpoint)
        self.delete_endpoint = self._method(operations.delete_endpoint)
        self.enable_endpoint = self._method(operations.enable_endpoint)
        self.rotate_secret = self._method(operations.rotate_secret)
        self.send_test = self._method(operations.send_test)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, call: Call[AnswerT]) -> AnswerT:
        """The answer to a call, after as many attempts as it takes."""
        attempt = 1
        while True:
            outcome = await self._attempt(call)
            pause = self._retries.pause(call, outcome, attempt, random.random())
            if pause is None:
                return answer_of(call, outcome)
            await asyncio.sleep(pause)
            attempt += 1

    async def follow(
        self, cursor: str | None = None, **filters: QueryValue
    ) -> AsyncIterator[Changes]:
        """The changes behind a cursor and all that follow, page by page, without end; see
        `Client.follow`."""
        while True:
            page = await self.send(operations.changes(cursor, operations.FOLLOW_SECONDS, **filters))
            if page.items:
                yield page
            cursor = page.next_cursor

    async def _attempt(self, call: Call[Any]) -> Outcome:
        try:
            return await self._http.request(**arguments(call))
        except httpx.TransportError as error:
            return error

    def _method(self, make: Callable[P, Call[AnswerT]]) -> Callable[P, Awaitable[AnswerT]]:
        """An operation as a method."""

        @wraps(make)
        async def method(*args: P.args, **kwargs: P.kwargs) -> AnswerT:
            return await self.send(make(*args, **kwargs))

        return method


class AsyncPagedList(Generic[PageT, ItemT]):
    """A list, as `PagedList` is, awaited."""

    def __init__(self, client: AsyncClient, listed: ListCall[PageT, ItemT]) -> None:
        self._client = client
        self._listed = listed

    async def __call__(self, **query: QueryValue) -> AsyncIterator[ItemT]:
        call: Call[PageT] | None = self._listed.call(query)
        while call is not None:
            page = await self._client.send(call)
            for item in self._listed.items(page):
                yield item
            call = self._listed.next_call(call, page)

    async def page(self, **query: QueryValue) -> PageT:
        return await self._client.send(self._listed.call(query))
