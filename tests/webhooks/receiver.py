"""A real receiver on loopback: raw HTTP/1.1 over asyncio, so that it can misbehave in ways that
servers don't."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook

from tests.support.waiting import PATIENCE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request, as it came."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The body, if an independent library finds it signed with `secret`."""
        return Webhook(secret).verify(self.body.decode(), self.headers)

    def json(self) -> Any:
        return json.loads(self.body)


Write = Callable[[bytes], Awaitable[None]]
Behave = Callable[[Received, Write], Awaitable[None]]


def replying(status: int = 200, body: bytes = b"", **headers: str) -> Behave:
    """Answers with a status, headers (`retry_after=` becomes Retry-After) and a body."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    async def behave(received: Received, write: Write) -> None:
        await write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return behave


@dataclass
class Receiver:
    """What it got, how often it was dialled, and how it behaves: `script` is used up first, then
    `always`."""

    always: Behave = field(default_factory=replying)
    script: list[Behave] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    scheme: str = "http"
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.received]

    async def got(self, count: int) -> list[Received]:
        """Wait until `count` requests came."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.received) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.received

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1

        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            while (received := await _request(reader)) is not None:
                self.received.append(received)
                self.changed.set()
                behave = self.script.pop(0) if self.script else self.always
                await behave(received, write)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class HangUpError(ConnectionError):
    """Raised by a behaviour to close the connection."""


async def _request(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = {
        name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(target=head[0].split(" ")[1], headers=headers, body=body)


@asynccontextmanager
async def receiving(
    always: Behave | None = None,
    *,
    script: list[Behave] | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Receiver]:
    """A receiver on a free port of 127.0.0.1 until the block ends."""
    receiver = Receiver(
        always=always or replying(), script=script or [], scheme="https" if tls else "http"
    )
    server = await asyncio.start_server(receiver._accept, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in (*receiver.serving,):
            task.cancel()
        await asyncio.gather(*receiver.serving, return_exceptions=True)
