"""Says why nothing more may be offered to a customer now."""

from typing import Final

from healthsvc.core.insights.expansion_gate import ClosedGate
from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import band, phrase

_BAND: Final = "band_"


def closed(language: Language, reason: ClosedGate, title: str | None) -> str:
    """Word one reason against. title: of the flag, where one stands against it."""
    if reason.flag is not None:
        return phrase(language, "expansion.flag", title=title or reason.flag)
    if reason.reason.startswith(_BAND):
        name = band(language, reason.reason.removeprefix(_BAND))
        return phrase(language, "expansion.band", band=name)
    return phrase(language, f"expansion.{reason.reason}")
