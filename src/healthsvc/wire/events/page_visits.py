"""Sights from archived events: the page's kind by the scorecard's rules, and the function that it
is about.

The function is what the sender names as `feature`; else the last part of the path that says more
than "help" or "docs".
"""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import unquote

from healthsvc.core.events import PAGE_VIEWED, TICKET_OPENED
from healthsvc.core.insights.page_visits import HELP, TICKET, PageVisit
from healthsvc.wire.events.catalogue import PageViewed, TicketOpened, type_of
from healthsvc.wire.events.decode import decode_batch

MARKS: Final = tuple(f'"{event_type.name}"' for event_type in (PAGE_VIEWED, TICKET_OPENED))
"""An archived event without any of these texts is no sight."""
LONGEST: Final = 60
_NO_FUNCTION: Final = frozenset(
    {
        *(
            "help",
            "support",
            "docs",
            "doc",
            "documentation",
            "spec",
            "specs",
            "specification",
            "specifications",
        ),
        *(
            "features",
            "feature",
            "manual",
            "manuals",
            "guide",
            "guides",
            "tutorial",
            "tutorials",
            "faq",
            "faqs",
        ),
        *(
            "kb",
            "helpcenter",
            "helpdesk",
            "hc",
            "article",
            "articles",
            "categories",
            "category",
            "sections",
            "section",
        ),
        *(
            "search",
            "index",
            "home",
            "tickets",
            "ticket",
            "contact",
            "requests",
            "new",
            "latest",
            "stable",
            "datasheet",
        ),
        *(
            "ajuda",
            "suporte",
            "documentacao",
            "guia",
            "guias",
            "artigos",
            "artigo",
            "busca",
            "recursos",
            "hilfe",
        ),
        *(
            "anleitung",
            "anleitungen",
            "handbuch",
            "funktionen",
            "ayuda",
            "soporte",
            "aide",
            "troubleshooting",
        ),
        *(
            "funcionalidades",
            "especificacoes",
            "duvidas",
            "perguntas",
            "frequentes",
            "how",
            "to",
            "como",
        ),
        *(
            "en",
            "pt",
            "br",
            "us",
            "gb",
            "uk",
            "de",
            "es",
            "fr",
            "it",
            "nl",
            "html",
            "htm",
            "php",
            "aspx",
        ),
    }
)


def sights(archived: Sequence[str], kind_of: Callable[[PageViewed], str | None]) -> list[PageVisit]:
    """The pages and tickets among archived events, in their order. kind_of: the kind of a
    page that was viewed, None where the visit doesn't count."""
    batch = decode_batch([event.encode() for event in archived], now_us=1 << 62)
    visits: list[PageVisit] = []
    for us, event in zip(batch.occurred_us.tolist(), batch.events, strict=True):
        if isinstance(event, PageViewed):
            kind = kind_of(event)
            if kind is None:
                continue
            url = event.data.url if kind in HELP else None
            function = event.data.feature or (function_of(url) if url else None)
        elif isinstance(event, TicketOpened):
            kind, function = TICKET, event.data.feature
        else:
            continue
        visits.append(
            PageVisit(
                kind=kind,
                function=(function or "").strip() or None,
                us=us,
                event_id=event.id,
                source=event.source,
                type=type_of(event),
            )
        )
    return visits


def function_of(url: str) -> str | None:
    """The words of the path's last part that names something: /help/articles/42-csv-export gives
    "csv export"."""
    address = url.partition("?")[0].partition("#")[0]
    _, there, rest = address.partition("://")
    path = rest.partition("/")[2] if there else address
    for part in reversed(path.split("/")):
        text = "".join(c if c.isalnum() else " " for c in unquote(part).casefold())
        words = [word for word in text.split() if word not in _NO_FUNCTION and not _is_number(word)]
        if words:
            return " ".join(words)[:LONGEST]
    return None


def _is_number(word: str) -> bool:
    """42, v2, and the hashes and ids that content systems put into paths."""
    digits = sum(c.isdigit() for c in word)
    return digits > 0 and (digits * 2 >= len(word) or len(word) > 16)
