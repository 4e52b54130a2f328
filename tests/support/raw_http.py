"""HTTP by hand, for requests that no client library would send."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

READ_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `status` 0: nothing."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> Any:
        assert self.headers["content-type"] == "application/problem+json", self
        return json.loads(self.body)


@dataclass(slots=True)
class Wire:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, port: int) -> "Wire":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        with suppress(
            ConnectionError
        ):  # the other side may have had enough of it; what it said is still to be read
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self) -> Answer:
        """One answer with a content-length."""
        try:
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), READ_SECONDS)
        except (asyncio.IncompleteReadError, ConnectionError):
            return Answer(0, {}, b"")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split()[1]), headers, body)

    async def closed(self) -> bytes:
        """What came until the connection was closed. Raises TimeoutError if it isn't."""
        with suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(), READ_SECONDS)
        return b""

    def close(self) -> None:
        self.writer.close()


async def ask(port: int, request: bytes) -> Answer:
    """One request, one answer."""
    wire = await Wire.to(port)
    try:
        await wire.send(request)
        return await wire.answer()
    finally:
        wire.close()


def request(
    method: str, target: str, body: bytes | None = None, *, key: str | None = None, **headers: str
) -> bytes:
    """A request's bytes; `headers` come with underscores for dashes."""
    lines = [f"{method} {target} HTTP/1.1", "host: test"]
    lines += [] if key is None else [f"authorization: Bearer {key}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += [] if "content_type" in headers else ["content-type: application/json"]
        lines += (
            []
            if "content_length" in headers or "transfer_encoding" in headers
            else [f"content-length: {len(body)}"]
        )
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
