"""Webhook endpoints and their secrets."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Asked, ListAnswer, ShortText, Text, Told, example


class EndpointCreate(Asked):
    """A subscriber to be."""

    model_config = example(
        url="https://crm.example.com/hooks/health",
        event_types=["alert.raised", "customer.risk.raised"],
        description="CRM",
    )

    url: Annotated[
        Text,
        Field(
            min_length=1, max_length=2048, description="Where to deliver: https, a public address."
        ),
    ]
    event_types: Annotated[
        list[ShortText], Field(max_length=100, description="What to send; empty: everything.")
    ] = []
    description: Annotated[Text, Field(max_length=512)] = ""


_ENDPOINT: JsonDict = {
    "id": "ep_2f7c",
    "url": "https://crm.example.com/hooks/health",
    "description": "CRM",
    "event_types": ["alert.raised", "customer.risk.raised"],
    "state": "enabled",
    "disabled_reason": None,
    "failing_since": None,
    "created_at": "2026-11-20T09:00:00Z",
}
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Endpoint(Told):
    """A subscriber."""

    model_config = example(**_ENDPOINT)

    id: str
    url: str
    description: str
    event_types: Annotated[list[str], Field(description="Empty: everything.")]
    state: Literal["enabled", "disabled"]
    disabled_reason: str | None
    failing_since: datetime | None
    created_at: datetime


class EndpointCreated(Endpoint):
    """A new subscriber, and the only time that its secret is shown."""

    model_config = example(**_ENDPOINT, secret=_SECRET)

    secret: Annotated[
        str, Field(description="Signs deliveries (Standard Webhooks). Shown now and never again.")
    ]


class EndpointSecret(Told):
    """A new secret. Deliveries carry a signature of the old one, too, until `previous_until`."""

    model_config = example(id="ep_2f7c", secret=_SECRET, previous_until="2026-11-21T09:00:00Z")

    id: str
    secret: str
    previous_until: datetime


class Endpoints(ListAnswer[Endpoint]):
    """Subscribers, newest first."""

    model_config = example(items=[_ENDPOINT], next_cursor=None, prev_cursor=None)


class TestSent(Told):
    """A test message is on its way; see the endpoint's deliveries."""

    model_config = example(message_id="msg_p5jXN8AQM9LWM0D4loKWxJek")

    message_id: str
