"""Setting records aside: what couldn't be decoded becomes a dead letter, in the flush that moves
past it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeadLetter:
    """A record to be set aside; `headers` and `errors` are JSON."""

    origin: str
    topic: str
    partition: int
    position: int
    raw: bytes | None
    raw_bytes: int
    headers: str
    reason: str
    errors: str
    customer_id: str | None = None
    """Whose event it was, where that could be read."""


_ODD: Final = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL's text can't hold."""
_ODD_JSON: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""What its jsonb can't, and pairs of surrogates, which it can."""
_MOST_BYTES: Final = 2**31 - 1


async def dead_letter(conn: AsyncConnection, letters: Sequence[NewDeadLetter]) -> None:
    """Keep records, whatever they hold; one that is kept already isn't kept twice."""
    letters = [_storable(letter) for letter in letters]
    fields = (
        "origin",
        "topic",
        "partition",
        "position",
        "raw",
        "raw_bytes",
        "headers",
        "reason",
        "errors",
        "customer_id",
    )
    types = (
        "text",
        "text",
        "integer",
        "bigint",
        "bytea",
        "integer",
        "text",
        "text",
        "text",
        "text",
    )
    arrays = ", ".join(
        f"cast(:{name} as {kind}[])" for name, kind in zip(fields, types, strict=True)
    )
    await conn.execute(
        text(f"""
            insert into dead_letters
                (origin, topic, partition, position, raw, raw_bytes, headers, reason, errors,
                    customer_id)
            select origin, topic, partition, position, raw, raw_bytes, headers::jsonb, reason,
                errors::jsonb,
                customer_id
            from unnest({arrays}) d({", ".join(fields)})
            on conflict (origin, topic, partition, position) do nothing
        """),
        {name: [getattr(letter, name) for letter in letters] for name in fields},
    )


def _storable(letter: NewDeadLetter) -> NewDeadLetter:
    """The same, with escapes for what text can't hold."""
    return replace(
        letter,
        topic=_text(letter.topic),
        raw_bytes=min(letter.raw_bytes, _MOST_BYTES),
        headers=_json(letter.headers),
        reason=_text(letter.reason),
        errors=_json(letter.errors),
        customer_id=None if letter.customer_id is None else _text(letter.customer_id),
    )


def _text(value: str) -> str:
    return _ODD.sub(lambda odd: f"\\u{ord(odd[0]):04x}", value)


def _json(document: str) -> str:
    document = _text(document)
    return json.dumps(_clean(json.loads(document))) if _ODD_JSON.search(document) else document


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(name): _clean(inner) for name, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value
