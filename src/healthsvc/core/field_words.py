"""The field's readings in words, English and Portuguese: what each sign says, and the question that opens the talk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from healthsvc.core.insights.disagreements import Disagreement
from healthsvc.core.insights.expansion_gate import Closed
from healthsvc.core.insights.interpretations import ReadingName, Review
from healthsvc.core.insights.page_visits import Concern
from healthsvc.core.insights.signals import Sign
from healthsvc.core.words import LANGUAGES, Language

Both = tuple[str, str]

_SIGNS: Final[Mapping[str, Both]] = {
    "falling_use": ("use has fallen to {share} of the usual", "o uso caiu para {share} do habitual"),
    "rising_use": ("use has risen to {share} of the usual", "o uso subiu para {share} do habitual"),
    "complaint_open": ("open complaints: {n}", "reclamações em aberto: {n}"),
    "low_nps": ("answered {n} to the NPS survey", "respondeu {n} à pesquisa NPS"),
    "promoter": ("answered {n} to the NPS survey", "respondeu {n} à pesquisa NPS"),
    "low_csat": ("rated satisfaction {n} of 5", "avaliou a satisfação em {n} de 5"),
    "cancel_page": ("looked at the cancel page", "visitou a página de cancelamento"),
    "contraction": ("pays {money} less a month", "paga {money} a menos por mês"),
    "growth": ("pays {money} more a month", "paga {money} a mais por mês"),
    "seats_idle": ("only {share} of the seats are in use", "só {share} das licenças estão em uso"),
    "seats_nearly_full": ("{share} of the seats are in use", "{share} das licenças estão em uso"),
    "ticket_waiting": ("tickets without a first answer: {n}", "chamados sem primeira resposta: {n}"),
    "ticket_open": ("open tickets: {n}", "chamados em aberto: {n}"),
    "renewal_near": ("the renewal is {days} days away", "faltam {days} dias para a renovação"),
    "invoice_overdue": ("overdue invoices: {n}", "faturas em atraso: {n}"),
    "billing_pages": ("views of billing pages: {n}", "visitas às páginas de cobrança: {n}"),
    "spec_pages": ("views of specification pages: {n}", "visitas às páginas de especificação: {n}"),
    "cancelled": ("has cancelled, ending in {days} days", "cancelou, com término em {days} dias"),
    "contract_signed": ("signed the contract anew {days} days ago", "assinou novo contrato há {days} dias"),
    "large_account": ("pays {money} a month", "paga {money} por mês"),
}

READINGS: Final[Mapping[ReadingName, Both]] = {
    "doubts_the_cost": ("doubts the cost against the benefit", "duvida do custo em relação ao benefício"),
    "budget_review": ("a budget review in their department", "uma revisão de orçamento no departamento"),
    "thinks_of_an_upgrade": ("thinks of an upgrade", "pensa em ampliar o plano"),
}

QUESTIONS: Final[Mapping[ReadingName, Both]] = {
    "doubts_the_cost": (
        "Which results did you expect from us that you aren't seeing yet?",
        "Que resultados você esperava de nós e ainda não está vendo?",
    ),
    "budget_review": (
        "Are you planning the next budget, and which figures of your use would help you there?",
        "Vocês estão planejando o próximo orçamento? Que números do seu uso ajudariam nisso?",
    ),
    "thinks_of_an_upgrade": (
        "What would you like to do with the product that you can't do today?",
        "O que você gostaria de fazer com o produto e hoje não consegue?",
    ),
}
OPEN_QUESTION: Final[Both] = (
    "How well does your plan fit what you need today, and what is about to change for you?",
    "O seu plano atende bem ao que vocês precisam hoje? O que está para mudar por aí?",
)

_REASONS: Final[Mapping[str, str]] = {
    "churned": "The subscription ended.",
    "complaint_open": "A complaint is open: resolve it first.",
    "invoice_overdue": "An invoice is overdue: ask about it first.",
    "contraction": "They pay less than before: find out why first.",
    "just_sold": "Sold less than 30 days ago: let the value show first.",
    "first_seen_lately": "First seen less than 30 days ago; when it was sold isn't known: let the value show first.",
    "onboarding": "Still in onboarding: let the value show first.",
    "not_enough_evidence": "There is not enough evidence yet to judge the relationship.",
}


def _pick(language: Language, both: Both) -> str:
    return both[LANGUAGES.index(language)]


@dataclass(frozen=True, slots=True)
class _Figures:
    """A sign's value as its clause wants it."""

    value: float
    language: Language

    def __getitem__(self, name: str) -> str:
        match name:
            case "share":
                return f"{100 * self.value:.0f}%"
            case "days":
                return f"{max(self.value, 0):.0f}"
            case "money":
                return _money(self.language, abs(self.value))
        return f"{self.value:g}"


def sign(language: Language, said: Sign) -> str:
    """What one sign says, a clause without a full stop."""
    return _pick(language, _SIGNS[said.sign]).format_map(_Figures(said.value, language))


def question(language: Language, reading: ReadingName | None) -> str:
    """With what to open the talk; None: nothing tells the readings apart."""
    return _pick(language, OPEN_QUESTION if reading is None else QUESTIONS[reading])


def review(language: Language, found: Review) -> str:
    """Which reading is likely, or that it stays open."""
    if found.likely is not None:
        evidence = next(r.evidence for r in found.readings if r.reading == found.likely)
        said, likely = "; ".join(sign(language, s) for s in evidence), _pick(language, READINGS[found.likely])
        return _pick(language, (f"The likely reading: {likely} ({said}).", f"Leitura provável: {likely} ({said})."))
    if any(r.evidence for r in found.readings):
        return _pick(
            language,
            (
                "Ambiguous: there is evidence for more than one reading. Ask before you conclude.",
                "Ambíguo: há indícios de mais de uma leitura. Pergunte antes de concluir.",
            ),
        )
    return _pick(
        language,
        (
            "Ambiguous: nothing tells the three readings apart. Ask before you conclude.",
            "Ambíguo: nada distingue as três leituras. Pergunte antes de concluir.",
        ),
    )


def help_wanted(language: Language, customer: str, found: Sequence[Concern]) -> str:
    """With which functions the customer needs help."""
    if not found:
        return _pick(
            language,
            (
                f"{customer} looks for help; the pages don't say with which function. Ask.",
                f"{customer} procura ajuda; as páginas não dizem com qual função. Pergunte.",
            ),
        )
    named = ", ".join(concern.function for concern in found)
    return _pick(
        language,
        (
            f"{customer} looks for help with: {named}. Offer the guide for it.",
            f"{customer} procura ajuda com: {named}. Ofereça o guia correspondente.",
        ),
    )


def closed(reason: Closed, title: str | None) -> str:
    """Why nothing more may be offered. title: of the flag, where one stands against it."""
    if reason.flag is not None:
        return f"{title or reason.flag}: the relationship is fragile."
    band = reason.reason.removeprefix("band_").replace("_", " ")
    return _REASONS.get(reason.reason, f"The customer is in the band {band}: the relationship is fragile.")


def disagreement(language: Language, found: Disagreement) -> str:
    """One sentence: what the score says, and what the money says."""
    head = _pick(language, _SCORES[found.score])
    return f"{head}: {sign(language, found.money)}."


_SCORES: Final[Mapping[str, Both]] = {
    "high": ("The score is high, the money says otherwise", "A pontuação é alta, o dinheiro diz o contrário"),
    "low": ("The score is low, with money at stake", "A pontuação é baixa, com dinheiro em jogo"),
}


def _money(language: Language, amount: float) -> str:
    text = f"{amount:,.0f}"
    return text.replace(",", ".") if language == "pt" else text
