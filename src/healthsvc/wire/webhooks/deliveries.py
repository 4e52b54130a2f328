"""Webhooks about webhooks: endpoints that were switched off, deliveries that were given up or
succeeded late, tests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from healthsvc.wire.webhooks.webhook_type import COUNT, TEXT, webhook_type


@dataclass(frozen=True, slots=True, kw_only=True)
class DisabledData:
    """Data of `endpoint.disabled`."""

    endpoint_id: Annotated[str, TEXT]
    url: Annotated[str, TEXT]
    reason: Annotated[
        str,
        {
            "enum": ["gone", "asked", "failing"],
            "description": (
                "It answered 410; it asked by webhook-delivery: disable; it failed for days."
            ),
        },
    ]
    failing_since: Annotated[datetime | None, {"type": ["string", "null"]}]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryData:
    """Data of webhooks about a delivery."""

    delivery_id: Annotated[int, COUNT]
    endpoint_id: Annotated[str, TEXT]
    url: Annotated[str, TEXT]
    message_id: Annotated[str, TEXT]
    message_type: Annotated[str, TEXT]
    attempts: Annotated[int, {"type": "integer", "minimum": 1}]
    outcome: Annotated[str, {**TEXT, "description": "What came of the last try."}]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestData:
    """Data of `test.sent`."""

    endpoint_id: Annotated[str, TEXT]
    note: Annotated[str, TEXT]


_DELIVERY: Final = DeliveryData(
    delivery_id=1,
    endpoint_id="ep_1",
    url="https://hooks.example.com/",
    message_id="msg_1",
    message_type="alert.raised",
    attempts=10,
    outcome="timeout",
)

ENDPOINT_DISABLED: Final = webhook_type(
    "endpoint.disabled",
    "A webhook endpoint was switched off.",
    DisabledData(
        endpoint_id="ep_1", url="https://hooks.example.com/", reason="gone", failing_since=None
    ),
    is_change=False,
)
DELIVERY_EXHAUSTED: Final = webhook_type(
    "delivery.exhausted",
    "The last try of a delivery failed.",
    _DELIVERY,
    is_change=False,
)
DELIVERY_RECOVERED: Final = webhook_type(
    "delivery.recovered",
    "A delivery succeeded after many failed tries.",
    _DELIVERY,
    is_change=False,
)
TEST_SENT: Final = webhook_type(
    "test.sent",
    "Somebody tries an endpoint out.",
    TestData(endpoint_id="ep_1", note="A test. If you can verify its signature, all is well."),
    is_change=False,
)
