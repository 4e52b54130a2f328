"""How deep an event may be nested is the same wherever it is decoded."""

from collections.abc import Callable
from typing import TypeVar

from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.events.sources import sources

_T = TypeVar("_T")


def nested(depth: int) -> bytes:
    return (
        b'{"id":"1","source":"crm","customer_id":"c","occurred_at":"2026-01-01T00:00:00Z",'
        b'"type":"subscription.cancelled","data":{"x":' + b"[" * depth + b"]" * depth + b"}}"
    )


def far_down(frames: int, ask: Callable[[], _T]) -> _T:
    """What is answered with so many frames on the stack."""
    return far_down(frames - 1, ask) if frames else ask()


def accepted(depth: int) -> bool:
    return not decode_batch([nested(depth)], now_us=1 << 62).rejects


def deepest() -> int:
    return max(depth for depth in range(900, 1000) if accepted(depth))


def test_an_event_that_is_accepted_is_read_at_any_later_place():
    limit = far_down(50, deepest)
    assert far_down(500, lambda: accepted(limit))
    assert far_down(500, lambda: sources([nested(limit), nested(1)])) == ["crm", "crm"]
    assert not far_down(500, lambda: accepted(20_000))
