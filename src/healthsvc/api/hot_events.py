"""`POST /v1/events` for the ordinary case, without the framework's way to it: JSON, no preference,
nothing in it to be refused. Whatever else comes goes on to the framework's route, with its body."""

from collections.abc import Sequence
from typing import Final

import msgspec
from starlette.types import Message, Receive, Scope

from healthsvc.api.deps import Services
from healthsvc.api.request_bodies import in_steps
from healthsvc.api.routes.events import MAX_EVENTS, Results, append, judge_all
from healthsvc.core.instants import to_us
from healthsvc.wire.events import cloudevents
from healthsvc.wire.events.decode import Reject
from healthsvc.wire.events.json_items import TooManyItemsError

PATH: Final = "/v1/events"
_PLAIN: Final = frozenset((b"application/json", b"application/json; charset=utf-8"))
_JSON: Final = (("content-type", b"application/json"),)
_LOOKED_AT: Final = frozenset(
    (b"content-encoding", b"prefer", b"x-actor", b"idempotency-key", b"transfer-encoding")
)
"""Headers that the framework's route looks at."""


def is_ordinary(scope: Scope) -> bool:
    """Whether the head of a request leaves nothing to look at but the key and the body."""
    if scope["query_string"]:
        return False
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    names = {name for name, _ in scope["headers"]}
    is_binary = any(name.startswith(b"ce-") for name in names)
    return len(types) == 1 and types[0] in _PLAIN and not is_binary and not names & _LOOKED_AT


class Body:
    """A request's body, read once, and handed on to whoever reads it next."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []

    async def read(self) -> bytes | None:
        """All of it; None if the client has gone."""
        parts: list[bytes] = []
        while True:
            message = await self._receive()
            self._messages.append(message)
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)

    async def again(self) -> Message:
        """ASGI's `receive` for the next reader."""
        return self._messages.pop(0) if self._messages else await self._receive()


async def answer(deps: Services, body: Body) -> bytes | None:
    """The answer once the events are durable; None where one of them isn't accepted. Raises what
    the framework's route raises."""
    items = await _items(await body.read())
    if items is None:
        return None
    results, fresh = await in_steps(judge_all(items, to_us(deps.now())))
    if any(result.status != "accepted" for result in results):
        return None
    positions = await append(deps, fresh)
    return msgspec.json.encode(Results(results, ",".join(map(str, positions)) or None))


async def _items(body: bytes | None) -> Sequence[bytes] | None:
    if body is None or body.lstrip()[:1] not in (b"[", b"{"):
        return None
    try:
        items = await in_steps(cloudevents.http_items(_JSON, body, MAX_EVENTS))
    except (TooManyItemsError, ValueError):
        return None
    return None if isinstance(items, Reject) or not 1 <= len(items) <= MAX_EVENTS else items
