"""Archived events as plain data: fields that a type doesn't know may hold what JSON allows and its
readers don't take.

A number beyond doubles, and a value nested too deeply, become the text that was received.
Everything else stays as it is. Never raises, whatever stands in the archive.
"""

import json
import re
from math import isinf
from typing import Any, Final

DEPTH: Final = 64
"""Arrays and objects nested more deeply are given as text: beyond some hundred levels JSON readers
give up."""
DIGITS: Final = 309
"""Integers of more digits are given as text: no double holds them, and Python itself refuses those
of 4,300."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^"\[\]{}]+|.', re.DOTALL)
_STEP: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


def event_of(text: str) -> dict[str, Any]:
    """The event; what isn't a JSON object at all is given as `{"raw": text}`."""
    shallow = text if text.count("[") + text.count("{") <= DEPTH else _flatten(text)
    try:
        event = json.loads(shallow, parse_int=_integer, parse_float=_float, parse_constant=str)
    except (ValueError, RecursionError):
        return {"raw": text}
    return event if isinstance(event, dict) else {"raw": text}


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS else digits


def _float(digits: str) -> float | str:
    value = float(digits)
    return digits if isinf(value) else value


def _flatten(text: str) -> str:
    """The same JSON with everything below `DEPTH` levels as text."""
    parts: list[str] = []
    depth = start = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        step = _STEP.get(token, 0)
        if step > 0 and depth == DEPTH:
            start = match.start()
        depth += step
        if depth <= DEPTH:
            closes = step < 0 and depth == DEPTH
            parts.append(json.dumps(text[start : match.end()]) if closes else token)
    return "".join(parts)
