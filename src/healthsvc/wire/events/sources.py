"""Which source an event names, read off its JSON without the rest of it."""

from collections.abc import Sequence

import msgspec

from healthsvc.wire.events.deep_decode import on_an_empty_stack


class _Event(msgspec.Struct):
    source: str


_decode = msgspec.json.Decoder(_Event).decode


def sources(events: Sequence[bytes]) -> list[str]:
    """The source of each event, in the own envelope."""
    return [_source(event) for event in events]


def _source(event: bytes) -> str:
    try:
        return _decode(event).source
    except RecursionError:
        return on_an_empty_stack(_decode, event).source
