"""Connections to receivers: a pool for each origin, so that none waits for, or pays for, another's
connections."""

import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import httpcore
import httpx

from healthsvc.webhooks.address_guard import GuardedBackend, Policy, Resolve, Scheme

Origin: TypeAlias = tuple[str, str, int | None]  # scheme, host, port

SCHEMES: Final[dict[str, Scheme]] = {"https": "https", "http": "http"}


@dataclass(slots=True)
class _Pool:
    connections: httpcore.AsyncConnectionPool
    used_at: float
    requests: int = 0  # that aren't closed yet


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx's transport over guarded pools, one per origin; keeps up to `warm` idle connections in
    all.

    It is used without httpx's client, so there are no redirects, no cookies, no proxies or
    credentials from the environment, and no log lines with receivers' URLs. Raises httpcore's
    errors.
    """

    def __init__(
        self,
        policy: Policy,
        resolve: Resolve,
        tls: ssl.SSLContext,
        *,
        warm: int,
        idle_seconds: float,
    ) -> None:
        self._policy, self._resolve, self._tls = policy, resolve, tls
        self._warm, self._idle_seconds = warm, idle_seconds
        self._pools: dict[Origin, _Pool] = {}  # the least recently used first

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pool = await self._pool(request.url)
        pool.requests += 1
        try:
            answer = await pool.connections.handle_async_request(_converted(request))
        except BaseException:
            pool.requests -= 1
            raise
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer, pool),
            extensions=answer.extensions,
            request=request,
        )

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.connections.aclose()

    async def _pool(self, url: httpx.URL) -> _Pool:
        origin = (url.scheme, url.host, url.port)
        pool = self._pools.pop(origin, None)
        is_new = pool is None
        pool = pool or self._new_pool(SCHEMES[url.scheme])
        pool.used_at = now = time.monotonic()
        self._pools[origin] = pool
        oldest = next(iter(self._pools.values()))
        if is_new or oldest.used_at <= now - self._idle_seconds:
            await self._trim(now)
        return pool

    async def _trim(self, now: float) -> None:
        """Close the least recently used pools without requests that expired, or beyond `warm`
        connections."""
        total = sum(len(pool.connections.connections) for pool in self._pools.values())
        *older, _ = self._pools.items()
        for origin, pool in older:
            expired = pool.used_at <= now - self._idle_seconds
            if not expired and total <= self._warm:
                break
            if not pool.requests:
                total -= len(pool.connections.connections)
                del self._pools[origin]
                await pool.connections.aclose()

    def _new_pool(self, scheme: Scheme) -> _Pool:
        """Make a pool without a limit of its own: the deliverer limits an endpoint's tries."""
        connections = httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=None,
            max_keepalive_connections=self._warm,
            keepalive_expiry=self._idle_seconds,
            network_backend=GuardedBackend(scheme, self._policy, self._resolve),
        )
        return _Pool(connections, time.monotonic())


def _converted(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.content,
        extensions=request.extensions,
    )


class _Body(httpx.AsyncByteStream):
    """The bytes as they arrive, undecoded: a small compressed answer can't unfold into a large
    one."""

    def __init__(self, answer: httpcore.Response, pool: _Pool) -> None:
        self._answer, self._pool = answer, pool
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._answer.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._pool.requests -= 1
        await self._answer.aclose()
