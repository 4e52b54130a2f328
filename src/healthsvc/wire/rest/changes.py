"""Changes as pollers read them."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.core.changes.filter_input import PARAMETERS
from healthsvc.wire.change_cursors import MAX_LENGTH
from healthsvc.wire.rest.shapes import MAX_LIMIT, Number, Queried, Text, Told, Whole, example

LONGEST_WAIT: Final = 30
DEFAULT_LIMIT: Final = 100
_SEVERAL: Final = "Several with commas, or repeated; a comma within a name is written `\\,`."


class ChangesFiltered(Queried):
    """Which changes; a parameter that isn't there lets all through."""

    types: Annotated[
        list[Text], Field(description=f"Only changes of these types: `alert.raised`, … {_SEVERAL}")
    ] = []
    bands: Annotated[
        list[Text], Field(description="Only of customers that were in one of these bands then.")
    ] = []
    flags: Annotated[
        list[Text],
        Field(
            description=(
                "Only of customers on which one of these flags held then, and changes about these"
                " flags."
            )
        ),
    ] = []
    tiers: Annotated[list[Text], Field(description="Only of customers of these touch tiers.")] = []
    segments: Annotated[list[Text], Field(description="Only of customers of these segments.")] = []
    owners: Annotated[list[Text], Field(description="Only of customers of these owners.")] = []
    mrr_from: Annotated[
        Number | None,
        Field(
            ge=0,
            description=(
                "Only of customers whose monthly recurring revenue was at least this, in their own"
                " currency: amounts aren't converted."
            ),
        ),
    ] = None
    cursor: Annotated[
        str | None,
        Field(
            max_length=MAX_LENGTH,
            description=(
                "`next_cursor` of the last answer; `now`: the present end; without it from the"
                " oldest changes that are kept."
            ),
        ),
    ] = None

    @property
    def filter_parameters(self) -> dict[str, list[str]]:
        """The filter, as it was asked."""
        given = {name: getattr(self, name) for name in PARAMETERS if name in self.model_fields_set}
        return {
            name: value if isinstance(value, list) else [str(value)]
            for name, value in given.items()
            if value is not None
        }


class ChangesAsked(ChangesFiltered):
    """Which changes, how many, and how long to wait for them."""

    limit: Annotated[Whole, Field(ge=1, le=MAX_LIMIT, description="How many items at most.")] = (
        DEFAULT_LIMIT
    )
    wait: Annotated[
        Number,
        Field(
            ge=0,
            le=LONGEST_WAIT,
            description="Seconds to wait for the next change while there is none.",
        ),
    ] = 0.0


CHANGE_EXAMPLE: Final[JsonDict] = {
    "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "sequence": 7,
    "customer_id": "acme",
    "type": "customer.flag.raised",
    "timestamp": "2026-11-20T09:29:58Z",
    "data": {
        "customer": {
            "name": "Acme Ltd",
            "owner": "kim@example.com",
            "tier": "high",
            "segment": "enterprise",
            "mrr": 4900.0,
            "currency": "EUR",
            "band": "at_risk",
            "flags": ["silent"],
            "link": "/v1/customers/acme",
        },
        "flag": "silent",
        "decided_at": "2026-11-20T09:29:58Z",
        "scorecard_version": 1,
        "customer_id": "acme",
        "sequence": 7,
    },
}


class Change(Told):
    """Something that was decided: what a webhook of its type says, with the id of the webhook."""

    model_config = example(**CHANGE_EXAMPLE)

    id: Annotated[str, Field(description="The `webhook-id` of the webhooks about it.")]
    sequence: Annotated[
        int, Field(description="Numbers the changes of one customer, without gaps.")
    ]
    customer_id: Annotated[
        str | None, Field(description="null: it is about the service, not about a customer.")
    ]
    type: str
    timestamp: Annotated[datetime, Field(description="When it was decided.")]
    data: Annotated[
        dict[str, Any],
        Field(description="As `data` of the webhook: `schemas/webhook.TYPE.json` describes it."),
    ]


class Changes(Told):
    """Changes in the order in which they were committed: those of one customer by `sequence`."""

    model_config = example(items=[CHANGE_EXAMPLE], next_cursor="AQEABwAAVqo", has_more=False)

    items: list[Change]
    next_cursor: Annotated[
        str,
        Field(description="Where to go on, also when there are no items. Nothing appears before."),
    ]
    has_more: Annotated[
        bool, Field(description="Whether there is more to read at once, also without items.")
    ]
