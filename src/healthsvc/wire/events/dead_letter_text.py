"""A record's headers as a dead letter shows them: text that PostgreSQL can hold, and that can be
turned back to bytes.

Bytes that aren't UTF-8, and U+0000, are escaped (\\xff, \\x00), and backslashes are doubled beside
them. Null is null; a name that occurs several times has a list of its values.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

HEADERS_BYTES: Final = 65_536
"""Of all headers of a record; more are cut off."""
DETAIL_CHARACTERS: Final = 2_000
_ODD = re.compile(r"[\0\udc80-\udcff]")
_ESCAPE = re.compile(r"\\(\\|x[0-9a-f]{2}|0)")

Headers = Iterable[tuple[str, bytes | None]]


def headers_json(headers: Headers | None) -> str:
    """A JSON object of the headers."""
    listed: dict[str, list[str | None]] = {}
    remaining = HEADERS_BYTES
    for name, value in headers or ():
        if remaining <= 0:
            break
        key = escaped(name.encode("utf-8", "surrogateescape")[:remaining])
        text = None if value is None else escaped(value[:remaining])
        listed.setdefault(key, []).append(text)
        remaining -= len(key) + len(text or "") + 1
    return json.dumps(
        {name: values[0] if len(values) == 1 else values for name, values in listed.items()}
    )


def headers_of(stored: Mapping[str, Any]) -> list[tuple[str, bytes | None]]:
    """The headers that `headers_json` was made of."""
    return [
        (
            unescaped(name).decode("utf-8", "surrogateescape"),
            None if value is None else unescaped(str(value)),
        )
        for name, values in stored.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def escaped(content: bytes) -> str:
    """Bytes as text: as they are where they are text, else escaped."""
    text = content.decode("utf-8", "surrogateescape")
    if _ODD.search(text) is None and _ESCAPE.search(text) is None:
        return text
    return _ODD.sub(lambda odd: f"\\x{ord(odd[0]) & 0xFF:02x}", text.replace("\\", "\\\\"))


def unescaped(text: str) -> bytes:
    """The bytes that `escaped` was given."""
    content = _ESCAPE.sub(_unescape, text)
    return content.encode("utf-8", "surrogateescape")


def _unescape(escape: re.Match[str]) -> str:
    code = escape[1]
    if code == "\\":
        return code
    byte = 0 if code == "0" else int(code[1:], 16)
    return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)


def errors_json(errors: Iterable[tuple[str, str]]) -> str:
    """A JSON array of (pointer, detail)."""
    return json.dumps(
        [{"pointer": _cut(pointer), "detail": _cut(detail)} for pointer, detail in errors]
    )


def _cut(text: str) -> str:
    return text if len(text) <= DETAIL_CHARACTERS else text[:DETAIL_CHARACTERS] + "…"
