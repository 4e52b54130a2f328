"""Page kinds from URLs: ordered rules of words, as the scorecard's `page_kinds` states them; the
first match wins.

A rule is `{"kind": "cancel", "words": [...], "hosts": [...]}`. Each entry of `words` is one or more
words that stand next to each other in the path, in lower case and without accents ("close account"
finds /my/close-account.html); a `*` at its end takes any ending of the last word ("cancel*").
`hosts` are labels of the host name before its domain ("help" finds help.example.com). No regular
expressions: the time is linear in the URL.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args
from urllib.parse import unquote

from healthsvc.core.scorecard.reader import ScorecardError
from healthsvc.wire.events.catalogue import PageKind

KINDS: Final = get_args(PageKind)
OTHER: Final = "other"
MAX_RULES: Final = 50
MAX_PATTERNS: Final = 200
MAX_PATTERN_LENGTH: Final = 100
MAX_PATH: Final = 2000
REMEMBERED: Final = 20_000
REMEMBERED_LENGTH: Final = 500

_TO_SPACE: Final = {code: " " for code in range(128) if not chr(code).isalnum()}

DEFAULT_RULES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "kind": "cancel",
        "words": [
            *(
                "cancel",
                "cancellation",
                "cancelation",
                "canceling",
                "cancelling",
                "cancel subscription",
                "offboarding",
            ),
            *(
                "cancelsubscription",
                "cancelaccount",
                "close account",
                "delete account",
                "end subscription",
            ),
            *(
                "terminate account",
                "account closure",
                "kuendigen",
                "kundigen",
                "kuendigung",
                "kundigung",
                "konto loeschen",
            ),
            *(
                "konto loschen",
                "abo beenden",
                "cancelar",
                "cancelamento",
                "cancelacion",
                "encerrar conta",
                "excluir conta",
            ),
            *(
                "rescisao",
                "dar de baja",
                "darse de baja",
                "baja",
                "eliminar cuenta",
                "cerrar cuenta",
                "resilier",
            ),
            *("resiliation", "annuler abonnement", "supprimer compte", "desabonnement"),
        ],
    },
    {
        "kind": "pricing",
        "words": [
            *(
                "pricing",
                "prices",
                "price",
                "plans",
                "plan",
                "upgrade",
                "downgrade",
                "compare plans",
                "quote",
                "tarife",
            ),
            *(
                "tarif",
                "preise",
                "preisliste",
                "pakete",
                "precos",
                "preco",
                "planos",
                "plano",
                "precios",
                "precio",
                "planes",
            ),
            *(
                "tarifas",
                "tarifa",
                "tarifs",
                "prix",
                "forfaits",
                "forfait",
                "offres",
                "abonnements",
            ),
        ],
    },
    {
        "kind": "login",
        "words": [
            *(
                "login",
                "signin",
                "sign in",
                "log in",
                "logon",
                "sso",
                "anmelden",
                "anmeldung",
                "einloggen",
                "entrar",
            ),
            *("iniciar sesion", "acceder", "fazer login", "connexion", "se connecter"),
        ],
        "hosts": ["login", "auth", "sso"],
    },
    {
        "kind": "billing",
        "words": [
            *(
                "billing",
                "invoice",
                "invoices",
                "payment",
                "payments",
                "payment method",
                "receipts",
                "rechnung",
            ),
            *(
                "rechnungen",
                "zahlung",
                "zahlungen",
                "zahlungsart",
                "abrechnung",
                "faturamento",
                "fatura",
                "faturas",
            ),
            *(
                "cobranca",
                "pagamento",
                "pagamentos",
                "facturacion",
                "factura",
                "facturas",
                "pago",
                "pagos",
            ),
            *("facturation", "facture", "factures", "paiement", "paiements"),
        ],
        "hosts": ["billing"],
    },
    {
        "kind": "support",
        "words": [
            *(
                "support",
                "help",
                "helpcenter",
                "helpdesk",
                "faq",
                "faqs",
                "troubleshooting",
                "knowledge base",
                "kb",
                "ticket",
            ),
            *(
                "tickets",
                "contact us",
                "contact support",
                "hilfe",
                "hilfecenter",
                "fragen",
                "kundendienst",
                "ajuda",
            ),
            *(
                "suporte",
                "atendimento",
                "duvidas",
                "ayuda",
                "soporte",
                "preguntas frecuentes",
                "aide",
                "assistance",
            ),
            *("centre aide", "foire aux questions"),
        ],
        "hosts": [
            "support",
            "help",
            "faq",
            "hilfe",
            "ajuda",
            "suporte",
            "ayuda",
            "soporte",
            "aide",
        ],
    },
    {
        "kind": "spec",
        "words": [
            *(
                "docs",
                "documentation",
                "spec",
                "specs",
                "specification",
                "specifications",
                "features",
                "feature",
                "manual",
            ),
            *(
                "manuals",
                "guide",
                "guides",
                "tutorial",
                "tutorials",
                "api reference",
                "datasheet",
                "dokumentation",
            ),
            *(
                "funktionen",
                "funktion",
                "spezifikationen",
                "anleitung",
                "anleitungen",
                "handbuch",
                "documentacao",
            ),
            *(
                "funcionalidades",
                "funcionalidade",
                "especificacoes",
                "especificacao",
                "recursos",
                "documentacion",
            ),
            *(
                "funciones",
                "caracteristicas",
                "especificaciones",
                "especificacion",
                "fonctionnalites",
                "guia",
                "guias",
            ),
            *("caracteristiques", "fiche technique"),
        ],
        "hosts": ["docs", "documentation", "developers", "developer"],
    },
)
"""Good for sites in English, German, Portuguese, Spanish and French. Umlauts come in both
spellings."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Words that stand next to each other; the last may be a beginning. The lowest rank wins."""

    rank: int
    words: tuple[str, ...]
    open_ended: bool

    def at(self, words: Sequence[str], place: int) -> bool:
        """Whether the pattern stands at this place."""
        *head, last = self.words
        end = place + len(head)
        if end >= len(words) or words[place:end] != head:
            return False
        return words[end].startswith(last) if self.open_ended else words[end] == last


class PageRules:
    """Compiled rules; `kind_of` remembers what it was asked."""

    def __init__(self, rules: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Compile plain data, or the defaults for None; ScorecardError says where it can't be
        used."""
        chosen = DEFAULT_RULES if rules is None else rules
        if not isinstance(chosen, list | tuple) or len(chosen) > MAX_RULES:
            raise ScorecardError("/page_kinds", f"must be a list of at most {MAX_RULES} rules")
        self._kinds: list[str] = []
        self._hosts: dict[str, int] = {}
        self._by_first: dict[str, list[_Pattern]] = {}  # by the pattern's first word
        self._open: list[_Pattern] = []  # a single word with any ending
        for rank, rule in enumerate(chosen):
            self._add(rank, rule, f"/page_kinds/{rank}")
        self._known: dict[str, str] = {}

    def kind_of(self, url: str) -> str:
        """The kind of page that the URL leads to; `other` if no rule knows it, or if it isn't a
        URL."""
        key = url if "#" in url else url.partition("?")[0]
        kind = self._known.get(key)
        if kind is None:
            kind = self._judge(key)
            if len(key) <= REMEMBERED_LENGTH:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[key] = kind
        return kind

    def _add(self, rank: int, rule: object, path: str) -> None:
        """Compile one rule into the indexes."""
        checked = _checked(rule, path)
        self._kinds.append(checked["kind"])
        for host in _texts(checked, "hosts", path):
            self._hosts.setdefault(host.casefold(), rank)
        for place, text in enumerate(_texts(checked, "words", path)):
            pattern = _pattern(rank, text, f"{path}/words/{place}")
            if pattern.open_ended and len(pattern.words) == 1:
                self._open.append(pattern)
            else:
                self._by_first.setdefault(pattern.words[0], []).append(pattern)

    def _judge(self, url: str) -> str:
        labels, words = _parts(url)
        ranks = [self._hosts[label] for label in labels if label in self._hosts]
        if not self._by_first.keys().isdisjoint(words):
            for place, word in enumerate(words):
                ranks += [p.rank for p in self._by_first.get(word, ()) if p.at(words, place)]
        for pattern in self._open:
            ranks += [pattern.rank for word in words if word.startswith(pattern.words[0])]
        return self._kinds[min(ranks)] if ranks else OTHER


def _parts(url: str) -> tuple[list[str], list[str]]:
    """The host's labels before its domain, and the words of the path (and of a route in the
    fragment), folded."""
    front, _, fragment = url.strip().partition("#")
    address = front.partition("?")[0]
    _, separator, rest = address.partition("://")
    if not separator:
        rest = address.removeprefix("//")
        if not address.startswith("/") and ":" in rest.partition("/")[0]:
            return [], []  # mailto:, javascript: and the like lead to no page
    on_site = rest.startswith("/")  # a path without a host
    host, _, path = ("", "", rest) if on_site else rest.partition("/")
    route = fragment.removeprefix("!")
    if route.startswith("/"):
        path += route.partition("?")[0]
    labels = host.rpartition("@")[2].partition(":")[0].casefold().split(".")
    return labels[:-2], _words(unquote(path[:MAX_PATH]))


def _words(text: str) -> list[str]:
    """Lower-case words without accents."""
    folded = text.casefold()
    if not folded.isascii():
        folded = "".join(
            c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c)
        )
        folded = "".join(c if c.isalnum() else " " for c in folded)
    return folded.translate(_TO_SPACE).split()


def _checked(rule: object, path: str) -> Mapping[str, Any]:
    """The rule, if it is one."""
    if not isinstance(rule, Mapping):
        raise ScorecardError(path, "must be a rule: kind, and words or hosts")
    unknown = set(rule) - {"kind", "words", "hosts"}
    if unknown:
        raise ScorecardError(
            path, f"has no field {min(map(str, unknown))}; a rule has kind, words, hosts"
        )
    if rule.get("kind") not in KINDS:
        raise ScorecardError(f"{path}/kind", f"must be one of {', '.join(KINDS)}")
    return rule


def _texts(rule: Mapping[str, Any], name: str, path: str) -> list[str]:
    texts = rule.get(name) or []
    if not isinstance(texts, list | tuple) or len(texts) > MAX_PATTERNS:
        raise ScorecardError(f"{path}/{name}", f"must be a list of at most {MAX_PATTERNS} texts")
    for place, text in enumerate(texts):
        if not isinstance(text, str) or not 0 < len(text) <= MAX_PATTERN_LENGTH:
            raise ScorecardError(
                f"{path}/{name}/{place}", f"must be text of 1 to {MAX_PATTERN_LENGTH} characters"
            )
    return list(texts)


def _pattern(rank: int, text: str, path: str) -> _Pattern:
    words = _words(text)
    if not words or "*" in text[:-1]:
        raise ScorecardError(path, "must be words, with * only at the end")
    return _Pattern(rank, tuple(words), text.endswith("*"))
