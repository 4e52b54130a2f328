"""Sources, their calls, and the identity map."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.problems import FieldProblem
from healthsvc.wire.rest.shapes import (
    Asked,
    Instant,
    ListAnswer,
    Paging,
    ShortText,
    Text,
    Told,
    example,
)

ModeName = Literal["trial", "live", "off"]
_SOURCE: JsonDict = {
    "name": "stripe",
    "title": "Stripe",
    "mode": "live",
    "is_built_in": True,
    "authentication": "stripe",
    "has_secret": True,
    "called_url": None,
    "path": "/v1/sources/stripe",
    "calls": 12,
    "last_call_at": "2026-11-20T09:29:58Z",
    "accepted": 9,
    "waiting": 1,
    "ignored": 2,
    "rejected": 0,
}
_CALL: JsonDict = {
    "id": 12,
    "source": "stripe",
    "received_at": "2026-11-20T09:29:58Z",
    "outcome": "taken",
    "accepted": 1,
    "waiting": 0,
    "ignored": 0,
    "rejected": 0,
    "detail": None,
    "items": [
        {"index": 0, "status": "accepted", "event_ids": ["evt_1"], "detail": None, "errors": []}
    ],
    "can_be_retried": False,
}
_LINK: JsonDict = {
    "namespace": "stripe",
    "external_id": "cus_1",
    "customer_id": "acme",
    "linked_at": "2026-11-20T09:29:58Z",
}


class SourceStatus(Told):
    """A source, how it is set, and what its last calls come to."""

    model_config = example(**_SOURCE)

    name: str
    title: str
    mode: Annotated[
        ModeName,
        Field(description="trial: calls are mapped and listed, and nothing is counted."),
    ]
    is_built_in: Annotated[bool, Field(description="Its mapping is the one that we ship.")]
    authentication: Annotated[
        str, Field(description="`key`: an API key; any other: by the source's secret.")
    ]
    has_secret: bool
    called_url: str | None
    path: Annotated[str, Field(description="Where its calls go.")]
    calls: Annotated[int, Field(description="Calls that are kept, at most about 500.")]
    last_call_at: Instant | None
    accepted: Annotated[int, Field(description="Items of these calls that are in the log.")]
    waiting: Annotated[int, Field(description="Items whose customer wasn't known.")]
    ignored: int
    rejected: int


class SourceStatuses(Told):
    """All sources, by name."""

    model_config = example(items=[_SOURCE], waiting_events=1)

    items: list[SourceStatus]
    waiting_events: Annotated[
        int, Field(description="Events that wait for the link of their customer now.")
    ]


class SourceMapping(SourceStatus):
    """A source with its mapping."""

    model_config = example(**_SOURCE, mapping="source: 1\nname: stripe\n…")

    mapping: Annotated[str, Field(description="YAML, to copy and change.")]


class SourceSettings(Asked):
    """How a source is set; what is left out stays."""

    model_config = example(mode="live", secrets=["whsec_9f1c0d7e5b0a"])

    mode: ModeName | None = None
    secrets: Annotated[
        list[ShortText] | None,
        Field(max_length=3, description="The sender's secrets: two while one replaces the other."),
    ] = None
    called_url: Annotated[
        ShortText | None,
        Field(
            pattern="^https?://",
            description="The URL as the sender calls it, without its query, behind a proxy.",
        ),
    ] = None
    mapping: Annotated[
        Text | None, Field(description="YAML; a built-in source then follows it instead.")
    ] = None


class SourceItem(Told):
    """What became of one item of a call."""

    index: int
    status: Annotated[
        Literal["accepted", "waiting", "ignored", "rejected"],
        Field(description="waiting: its customer isn't known yet; it enters with the link."),
    ]
    event_ids: list[str]
    detail: str | None = None
    errors: list[FieldProblem] = []
    events: Annotated[
        list[dict[str, Any]], Field(description="In trial: the events that it would become.")
    ] = []


class SourceCall(Told):
    """A call that a source received."""

    model_config = example(**_CALL)

    id: int
    source: str
    received_at: Instant
    outcome: Annotated[
        Literal["taken", "trial", "malformed"],
        Field(description="malformed: the body isn't what the source takes."),
    ]
    accepted: int
    waiting: int
    ignored: int
    rejected: int
    detail: str | None
    items: Annotated[list[SourceItem], Field(description="The first 100.")]
    can_be_retried: Annotated[
        bool, Field(description="Something was rejected, and the body is kept, for 7 days.")
    ]


class SourceCalls(ListAnswer[SourceCall]):
    """Calls of a source, newest first."""

    model_config = example(items=[_CALL], next_cursor=None, prev_cursor=None)


class SourceCallsAsked(Paging):
    """Which page of the calls."""


class CallAnswer(Told):
    """What became of a call, as its sender is answered."""

    model_config = example(
        success=True, status=1, trial=False, accepted=1, waiting=0, ignored=0, rejected=0, items=[]
    )

    success: bool = True
    status: int = 1
    trial: bool
    accepted: int
    waiting: int
    ignored: int
    rejected: int
    items: Annotated[
        list[SourceItem], Field(description="Those that weren't accepted, at most 100.")
    ] = []


class RetriedCalls(Told):
    """What became of the calls that were tried again."""

    model_config = example(calls=3, accepted=3, waiting=0, ignored=0, rejected=0)

    calls: int
    accepted: int
    waiting: int
    ignored: int
    rejected: int


class LinkAsked(Asked):
    """The customer that an id of another system stands for."""

    model_config = example(customer_id="acme")

    customer_id: Annotated[ShortText, Field(max_length=200)]


class LinkMade(Told):
    """A link, and what entered the log with it."""

    model_config = example(is_new=True, released=4, position="1-88")

    is_new: Annotated[bool, Field(description="False: it was made before.")]
    released: Annotated[int, Field(description="Events that had waited for it.")]
    position: Annotated[str | None, Field(description="Where they stand in the log.")]


class CustomerLink(Told):
    """An id of another system, and its customer."""

    model_config = example(**_LINK)

    namespace: str
    external_id: str
    customer_id: str
    linked_at: Instant


class CustomerLinks(ListAnswer[CustomerLink]):
    """Links, by namespace and id, the last first."""

    model_config = example(items=[_LINK], next_cursor=None, prev_cursor=None)


class LinksAsked(Paging):
    """Which links."""

    customer_id: Annotated[ShortText | None, Field(description="Only those of this customer.")] = (
        None
    )


class UnlinkedName(Told):
    """An id that events wait for."""

    name: Annotated[str, Field(description="Namespace and id, joined by a colon.")]
    events: int
    since: Instant


class UnlinkedNames(Told):
    """The 250 ids that most events wait for."""

    model_config = example(
        items=[{"name": "stripe:cus_1", "events": 4, "since": "2026-11-20T09:29:58Z"}],
        waiting_events=4,
    )

    items: list[UnlinkedName]
    waiting_events: int
