"""Posts one signed message within one deadline, and returns the result. Network trouble is a value,
no exception."""

import asyncio
import ssl
import time
from types import TracebackType
from typing import Any, Final, Self

import httpcore
import httpx

from healthsvc import __version__
from healthsvc.core.delivery import Answer, NoAnswer, Outcome, Outgoing, Silence
from healthsvc.webhooks.address_guard import Policy, Resolve, TargetError, check_url, target
from healthsvc.webhooks.resolver import SystemResolver
from healthsvc.webhooks.signing import headers
from healthsvc.webhooks.transport import GuardedTransport

DEADLINE_SECONDS: Final = 15.0  # name, connection, TLS, request, and the answer with its body
READ_LIMIT: Final = 64 * 1024
KEEP_LIMIT: Final = 16 * 1024
IDLE_SECONDS: Final = 120.0
WARM_CONNECTIONS: Final = 256
BROKEN: Final = (httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError)


class Sender:
    """Sends webhooks over guarded, pooled connections; make one per process, close it at the
    end."""

    def __init__(
        self,
        policy: Policy,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        warm: int = WARM_CONNECTIONS,
    ) -> None:
        self._policy = policy
        self._system = SystemResolver() if resolve is None else None
        self._resolve: Resolve = resolve or self._system or SystemResolver()
        self._deadline_seconds = deadline_seconds
        self._transport = GuardedTransport(
            policy,
            self._resolve,
            tls or httpx.create_ssl_context(trust_env=False),
            warm=warm,
            idle_seconds=IDLE_SECONDS,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.aclose()
        if self._system is not None:
            self._system.close()

    async def check_url(self, url: str) -> list[str]:
        """What is wrong with an endpoint's URL; empty: nothing."""
        return await check_url(url, self._policy, self._resolve)

    async def send(self, outgoing: Outgoing) -> Outcome:
        """POST it once. Answers within the deadline whatever the receiver does."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._post(outgoing, began)
        except Exception as error:
            return NoAnswer(reason=_reason(error), seconds=time.monotonic() - began)

    async def _post(self, outgoing: Outgoing, began: float) -> Answer:
        target(outgoing.url)
        dialled = _Dialled()
        try:
            return await self._exchange(_request(outgoing, dialled), began)
        except BROKEN:
            # The receiver may have closed a warm connection just as we used it: that isn't a
            # failure of the try yet.
            if dialled.anew:
                raise
            return await self._exchange(_request(outgoing, dialled), began)

    async def _exchange(self, request: httpx.Request, began: float) -> Answer:
        response = await self._transport.handle_async_request(request)
        try:
            body = await _read_body(response)
        finally:
            await response.aclose()
        return Answer(
            status=response.status_code,
            seconds=time.monotonic() - began,
            retry_after=response.headers.get("retry-after"),
            wish=response.headers.get("webhook-delivery"),
            text=body.decode("utf-8", "replace").replace("\0", "\ufffd"),
        )


class _Dialled:
    """httpcore's trace hook: notes whether the request had to open a connection."""

    def __init__(self) -> None:
        self.anew = False

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.anew = True


def _request(outgoing: Outgoing, trace: _Dialled) -> httpx.Request:
    signed = headers(
        outgoing.secrets, outgoing.message_id, int(outgoing.at.timestamp()), outgoing.body
    )
    fixed = {
        "content-type": "application/json",
        "user-agent": f"healthsvc/{__version__}",
        "accept": "*/*",
        "accept-encoding": "identity",
    }
    return httpx.Request(
        "POST",
        outgoing.url,
        headers=fixed | signed,
        content=outgoing.body,
        extensions={"trace": trace},
    )


async def _read_body(response: httpx.Response) -> bytes:
    """The first KEEP_LIMIT bytes of the body; past READ_LIMIT nothing is read, and the connection
    is dropped."""
    body, received = bytearray(), 0
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for chunk in response.stream:
        body += chunk[: KEEP_LIMIT - len(body)]
        received += len(chunk)
        if received >= READ_LIMIT:
            break
    return bytes(body)


def _reason(error: Exception) -> Silence:
    match error:
        case TimeoutError() | httpcore.TimeoutException():
            return Silence.TIMEOUT
        case ssl.SSLError():
            return Silence.TLS
        case httpcore.ConnectError() if _is_tls(error):
            return Silence.TLS
        case TargetError() | httpcore.ConnectError() | OSError():
            return Silence.UNREACHABLE
        case httpcore.NetworkError() | httpcore.ProtocolError():
            return Silence.PROTOCOL
        case _:
            raise error


def _is_tls(error: BaseException | None) -> bool:
    """Whether TLS's own complaint is at the root of it."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None
