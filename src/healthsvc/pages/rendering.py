"""Templates, the language of a page, and the headers that keep a page safe."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from healthsvc.api.deps import services
from healthsvc.core.languages import TAGS, Language, accepted, named
from healthsvc.core.phrases import catalogue
from healthsvc.pages import formats
from healthsvc.pages.texts import TEXTS

HOME: Final = "/today"
FOLDER: Final = Path(__file__).parent
LANGUAGE_COOKIE: Final = "healthsvc_language"
SIGNS: Final = frozenset(("healthy", "watch", "at_risk", "critical"))
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}

_templates = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def language_of(request: Request) -> Language:
    """The language of a page: the query's `lang`, else the cookie's, else what the browser
    prefers."""
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE, "")
    return named(asked) or accepted(request.headers.get("accept-language", ""))


class Words:
    """What a template writes with: texts, numbers and dates of one language."""

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self.language, self._zone = language, zone
        self.tag = TAGS[language]

    def __call__(self, key: str) -> str:
        """The text of this key."""
        return TEXTS[self.language][key]

    def band(self, name: str | None) -> str:
        """What a band is called; None: not enough evidence."""
        if name is None:
            return self("band.none")
        words = catalogue.band(self.language, name)
        return words[:1].upper() + words[1:]

    def sign(self, name: str | None) -> str:
        """The class and sign of a band; a band of the operator's own has none."""
        return name if name in SIGNS else "none"

    def noun(self, name: str) -> str:
        """What a measure, a cap or a flag is called."""
        words = catalogue.noun(self.language, name).text
        return words[:1].upper() + words[1:]

    def tier(self, name: str | None) -> str:
        """What a touch tier is called."""
        texts = TEXTS[self.language]
        return texts.get(f"tier.{name}", name or formats.NOTHING)

    def number(self, value: float | None, digits: int = 0) -> str:
        return formats.number(self.language, value, digits)

    def signed(self, value: float) -> str:
        return formats.signed(self.language, value)

    def day(self, at: datetime | str | None) -> str:
        return formats.day(self.language, _instant(at), self._zone)

    def instant(self, at: datetime | str | None) -> str:
        return formats.instant(self.language, _instant(at), self._zone)


def _instant(at: datetime | str | None) -> datetime | None:
    """An instant, also where an answer holds it as text."""
    if not isinstance(at, str):
        return at
    try:
        parsed = datetime.fromisoformat(at)
    except ValueError:
        return None  # a profile's date in a form of its own
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Render a page in the language of its request; a language that was asked for is remembered in
    a cookie."""
    language = language_of(request)
    words = Words(language, ZoneInfo(services(request).contact.timezone))
    values.setdefault("visitor", None)
    values["language_links"] = {
        tag: "?" + urlencode({**request.query_params, "lang": tag}) for tag in TAGS.values()
    }
    html = _templates.get_template(template).render(t=words, path=request.url.path, **values)
    response = HTMLResponse(html, status, headers=HEADERS)
    response.headers["content-language"] = words.tag
    response.headers["vary"] = "Accept-Language, Cookie"
    if request.query_params.get("lang"):
        response.set_cookie(LANGUAGE_COOKIE, words.tag, max_age=31_536_000, samesite="lax")
    return response
