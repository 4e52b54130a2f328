"""Which source an event names, read off its JSON without the rest of it."""

from collections.abc import Sequence

import msgspec


class _Event(msgspec.Struct):
    source: str


_decode = msgspec.json.Decoder(_Event).decode


def sources(events: Sequence[bytes]) -> list[str]:
    """The source of each event, in the own envelope."""
    return [_decode(event).source for event in events]
