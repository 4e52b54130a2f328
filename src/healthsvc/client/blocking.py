"""The client that waits for each answer."""

import random
import time
from collections.abc import Callable, Iterator
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


class Client:
    """The service over HTTP; a context manager that closes its connections.

    Methods raise the errors of `healthsvc.client.errors`. language: of the texts in answers, such
    as `pt-BR`. actor: the person on whose behalf the key acts.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        language: str | None = None,
        actor: str | None = None,
        retries: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        access = ServiceAccess(url=url, key=key, language=language, actor=actor)
        self._http = httpx.Client(**access.options, transport=transport)
        self._retries = retries or RetryPolicy()
        self.customers = PagedList(self, operations.CUSTOMERS)
        self.alerts = PagedList(self, operations.ALERTS)
        self.worklist = PagedList(self, operations.WORKLIST)
        self.unused_features = PagedList(self, operations.UNUSED_FEATURES)
        self.endpoints = PagedList(self, operations.ENDPOINTS)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call[AnswerT]) -> AnswerT:
        """The answer to a call, after as many attempts as it takes."""
        attempt = 1
        while True:
            outcome = self._attempt(call)
            pause = self._retries.pause(call, outcome, attempt, random.random())
            if pause is None:
                return answer_of(call, outcome)
            time.sleep(pause)
            attempt += 1

    def follow(self, cursor: str | None = None, **filters: QueryValue) -> Iterator[Changes]:
        """The changes behind a cursor and all that follow, page by page, without end.

        Keep each page's `next_cursor` once its items are dealt with, and begin there the next time:
        nothing is missed. filters: as for `changes`. Raises CursorExpiredAnswer where changes
        behind the cursor are no longer kept.
        """
        while True:
            page = self.send(operations.changes(cursor, operations.FOLLOW_SECONDS, **filters))
            if page.items:
                yield page
            cursor = page.next_cursor

    def _attempt(self, call: Call[Any]) -> Outcome:
        try:
            return self._http.request(**arguments(call))
        except httpx.TransportError as error:
            return error

    def _method(self, make: Callable[P, Call[AnswerT]]) -> Callable[P, AnswerT]:
        """An operation as a method."""

        @wraps(make)
        def method(*args: P.args, **kwargs: P.kwargs) -> AnswerT:
            return self.send(make(*args, **kwargs))

        return method


class PagedList(Generic[PageT, ItemT]):
    """A list. Called with a filter (the parameters of the REST operation) it iterates over all
    items, page by page; `page` answers one page."""

    def __init__(self, client: Client, listed: ListCall[PageT, ItemT]) -> None:
        self._client = client
        self._listed = listed

    def __call__(self, **query: QueryValue) -> Iterator[ItemT]:
        call: Call[PageT] | None = self._listed.call(query)
        while call is not None:
            page = self._client.send(call)
            yield from self._listed.items(page)
            call = self._listed.next_call(call, page)

    def page(self, **query: QueryValue) -> PageT:
        return self._client.send(self._listed.call(query))
