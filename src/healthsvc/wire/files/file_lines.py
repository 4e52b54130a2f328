"""Lines of a file of events, as they stand there."""

from typing import NamedTuple

import msgspec

from healthsvc.core.errors import InvalidInput

encode_json = msgspec.json.Encoder().encode


class FileRefusedError(InvalidInput, ValueError):
    """The file or its mapping can't be read as events."""


class Line(NamedTuple):
    """One event as it stands in the file."""

    number: int  # physical line, from 1
    value: bytes  # JSON of an envelope, unchecked


class BadLine(NamedTuple):
    """A line that never became an event, and why."""

    number: int
    reason: str  # short code
    detail: str


Group = list[Line | BadLine]
