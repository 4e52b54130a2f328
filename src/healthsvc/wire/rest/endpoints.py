"""Webhook endpoints and their secrets."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic.config import JsonDict

from healthsvc.wire.rest.shapes import Asked, ListAnswer, ShortText, Text, Told, example


class EndpointFilter(Asked):
    """What an endpoint gets beyond the types; all parts that are there must agree."""

    model_config = example(owners=["kim@example.com"], mrr_from=500)

    bands: Annotated[
        list[ShortText], Field(max_length=100, description="Customers in one of these bands.")
    ] = []
    flags: Annotated[
        list[ShortText],
        Field(
            max_length=100,
            description="Customers with one of these flags, and messages about these flags.",
        ),
    ] = []
    tiers: Annotated[list[ShortText], Field(max_length=100, description="Touch tiers.")] = []
    segments: Annotated[list[ShortText], Field(max_length=100)] = []
    owners: Annotated[list[ShortText], Field(max_length=100)] = []
    mrr_from: Annotated[
        float | None, Field(ge=0, description="Least MRR, in the customer's own currency.")
    ] = None


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
    filter: Annotated[
        EndpointFilter | None, Field(description="What to send of these; left out: everything.")
    ] = None
    description: Annotated[Text, Field(max_length=512)] = ""
    enabled: Annotated[bool, Field(description="false: it gets nothing until it is enabled.")] = (
        True
    )


class EndpointPatch(Asked):
    """What to change of a subscriber; what is left out stays."""

    model_config = example(filter={"tiers": ["high"]}, enabled=True)

    url: Annotated[Text | None, Field(min_length=1, max_length=2048)] = None
    event_types: Annotated[list[ShortText] | None, Field(max_length=100)] = None
    filter: Annotated[
        EndpointFilter | None, Field(description="In place of the one there is; {}: everything.")
    ] = None
    description: Annotated[Text | None, Field(max_length=512)] = None
    enabled: bool | None = None


_ENDPOINT: JsonDict = {
    "id": "ep_2f7c",
    "url": "https://crm.example.com/hooks/health",
    "description": "CRM",
    "event_types": ["alert.raised", "customer.risk.raised"],
    "filter": {"owners": ["kim@example.com"], "mrr_from": 500.0},
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
    filter: Annotated[
        dict[str, list[str] | float],
        Field(description="As `GET /v1/changes` takes it; {}: everything."),
    ]
    state: Literal["enabled", "disabled"]
    disabled_reason: str | None
    failing_since: datetime | None
    created_at: datetime

    @model_validator(mode="before")
    @classmethod
    def _stored(cls, endpoint: Any) -> Any:
        """An endpoint as the store has it; a client reads JSON."""
        which = getattr(endpoint, "which", None)
        if which is None:
            return endpoint
        names = [name for name in cls.model_fields if hasattr(endpoint, name)]
        return {name: getattr(endpoint, name) for name in names} | {"filter": which.as_data()}


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
