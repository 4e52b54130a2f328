"""Server-sent events of changes (WHATWG HTML, 9.2): one reader's stream."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from healthsvc.api.change_feed import ChangeFeed
from healthsvc.core.changes.filter import ChangeFilter
from healthsvc.core.changes.position import Place
from healthsvc.flows.changes.feed import FeedPage
from healthsvc.store.database.outage import is_outage
from healthsvc.wire import change_cursors

MEDIA_TYPE: Final = "text/event-stream"
HEARTBEAT_SECONDS: Final = 15.0
PAGE: Final = 100
"""Changes in memory for one reader: the next ones are read when the last ones have gone out."""
RETRY: Final = b"retry: 2000\n\n"
HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def events(
    feed: ChangeFeed,
    place: Place,
    which: ChangeFilter,
    may_go_on: Callable[[], Awaitable[bool]],
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> AsyncIterator[bytes]:
    """The stream from a place on, until the service drains, the database goes away or the key is
    revoked; the reader comes back with the last id it got.

    A comment comes when nothing else did for so long, with the place that was reached: changes that
    the filter left out aren't looked at again.
    """
    with feed.reader("stream"):
        yield RETRY
        while not feed.draining():
            began = asyncio.get_running_loop().time()
            try:
                page = await feed.next_page(place, which, PAGE, heartbeat_seconds)
            except Exception as error:
                if is_outage(error):
                    return
                raise
            yield _rendered(place, page) if page.changes else _heartbeat(page.place)
            place = page.place
            waited = asyncio.get_running_loop().time() - began
            if waited >= heartbeat_seconds and not await may_go_on():
                return


def _rendered(place: Place, page: FeedPage) -> bytes:
    """An event for each change; its id is the place behind it."""
    reached, parts = dict(place), []
    for change in page.changes:
        reached[change.stored.partition] = change.stored.position + 1
        parts.append(b"id: %b\ndata: %b\n\n" % (_cursor(reached), change.item))
    parts.append(b"id: %b\n\n" % _cursor(page.place))
    return b"".join(parts)


def _heartbeat(place: Place) -> bytes:
    return b": nothing new\nid: %b\n\n" % _cursor(place)


def _cursor(place: Place) -> bytes:
    return change_cursors.encode(place).encode()
