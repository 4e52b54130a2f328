"""Dates, numbers and points as a language writes them."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from healthsvc.core.languages import Language
from healthsvc.core.phrases import grammar

NOTHING: Final = "—"
MONTHS: Final[dict[Language, str]] = {
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "pt": "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
}


def number(language: Language, value: float | None, digits: int = 0) -> str:
    """Write a number with a true minus; a dash where there is none."""
    if value is None:
        return NOTHING
    return grammar.number(language, value, digits).replace("-", "\N{MINUS SIGN}")


def signed(language: Language, value: float) -> str:
    """Write points of a score with their sign, to a tenth."""
    return ("+" if value > 0 else "") + number(language, value, 1)


def day(language: Language, at: datetime | None, zone: ZoneInfo) -> str:
    """Write a date: 1 Dec 2026, 1 de dez. de 2026."""
    if at is None:
        return NOTHING
    local = at.astimezone(zone)
    month = MONTHS[language].split()[local.month - 1]
    if language == "pt":
        return f"{local.day} de {month} de {local.year}"
    return f"{local.day} {month} {local.year}"


def instant(language: Language, at: datetime | None, zone: ZoneInfo) -> str:
    """Write a date with its time of day and zone."""
    if at is None:
        return NOTHING
    return f"{day(language, at, zone)} · {at.astimezone(zone):%H:%M %Z}"
