"""An ASGI application on a socket, in an event loop that others share; signals are `running`'s
affair."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn

from healthsvc.core.errors import Conflict
from healthsvc.runtime.connections import ConnectionLimits, Connections

CLOSE_SECONDS: Final = 10  # for requests in flight at the end; a long poll that takes longer is cut
BACKLOG: Final = 2048
DEFAULT_LIMITS: Final = ConnectionLimits()


class AddressTakenError(Conflict, OSError):
    """Another process listens on the API's address."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes any free one. Raises AddressTakenError, OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise AddressTakenError(
            f"The API can't listen on {host}, port {port} ({error.strerror}): stop the process that"
            " uses it, or set HEALTHSVC_HOST and HEALTHSVC_PORT (0 takes any free port)."
        ) from None


def address(bound: socket.socket) -> str:
    """The URL under which the socket is reached from this machine."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    app: Any,
    bound: socket.socket,
    stop: asyncio.Event,
    ready: Callable[[], None],
    limits: ConnectionLimits = DEFAULT_LIMITS,
) -> None:
    """Serve until `stop`, then finish what is in flight; calls `ready` once requests are
    answered."""
    connections = Connections(limits)
    config = uvicorn.Config(
        app,
        http=connections.protocol,  # type: ignore[arg-type]  # uvicorn calls it as it calls its protocol classes
        ws="none",  # a connection that becomes a websocket would be out of the limits' reach
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    sweeping = asyncio.create_task(connections.sweep_for_ever())
    try:
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            ready()
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
    finally:
        server.should_exit = True
        await serving
        sweeping.cancel()
