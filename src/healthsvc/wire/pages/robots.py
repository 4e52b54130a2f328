"""Robots among user agents, by the list of crawler-user-agents."""

import re
from functools import cache, lru_cache
from typing import Any, Final

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

LIBRARY: Final = "http-library"
"""The list's tag of HTTP clients, such as okhttp: a robot on a page, a native application's own
client elsewhere."""
MAX_LENGTH: Final = 2000
REMEMBERED: Final = 20_000
_CHUNK: Final = 50
"""Patterns in one expression: larger ones match more slowly."""


@lru_cache(maxsize=REMEMBERED)
def is_robot(user_agent: str, *, on_page: bool) -> bool:
    """Whether a crawler, a monitor or browser automation sends this; on a page HTTP clients count
    as well."""
    text = user_agent[:MAX_LENGTH]
    if any(chunk.search(text) for chunk in _chunks(libraries=False)):
        return True
    return on_page and any(chunk.search(text) for chunk in _chunks(libraries=True))


@cache
def _chunks(*, libraries: bool) -> tuple[re.Pattern[str], ...]:
    """The list's patterns, compiled when they are first needed."""
    entries: list[dict[str, Any]] = CRAWLER_USER_AGENTS_DATA
    patterns = [e["pattern"] for e in entries if (LIBRARY in e.get("tags", ())) is libraries]
    starts = range(0, len(patterns), _CHUNK)
    return tuple(re.compile("|".join(patterns[start : start + _CHUNK])) for start in starts)
