"""Answers that are made once for as long as they hold: lists, the worklist, scorecards.

An answer holds until something that it shows changes, or ten seconds; until then everybody who
asks the same with the same key gets it, byte by byte, or 304 if they have it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Scope

from healthsvc.api.entity_tags import EntityTag, digest_of, tag_of, tags_in
from healthsvc.api.gathering import Gatherer
from healthsvc.api.languages import VARY
from healthsvc.api.responses import json_body
from healthsvc.core.instants import to_us
from healthsvc.core.languages import TAGS, Language, accepted, named
from healthsvc.store.database import change_counts
from healthsvc.store.database.engine import AsyncEngine, autocommit_connection

MOST_BYTES: Final = 32 << 20
_IN_QUESTION: Final = (b"accept", b"accept-language")


class Shown(NamedTuple):
    """What answers of one kind show."""

    tables: tuple[str, ...]
    """Those whose changes change an answer."""
    is_worded: bool = False
    """Whether it depends on the language."""


_VERSION: Final = ("scorecards", "projections")
CUSTOMERS: Final = Shown(("standings", "guards", *_VERSION), is_worded=True)
ALERTS: Final = Shown(("alerts", "standings", *_VERSION), is_worded=True)
RANKED_ALERTS: Final = Shown((*ALERTS.tables, change_counts.APPLIED), is_worded=True)
WORKLIST: Final = Shown((*RANKED_ALERTS.tables, "guards"), is_worded=True)
RENEWALS: Final = RANKED_ALERTS
SCORECARDS: Final = Shown(_VERSION)
SCORECARD_STATUS: Final = Shown((*_VERSION, change_counts.APPLIED))


class Asked(NamedTuple):
    """A request as far as its answer depends on it."""

    path: str
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    holder: str
    """The id of the key that it came with: another one may see other customers."""
    language: Language | None
    """None where it doesn't matter."""


@dataclass(frozen=True, slots=True)
class Representation:
    """An answer that holds; no body: the asker has it."""

    tag: EntityTag
    body: bytes | None
    language: Language | None = None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Of the response, without those that the server adds."""
        headers = [(b"etag", str(self.tag).encode())]
        if self.language is not None:
            headers += [
                (b"content-language", TAGS[self.language].encode()),
                (b"vary", VARY.encode()),
            ]
        if self.body is not None:
            headers += [
                (b"content-length", str(len(self.body)).encode()),
                (b"content-type", b"application/json"),
            ]
        return headers

    def response(self) -> Response:
        """The same as the framework's response."""
        response = Response(self.body or b"", 304 if self.body is None else 200)
        response.raw_headers = self.headers()
        return response


class Representations:
    """The answers that hold, the least recently given forgotten first. Use it from one event
    loop."""

    def __init__(self, engine: AsyncEngine, now: Callable[[], datetime]) -> None:
        self._engine, self._now = engine, now
        self._counts: Gatherer[None, dict[str, int]] = Gatherer(self._read_counts)
        self._kept: OrderedDict[Asked, Representation] = OrderedDict()
        self._making: dict[tuple[Asked, str], asyncio.Task[Representation]] = {}
        self._bytes = 0

    async def kept(self, scope: Scope, shown: Shown, holder: str) -> Representation | None:
        """The answer to a request that needn't be made."""
        asked = asked_in(scope, holder, shown)
        if asked not in self._kept and not _header(scope, b"if-none-match"):
            return None
        return self._holding(scope, asked, await self._digest(asked, shown))

    async def answer(
        self,
        scope: Scope,
        shown: Shown,
        holder: str,
        make: Callable[[], Awaitable[BaseModel | Mapping[str, Any]]],
    ) -> Response:
        """The answer to a request, made where none holds; by one of those who ask the same at the
        same time."""
        asked = asked_in(scope, holder, shown)
        digest = await self._digest(asked, shown)
        representation = self._holding(scope, asked, digest)
        if representation is None:
            making = self._making.get((asked, digest))
            if making is None:
                making = asyncio.create_task(self._make(asked, digest, make))
                self._making[asked, digest] = making
                making.add_done_callback(lambda done: self._made(done, asked, digest))
            representation = await asyncio.shield(making)
        return representation.response()

    async def _digest(self, asked: Asked, shown: Shown) -> str:
        counts = await self._counts.ask(None)
        return digest_of(repr([counts.get(table, 0) for table in shown.tables]), repr(asked))

    def _holding(self, scope: Scope, asked: Asked, digest: str) -> Representation | None:
        now_us = to_us(self._now())
        kept = self._kept.get(asked)
        for tag in tags_in(_header(scope, b"if-none-match").decode("latin-1")):
            if tag.holds(digest, now_us):
                return Representation(tag, None, asked.language)
        if kept is None or not kept.tag.holds(digest, now_us):
            return None
        self._kept.move_to_end(asked)
        return kept

    async def _make(
        self,
        asked: Asked,
        digest: str,
        make: Callable[[], Awaitable[BaseModel | Mapping[str, Any]]],
    ) -> Representation:
        tag = tag_of(digest, to_us(self._now()), float("inf"))
        representation = Representation(tag, json_body(await make()), asked.language)
        self._keep(asked, representation)
        return representation

    def _made(self, done: "asyncio.Task[Representation]", asked: Asked, digest: str) -> None:
        del self._making[asked, digest]
        if not done.cancelled():
            done.exception()  # its askers get it; all of them may have gone

    def _keep(self, asked: Asked, representation: Representation) -> None:
        former = self._kept.pop(asked, None)
        self._kept[asked] = representation
        self._bytes += _size(representation) - _size(former)
        while self._bytes > MOST_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)

    async def _read_counts(self, _: Sequence[None]) -> dict[None, dict[str, int]]:
        async with autocommit_connection(self._engine) as conn:
            return {None: await change_counts.read(conn)}


def asked_in(scope: Scope, holder: str, shown: Shown) -> Asked:
    """What a request of this key's holder asks."""
    headers = tuple((n, v) for n, v in scope["headers"] if n in _IN_QUESTION)
    language = _language(scope) if shown.is_worded else None
    return Asked(scope["path"], scope["query_string"], headers, holder, language)


def _language(scope: Scope) -> Language:
    """The one that the query names, else what the header prefers."""
    tag = parse_qs(scope["query_string"].decode("latin-1")).get("language", [""])[-1]
    return named(tag) or accepted(_header(scope, b"accept-language").decode("latin-1"))


def _header(scope: Scope, name: bytes) -> bytes:
    return b",".join([value for n, value in scope["headers"] if n == name])


def _size(representation: Representation | None) -> int:
    return 0 if representation is None else len(representation.body or b"") + 2_000
