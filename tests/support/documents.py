"""Documents generated from the code: `make docs` writes them, tests/test_documents.py compares
them.

A generated section stands between two markers of its name; what surrounds it is written by hand.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import FastAPI

from healthsvc import settings, telemetry
from healthsvc.api.app import ROUTERS
from healthsvc.api.openapi import describe
from tests.support import event_catalogue, route_catalogue, table_catalogue, webhook_catalogue
from tests.support.markdown import replace_section

ROOT: Final = Path(__file__).resolve().parents[2]


class Section(NamedTuple):
    """A generated part of a document."""

    document: str
    name: str
    render: Callable[[], str]


def routes() -> str:
    """The operations of the REST API."""
    app = FastAPI(openapi_url=None)
    for router in ROUTERS:
        app.include_router(router)
    return route_catalogue.render(describe(app)())


SECTIONS: Final = (
    Section("docs/api.md", "operations", routes),
    Section("docs/configuration.md", "variables", settings.reference),
    Section("docs/events.md", "event types", event_catalogue.render),
    Section("docs/metrics.md", "metrics", telemetry.metrics_reference),
    Section("docs/operations.md", "personal data", table_catalogue.render),
    Section("docs/webhooks.md", "webhook types", webhook_catalogue.render),
)


def updated() -> dict[Path, str]:
    """Each document with generated sections, as it should be now."""
    texts: dict[Path, str] = {}
    for document, name, render in SECTIONS:
        path = ROOT / document
        text = texts.get(path) or path.read_text(encoding="utf-8")
        texts[path] = replace_section(text, name, render())
    return texts


if __name__ == "__main__":
    for path, text in updated().items():
        path.write_text(text, encoding="utf-8")
