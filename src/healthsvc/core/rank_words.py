"""Why an alert is ranked where it is, in words that a CSM can read out, English and Portuguese."""

from collections.abc import Mapping
from typing import Final

from healthsvc.core.insights.rank import Part, Rank
from healthsvc.core.words import LANGUAGES, Language

Both = tuple[str, str]
_SEVERITY: Final[Mapping[str, Both]] = {
    "critical": ("critical", "crítico"),
    "warning": ("a warning", "um aviso"),
    "info": ("good to know", "bom saber"),
}
_SPANS: Final = ((60.0, "min"), (3600.0, "h"), (86_400.0, "d"))


def why(language: Language, rank: Rank) -> str:
    """One sentence."""
    place = LANGUAGES.index(language)
    said = "; ".join(text for part in rank.parts if (text := _part(part)[place]))
    return f"{said[:1].upper()}{said[1:]}."


def _part(part: Part) -> Both:
    value = part.value
    if part.part == "severity":
        return _SEVERITY.get(str(value), ("", ""))
    if part.part == "risk":
        if not isinstance(value, float):
            return "risk not known", "risco desconhecido"
        return f"risk {value:.0%}", f"risco {value:.0%}"
    if part.part == "money":
        if not isinstance(value, float):
            return "what they pay isn't known", "valor pago desconhecido"
        text = f"{value:,.0f}"
        return f"pays {text} a month", f"paga {text.replace(',', '.')} por mês"
    if part.part == "freshness":
        return f"began {_age(value)} ago", f"começou há {_age(value)}"
    if part.part == "spoken":
        return "somebody has spoken with them since", "alguém já falou com eles depois disso"
    return "contacted often enough lately", "já contatado o bastante ultimamente"


def _age(seconds: str | float | None) -> str:
    past = float(seconds or 0.0)
    size, name = next((span for span in reversed(_SPANS) if past >= span[0]), _SPANS[0])
    return f"{past / size:.0f} {name}"
