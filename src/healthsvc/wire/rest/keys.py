"""API keys."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.api_keys import Scope
from healthsvc.wire.rest.alerts import ActorTold
from healthsvc.wire.rest.shapes import Asked, Instant, ListAnswer, ShortText, Told, example


class KeyCreate(Asked):
    """An API key to be."""

    model_config = example(name="crm", scopes=["customers:read"], expires_at="2027-11-20T00:00:00Z")

    name: ShortText
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]
    expires_at: Annotated[Instant | None, Field(description="Null: never.")] = None


_KEY: JsonDict = {
    "id": "key_7Qd2",
    "name": "crm",
    "prefix": "hsk_ab12…",
    "scopes": ["customers:read"],
    "created_at": "2026-11-20T09:00:00Z",
    "expires_at": "2027-11-20T00:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
}


class Key(Told):
    """An API key; the key itself is not kept."""

    model_config = example(**_KEY)

    id: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="To the minute.")]
    revoked_at: datetime | None


class KeyCreated(Key):
    """A new key, and the only time that it is shown."""

    model_config = example(**_KEY, key="hsk_" + "x" * 36)

    key: str


class Keys(ListAnswer[Key]):
    """API keys, newest first."""

    model_config = example(items=[_KEY], next_cursor=None, prev_cursor=None)


class Me(Told):
    """Whose key came with the request, and what it may do."""

    model_config = example(
        id="key_7Qd2",
        name="crm",
        scopes=["customers:read"],
        expires_at="2027-11-20T00:00:00Z",
        actor={"kind": "person", "id": None, "name": "Kim Park", "via_key": "key_7Qd2"},
    )

    id: Annotated[str, Field(description="The key's id; `admin-key` for the configured one.")]
    name: str
    scopes: Annotated[list[str], Field(description="`admin` holds all others.")]
    expires_at: Annotated[datetime | None, Field(description="Null: never.")]
    actor: Annotated[
        ActorTold,
        Field(description="Who acts: the person that `X-Actor` names, else the key itself."),
    ]
