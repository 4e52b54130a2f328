"""Explanations in words that can be read out to a customer's face, in English and Portuguese.

Names of measures are the scorecard's own; those of the default one are known in both languages, and any other is read
as it is written.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

Language = Literal["en", "pt"]
LANGUAGES: Final = ("en", "pt")

GOOD: Final = 0.7
"""A measure with this share of what it could give helps; one with less costs."""

_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "activity": ("overall activity", "atividade geral"),
    "feature_use": ("how often functions are used", "frequência de uso das funções"),
    "feature_extent": ("how many functions are used", "quantidade de funções usadas"),
    "sessions": ("sign-ins", "acessos"),
    "events_attended": ("events attended", "participação em eventos"),
    "nps": ("the answer to the NPS survey", "resposta à pesquisa NPS"),
    "csat": ("satisfaction", "satisfação"),
    "ces": ("ease of use", "facilidade de uso"),
    "surveys_unanswered": ("unanswered surveys", "pesquisas sem resposta"),
    "complaints": ("open complaints", "reclamações em aberto"),
    "complaint_served_well": ("a complaint that was served well", "reclamação bem atendida"),
    "complaint_served_badly": ("a complaint that was served badly", "reclamação mal atendida"),
    "tickets": ("tickets without an answer", "chamados sem resposta"),
    "help_views": ("visits to the help pages", "visitas às páginas de ajuda"),
    "payments": ("overdue invoices", "faturas em atraso"),
    "seats_in_use": ("seats in use", "licenças em uso"),
    "pricing_views": ("visits to the pricing page", "visitas à página de preços"),
    "contract": ("the contract", "contrato"),
    "advocacy": ("recommendations and requests", "indicações e pedidos"),
    "champion_left": ("the main contact's leaving", "saída do contato principal"),
    "owner_changed": ("a change of who looks after them", "mudança de quem cuida da conta"),
    "frozen_at_churn": ("the end of the subscription", "fim da assinatura"),
    "override": ("a manual judgement", "avaliação manual"),
    "cancel_intent": ("a visit to the cancel page", "visita à página de cancelamento"),
    "silent": ("silence", "silêncio"),
    "usage_drop": ("a drop in use", "queda no uso"),
    "detractor": ("a detractor's answer", "resposta de detrator"),
    "complaint_open": ("an open complaint", "reclamação em aberto"),
    "payment_overdue": ("an overdue invoice", "fatura em atraso"),
    "silent_unhappy": ("silence of a customer that is unhappy with us", "silêncio de quem está insatisfeito"),
    "dissatisfied": ("an answer of low satisfaction", "resposta de baixa satisfação"),
    "unhappy": ("unhappiness with us", "insatisfação conosco"),
    "outreach": ("our own contacts", "contatos iniciados por nós"),
    "reassess": ("half a year without a conversation", "meio ano sem conversa"),
    "silent_before_renewal": ("silence with the renewal near", "silêncio perto da renovação"),
    "drop_before_renewal": ("a drop in use with the renewal near", "queda no uso perto da renovação"),
}
_PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "new_events": ("what happened since", "o que aconteceu desde então"),
    "ageing": ("the passing of time", "a passagem do tempo"),
    "late_data": ("earlier events that arrived late", "eventos anteriores que chegaram atrasados"),
    "configuration": ("a change of our scorecard", "uma mudança na nossa régua de avaliação"),
    "override": ("a manual judgement", "uma avaliação manual"),
}
_MONTHS: Final = (
    ("January", "janeiro"),
    ("February", "fevereiro"),
    ("March", "março"),
    ("April", "abril"),
    ("May", "maio"),
    ("June", "junho"),
    ("July", "julho"),
    ("August", "agosto"),
    ("September", "setembro"),
    ("October", "outubro"),
    ("November", "novembro"),
    ("December", "dezembro"),
)


def name_of(language: Language, measure: str) -> str:
    """What a measure, or the flag of a cap, is called."""
    plain = measure.removeprefix("cap:")
    known = _NAMES.get(plain)
    return plain.replace("_", " ") if known is None else _pick(language, known)


def why(
    language: Language, customer: str, score: float | None, contributions: Sequence[Mapping[str, Any]], flags: list[str]
) -> str:
    """Why the score is what it is, in one or two sentences."""
    if score is None:
        return _pick(
            language,
            (
                f"There is not enough evidence yet to judge the health of {customer}.",
                f"Ainda não há informação suficiente para avaliar a saúde de {customer}.",
            ),
        )
    judged = [c for c in contributions if c["best"] > 0.5]
    good = sorted((c for c in judged if c["points"] >= GOOD * c["best"]), key=lambda c: -c["points"])[:2]
    bad = sorted((c for c in judged if c["points"] < GOOD * c["best"]), key=lambda c: c["points"] - c["best"])[:2]
    caps = [c for c in contributions if str(c["measure"]).startswith("cap:")]
    said = [
        _pick(
            language,
            (f"The health of {customer} is {_n(score)} of 100", f"A saúde de {customer} está em {_n(score)} de 100"),
        )
    ]
    helped = _and(language, [name_of(language, c["measure"]) for c in good])
    costs = _and(language, [name_of(language, c["measure"]) for c in bad])
    if helped:
        said.append(_pick(language, (f"what helps most is {helped}", f"o que mais ajuda é {helped}")))
    if costs:
        said.append(_pick(language, (f"what costs most is {costs}", f"o que mais pesa é {costs}")))
    text = ": ".join([said[0], "; ".join(said[1:])]) if len(said) > 1 else said[0]
    if caps:
        limit = name_of(language, caps[0]["measure"])
        text += _pick(language, (f". It is held down by {limit}", f". O valor está limitado por: {limit}"))
    if any(c["measure"] == "override" for c in contributions):
        text += _pick(language, (". It is a manual judgement", ". Trata-se de uma avaliação manual"))
    return text + "."


def change(
    language: Language,
    customer: str,
    span: tuple[datetime, datetime],
    scores: tuple[float | None, float | None],
    parts: Mapping[str, float],
    reasons: Mapping[str, Sequence[str]],
) -> str:
    """How the score moved and why. parts: points by kind; reasons: by kind, the measures that moved it most."""
    since, until = _span(language, *span)
    before, after = scores
    if after is None or before is None:
        return _pick(
            language,
            (
                f"Between {since} and {until} there was not enough evidence to compare the health of {customer}.",
                f"Entre {since} e {until} não havia informação suficiente para comparar a saúde de {customer}.",
            ),
        )
    moved = after - before
    shown = [(k, v) for k, v in sorted(parts.items(), key=lambda kv: -abs(kv[1])) if abs(v) >= 0.05]
    if not shown:
        return _pick(
            language,
            (
                f"The health of {customer} stayed at {_n(after)} between {since} and {until}.",
                f"A saúde de {customer} ficou em {_n(after)} entre {since} e {until}.",
            ),
        )
    if abs(moved) < 0.05:
        head = _pick(
            language,
            (
                f"The health of {customer} is {_n(after)}, as it was on {since}",
                f"A saúde de {customer} é {_n(after)}, como em {since}",
            ),
        )
    else:
        verb = _pick(language, ("rose", "subiu") if moved > 0 else ("fell", "caiu"))
        head = _pick(
            language,
            (
                f"The health of {customer} {verb} by {_n(abs(moved))} points, from {_n(before)} to {_n(after)}, between"
                f" {since} and {until}",
                f"A saúde de {customer} {verb} {_n(abs(moved))} pontos, de {_n(before)} para {_n(after)}, entre"
                f" {since} e {until}",
            ),
        )
    return f"{head}: {_and(language, [_piece(language, k, v, reasons.get(k, ())) for k, v in shown])}."


def _piece(language: Language, kind: str, points: float, measures: Sequence[str]) -> str:
    about = _and(language, [name_of(language, m) for m in measures])
    text = f"{abs(points):.1f}".replace(".", "," if language == "pt" else ".")
    verb = _pick(language, ("won", "ganhou") if points > 0 else ("lost", "perdeu"))
    text = f"{verb} {text} {_pick(language, ('through', 'por'))} {_pick(language, _PARTS[kind])}"
    return f"{text} ({about})" if about else text


def _pick(language: Language, both: tuple[str, str]) -> str:
    return both[LANGUAGES.index(language)]


def _n(score: float) -> str:
    return f"{score:.0f}"


def _day(language: Language, at: datetime) -> str:
    month = _pick(language, _MONTHS[at.month - 1])
    return f"{at.day} {month}" if language == "en" else f"{at.day} de {month}"


def _span(language: Language, since: datetime, until: datetime) -> tuple[str, str]:
    """Two days, or two times of one day; UTC."""
    if since.date() != until.date():
        return _day(language, since), _day(language, until)
    day = _pick(language, (f"{until:%H:%M} on {_day(language, until)}", f"{until:%H:%M} de {_day(language, until)}"))
    return f"{since:%H:%M}", day


def _and(language: Language, items: Sequence[str]) -> str:
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {_pick(language, ('and', 'e'))} {items[-1]}"
