"""Addresses as page rules match them: simplified, so that one pattern fits all spellings.

A simplified path is in lower case, without accents, percent-encoding, locale prefix, file ending,
`index` and trailing slash; words within a segment are separated by `-`: `/pt-BR/Conta/ExcluirConta`
is `/conta/excluir-conta`, `/konto/K%C3%BCndigung.html` is `/konto/kundigung`. A number is `0`.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, unquote_plus

MAX_LENGTH: Final = 2000
"""Characters of an address that are looked at; the rest is cut."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LANGUAGES: Final = _words(
    "en pt es de fr it nl pl ru ja zh ko sv da fi nb tr cs hu ro uk el ar he th vi ca hr sk"
)
REGIONS: Final = _words("us gb uk br mx cl co pe at ch be au nz ie intl latam dach emea")
ROUTING: Final = _words(
    """
    route r page view action act do go task tab section controller module op cmd screen path type
    step mode modal menu show form sub
    """
)
"""Names of query parameters by which applications say what they show."""

_ROUTED: Final = re.compile(
    rf"(?:^|[&;?])(?:(?:{'|'.join(sorted(ROUTING))})=|[^=&;]+(?:[&;]|$))", re.I
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SIMPLE: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_NOT_WORD: Final = re.compile(r"[\W_]+")
_ENDING: Final = re.compile(r"\.[A-Za-z]{2,5}\d?$")
_ID: Final = re.compile(r"\d+|[0-9a-f]{8}-[0-9a-f-]{20,}|(?=[a-f]*\d)[0-9a-f]{12,}")
_NUMBER: Final = re.compile(r"(?<=/)\d+(?=[/?#]|$)")
_SEPARATORS: Final = re.compile(r"\s+[|·•–—:-]+\s+|[|·•–—]|:\s")


@dataclass(frozen=True, slots=True)
class Address:
    """One address, ready for rules."""

    host: str
    """Lower case, without user, port and a leading `www.`; empty where the address has none."""
    paths: tuple[str, ...]
    """Simplified paths, any of which may fit: the plain one; then with what the query routes to, or
    the fragment, as further segments; the hash router's own last."""
    search: str
    """The decoded query in lower case, without `?`."""
    fragment: str
    """The decoded fragment in lower case, without `#`."""


NOWHERE: Final = Address("", (), "", "")
"""What leads to no page: mailto:, javascript: and the like."""


def is_routed(query: str) -> bool:
    """Whether a query may say which page is shown."""
    return _ROUTED.search(query) is not None


def parse(url: str) -> Address:
    """Take an address apart: absolute, without its scheme, or a path alone."""
    front, _, fragment = url.strip()[:MAX_LENGTH].partition("#")
    address, _, query = front.partition("?")
    host, path = _split(address)
    if host is None:
        return NOWHERE
    base = _segments(path)
    routed = [s for value in _routed_values(query) for s in _segments(value)]
    anchor = _fragment_segments(fragment)
    variants = [base]
    if routed:
        variants.append([*base, *routed])
    if anchor:
        variants.append([*base, *anchor])
        if fragment.removeprefix("!").startswith("/"):
            variants.append(anchor)
    return Address(
        host,
        tuple(dict.fromkeys("/" + "/".join(_without_locale(v)) for v in variants)),
        unquote_plus(query).casefold(),
        unquote(fragment).casefold(),
    )


def title_parts(title: str) -> tuple[str, ...]:
    """The parts of a title as simplified paths: "Cancel your plan – Acme" gives /cancel-your-plan
    and /acme."""
    parts = [simplify(part) for part in _SEPARATORS.split(title[:MAX_LENGTH])]
    return tuple(f"/{part}" for part in dict.fromkeys(parts) if part)


def simplify(segment: str) -> str:
    """Words in lower case without accents, separated by `-`; an id is `0`."""
    if _SIMPLE.fullmatch(segment):
        return segment
    text = _HUMP.sub("-", _without_accents(segment)).casefold()
    words = _NOT_WORD.sub("-", _without_accents(text)).strip("-")
    return "0" if _ID.fullmatch(words) else words


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def without_numbers(url: str) -> str:
    """The URL with 0 in place of numbers that are segments of its path."""
    return _NUMBER.sub("0", url)


def _split(address: str) -> tuple[str | None, str]:
    """Host and path; None as the host of what is no page."""
    _, is_absolute, rest = address.partition("://")
    if not is_absolute:
        rest = address.removeprefix("//")
        if not address.startswith("/") and ":" in rest.partition("/")[0]:
            return None, ""
        if address.startswith("/") and not address.startswith("//"):
            return "", rest
    host, _, path = rest.partition("/")
    name = host.rpartition("@")[2].partition(":")[0].casefold()
    return name.removeprefix("www."), path


def _segments(path: str) -> list[str]:
    """The simplified segments of a path, without file ending and `index`."""
    parts = [part for part in unquote(path).split("/") if part]
    if parts:
        parts[-1] = _ENDING.sub("", parts[-1])
    segments = [s for s in map(simplify, parts) if s]
    return segments[:-1] if segments and segments[-1] in ("index", "default") else segments


def _without_locale(segments: list[str]) -> list[str]:
    """The segments without a language, a region or both at their head."""
    at = 0
    while at < min(2, len(segments)) and _is_locale(segments[at]):
        at += 1
    return segments[at:]


def _is_locale(segment: str) -> bool:
    language, _, region = segment.partition("-")
    if region:
        return language in LANGUAGES and len(region) in (2, 4)
    return language in LANGUAGES or language in REGIONS


def _routed_values(query: str) -> list[str]:
    """Values of parameters that say what is shown, and parameters without a value."""
    values = []
    for part in re.split("[&;]", query):
        name, has_value, value = part.partition("=")
        if not has_value and name:
            values.append(unquote_plus(name))
        elif name.casefold() in ROUTING and value and not value.isdigit():
            values.append(unquote_plus(value))
    return values


def _fragment_segments(fragment: str) -> list[str]:
    """The fragment as segments: of a hash router, an anchor, or a name=value; none of a text
    fragment."""
    if ":~:" in fragment:
        return []
    route = fragment.removeprefix("!").partition("?")[0]
    if "=" in route and "/" not in route:
        route = route.partition("=")[2]
    return _segments(route)
