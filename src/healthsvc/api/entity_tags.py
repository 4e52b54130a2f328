"""Entity tags that say what an answer was made from, when, and how long it holds: whoever gets one
back needs no memory of the answer to say whether it is still the one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from healthsvc import __version__
from healthsvc.core.instants import SECOND_US

MOST_US: Final = 10 * SECOND_US
"""How long an answer holds at most: the ledger, other customers and the time itself change what it
shows, too."""
_TAG: Final = re.compile(r'(?:W/)?"([0-9a-f]{16})-([0-9a-f]{1,14})-([0-9a-f]{1,6})"')


@dataclass(frozen=True, slots=True)
class EntityTag:
    """A strong tag: two answers that differ in a byte differ in it."""

    digest: str
    """Of the revision of what it shows, and of what was asked."""
    made_us: int
    holds_us: int

    def __str__(self) -> str:
        return f'"{self.digest}-{self.made_us:x}-{self.holds_us:x}"'

    def holds(self, digest: str, now_us: int) -> bool:
        """Whether an answer with this tag is still the one for `digest`."""
        return self.digest == digest and 0 <= now_us - self.made_us < min(self.holds_us, MOST_US)


def tag_of(digest: str, now_us: int, due_us: float) -> EntityTag:
    """The tag of an answer made now. due_us: when time alone changes it next."""
    holds_us = MOST_US if due_us <= now_us else min(MOST_US, due_us - now_us)
    return EntityTag(digest, now_us, int(holds_us))


def digest_of(*parts: str) -> str:
    """A short name for a revision and a question; another one in another version of the service."""
    return blake2b("\0".join((__version__, *parts)).encode(), digest_size=8).hexdigest()


def tags_in(if_none_match: str) -> Iterator[EntityTag]:
    """Those tags of the header that have our form; weak ones, which a proxy may have made of ours,
    like strong ones."""
    for digest, made, holds in _TAG.findall(if_none_match):
        yield EntityTag(digest, int(made, 16), int(holds, 16))
