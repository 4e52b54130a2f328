"""Client connections to the API, each bounded in time, in size and, per address, in number.

uvicorn's protocol has no limit for a request's head, for a response that nobody reads, or for
connections of one address. This one notes what each connection waits for and since when;
`Connections.sweep` closes the overdue ones, so that a request on the normal path costs no timer.
Bodies have their deadline in the API's outermost middleware, which can answer 408 with a request
id.
"""

import asyncio
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from healthsvc.api import problem_types, problems
from healthsvc.api.problems import ProblemError

MAX_TARGET_BYTES: Final = 16 * 1024
MAX_HEAD_BYTES: Final = 64 * 1024
MAX_PIPELINED: Final = 32
MAX_LINGER_BYTES: Final = 16 * 1024 * 1024
LINGER_SECONDS: Final = 2.0
SWEEP_SECONDS: Final = 0.5
RESERVED_DESCRIPTORS: Final = 1_000  # for files, the database, the broker, webhooks

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How long a client may take, and how many connections it may hold.

    `per_address` doesn't apply to the networks in `proxies`, from which many clients come at one
    address.
    """

    head_seconds: float = 10.0
    response_seconds: float = 60.0
    per_address: int = 500
    total: int = 10_000
    proxies: Networks = ()


class Connections:
    """All open connections, by address, in the order in which they came."""

    def __init__(
        self, limits: ConnectionLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits, self.clock = limits, clock
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.total = min(limits.total, max(descriptors // 2, descriptors - RESERVED_DESCRIPTORS))
        self._all: dict[Connection, None] = {}
        self._by_address: dict[str, dict[Connection, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def admit(self, connection: "Connection", address: str) -> bool:
        """Count a new connection; where its address has too many, or all have, one that idles makes
        room for it.

        False: every other one is busy with a request, so the new one is to be refused.
        """
        mine = self._by_address.setdefault(address, {})
        crowded = len(mine) >= self.limits.per_address and not self._is_proxy(address)
        room = (not crowded or _close_idle(mine)) and (
            len(self._all) < self.total or _close_idle(self._all)
        )
        if room:
            self._all[connection] = mine[connection] = None
        elif not mine:
            del self._by_address[address]
        return room

    def leave(self, connection: "Connection", address: str) -> None:
        """Forget a connection, whether or not it was admitted."""
        self._all.pop(connection, None)
        mine = self._by_address.get(address)
        if mine is not None:
            mine.pop(connection, None)
            if not mine:
                del self._by_address[address]

    def sweep(self) -> None:
        """Close the connections whose time is up."""
        now = self.clock()
        for connection in list(self._all):
            connection.check(now)

    async def sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()

    def protocol(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], **_: Any
    ) -> "Connection":
        """Make a connection's protocol: what uvicorn calls for each."""
        return Connection(self, config, server_state, app_state)

    def _is_proxy(self, address: str) -> bool:
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return True  # a Unix socket has no address, and a proxy behind it
        mapped = getattr(ip, "ipv4_mapped", None) or ip
        return any(mapped in network for network in self.limits.proxies)


def _close_idle(connections: Iterable["Connection"]) -> bool:
    """Close the oldest connection that no request is answered on; False if there is none."""
    oldest = next((each for each in connections if each.idle), None)
    if oldest is None:
        return False
    oldest.drop()
    return True


class _Transport:
    """The socket's transport; closing it amid a request first lets the client read the answer.

    A socket that is closed with unread bytes resets the connection, and the answer is lost with it.
    """

    __slots__ = ("_amid_request", "_linger", "lingering", "real", "write")

    def __init__(
        self, real: asyncio.Transport, amid_request: Callable[[], bool], linger: Callable[[], None]
    ) -> None:
        self.real, self.write, self.lingering = real, real.write, False
        self._amid_request, self._linger = amid_request, linger

    def close(self) -> None:
        if self.is_closing():
            return
        if self._amid_request():
            self.lingering = True
            self._linger()
        else:
            self.real.close()

    def is_closing(self) -> bool:
        return self.lingering or self.real.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Connection(HttpToolsProtocol):
    """One client's connection.

    `_head_since`: since when a request's head is awaited (None: none is, or the keep-alive timer
    runs). `_stalled_since`: since when the client leaves an answer unread.
    """

    def __init__(
        self,
        connections: Connections,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state)
        self._connections = connections
        self._address = ""
        self._head_since: float | None = None
        self._head_bytes = 0
        self._in_head = True
        self._heads = 0
        self._stalled_since: float | None = None
        self._linger_until: float | None = None
        self._lingered = 0
        self._refusal: ProblemError | None = None

    @property
    def idle(self) -> bool:
        """No complete request waits for its answer, and the connection isn't about to end."""
        waits = self.cycle is None or self.cycle.response_complete or self.cycle.more_body
        return waits and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        wrapped = _Transport(transport, self._is_amid_request, self._linger)
        super().connection_made(cast(asyncio.Transport, wrapped))
        self._address = self.client[0] if self.client else ""
        self._head_since = self._connections.clock()
        if not self._connections.admit(self, self._address):
            self._refusal = _TOO_MANY_CONNECTIONS
            transport.write(problems.as_http(self._refusal))
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.leave(self, self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._linger_until is not None:
            self._discard(data)
            return
        if self._head_since is None and self._in_head:
            self._head_since = self._connections.clock()
        in_head, heads = self._in_head, self._heads
        super().data_received(data)
        if (
            in_head and heads == self._heads
        ):  # nothing but head: the parser itself puts up with any amount of it
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refusal = self._refusal or _HEAD_TOO_LARGE
        if self._refusal is not None:
            self._refuse(self._refusal)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            self._refusal = _TARGET_TOO_LONG

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value) + 4
        if self._head_size > MAX_HEAD_BYTES:
            self._refusal = self._refusal or _HEAD_TOO_LARGE
        elif self._in_head:  # what comes behind a chunked body are trailers, which nobody reads
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            self._refusal = self._refusal or _TOO_MANY_PIPELINED
        if self._refusal is None:
            super().on_headers_complete()
            self._in_head, self._head_since, self._head_bytes = False, None, 0
            self._heads += 1

    def on_body(self, body: bytes) -> None:
        if self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._refusal is None:
            super().on_message_complete()
            self._in_head = True

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if (
            not self._in_head
        ):  # answered before the body was read: what still comes of it is of no use
            self.transport.close()

    def pause_writing(self) -> None:
        self._stalled_since = self._connections.clock()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        self._refuse(
            ProblemError(problem_types.BAD_REQUEST, "The request breaks the rules of HTTP.")
        )

    def check(self, now: float) -> None:
        """Close the connection if its time is up."""
        limits = self._connections.limits
        if (self._linger_until is not None and now > self._linger_until) or (
            self._stalled_since is not None and now - self._stalled_since > limits.response_seconds
        ):
            self._transport.real.abort()
        elif self._head_since is not None and now - self._head_since > limits.head_seconds:
            self._time_out(limits.head_seconds)

    def drop(self) -> None:
        """End the connection without another word."""
        self._transport.real.close()

    @property
    def _transport(self) -> _Transport:
        return cast(_Transport, self.transport)

    def _time_out(self, seconds: float) -> None:
        if self._head_bytes == 0:
            self.drop()  # it never said a word, so it isn't told any
        elif self.idle and not self.pipeline:
            self._refuse(
                ProblemError(
                    problem_types.REQUEST_TIMEOUT, f"The head didn't come within {seconds:g} s."
                )
            )
        else:
            # The next request's head came along with this one's body: its time begins later.
            self._head_since = None

    def _is_amid_request(self) -> bool:
        return self._refusal is not None or not self._in_head

    def _refuse(self, error: ProblemError) -> None:
        """Answer an error that happens before any route, if no answer has begun, and close the
        connection."""
        if self._linger_until is not None or self._transport.real.is_closing():
            return
        self._refusal = error
        response_begun = (
            self.cycle is not None
            and self.cycle.response_started
            and not self.cycle.response_complete
        )
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not response_begun:
            self.transport.write(problems.as_http(error))
        self.transport.close()

    def _linger(self) -> None:
        self._linger_until = self._connections.clock() + LINGER_SECONDS
        self._head_since = None
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self._transport.real.can_write_eof():
            self._transport.real.write_eof()

    def _discard(self, data: bytes) -> None:
        self._lingered += len(data)
        if self._lingered > MAX_LINGER_BYTES:
            self._transport.real.abort()


_TARGET_TOO_LONG: Final = ProblemError(
    problem_types.TARGET_TOO_LONG,
    f"The path and the query have more than {MAX_TARGET_BYTES // 1024} KiB.",
)
_HEAD_TOO_LARGE: Final = ProblemError(
    problem_types.HEADERS_TOO_LARGE, f"The headers have more than {MAX_HEAD_BYTES // 1024} KiB."
)
_TOO_MANY_PIPELINED: Final = ProblemError(
    problem_types.BAD_REQUEST,
    f"More than {MAX_PIPELINED} requests were sent before the first was answered.",
)
_TOO_MANY_CONNECTIONS: Final = ProblemError(
    problem_types.UNAVAILABLE, "Too many connections are open."
)
