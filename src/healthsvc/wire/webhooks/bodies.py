"""Bodies of outgoing webhooks: `{"type", "timestamp", "data"}`, always under 20 kB."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from healthsvc.core.errors import InternalFault

LIMIT: Final = 20_000  # bytes, exclusive
TEXT_LIMIT: Final = 500  # characters kept of a text when the body is too long otherwise
OMITTED: Final = {"omitted": True}


def body(type: str, timestamp: datetime, data: Mapping[str, Any]) -> str:
    """The JSON of one message; `timestamp` (aware) is when it happened.

    Data may hold aware datetimes and numpy scalars. A body that would be too long loses `detail`,
    then the ends of its texts, then the ends of its lists: what was decided must never fail to be
    told.
    """
    for shorten in (_whole, _without_detail, _short_texts, _short_lists):
        shortened = shorten(data)
        text = _encode({"type": type, "timestamp": timestamp.astimezone(UTC), "data": shortened})
        if len(text) < LIMIT:
            return text.decode()
    raise BodyTooLongError(type)


def detail_json(detail: Mapping[str, Any]) -> str:
    """The JSON of an alert's detail, to be kept with it; may hold what a body may hold."""
    return _encode(detail).decode()


def message_id(*parts: object) -> str:
    """The id of a message that these parts determine: making it again gives the same id, so it is
    kept once."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=18).digest()
    return "msg_" + base64.urlsafe_b64encode(digest).decode()


class BodyTooLongError(InternalFault, ValueError):
    """The data of a webhook has so many fields that no shortening makes it fit."""

    def __init__(self, type: str) -> None:
        self.type = type
        super().__init__(f"{' '.join(str(self.__doc__).split())} Type: {type}.")


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: Any) -> object:
    """numpy's scalars and arrays, without importing it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"A {value.__class__.__name__} can't stand in a webhook's body.")


def _whole(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return data


def _without_detail(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**data, "detail": OMITTED} if "detail" in data else data


def _short_texts(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: _cut(value) for key, value in _without_detail(data).items()}


def _short_lists(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        key: value[:20] if isinstance(value, list | tuple) else value
        for key, value in _short_texts(data).items()
    }


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > TEXT_LIMIT:
        return value[: TEXT_LIMIT - 1] + "…"
    if isinstance(value, list | tuple):
        return [_cut(each) for each in value]
    return value
