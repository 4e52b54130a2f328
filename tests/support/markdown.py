"""Markdown, written and read: tables, sections between markers, links, anchors and the paths that a
text names."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING: Final = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE: Final = re.compile(r"`([^`\n]+)`")
PATH: Final = re.compile(r"[\w.*<>-]+(?:/[\w.*<>-]+)*/?")
TEST: Final = re.compile(r"`([\w/]+\.py|…)::(test_\w+…?)`")
EXTENSIONS: Final = ("py", "md", "sql", "yaml", "json", "toml", "txt", "html", "mako")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; bars within cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


def replace_section(text: str, name: str, content: str) -> str:
    """The text with what stands between the markers of `name` replaced. Raises ValueError without
    markers."""
    begin, end = f"<!-- {name}: written by `make docs` -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"no section {name!r}")
    return f"{before}{begin}\n{content.rstrip()}\n{end}{after}"


def anchors(text: str) -> set[str]:
    """The anchors of all headings, as GitHub makes them."""
    seen: dict[str, int] = {}
    found: set[str] = set()
    for heading in HEADING.findall(FENCED.sub("", text)):
        slug = _slug(heading)
        count = seen[slug] = seen.get(slug, -1) + 1
        found.add(slug if count == 0 else f"{slug}-{count}")
    return found


def links(text: str) -> list[str]:
    """The targets of links to places within the repository."""
    targets = LINK.findall(FENCED.sub("", text))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def paths(text: str, folders: Sequence[str]) -> Iterator[str]:
    """The paths of files and folders that stand in backticks.

    A file is known by its extension and a slash; a folder by beginning with one of `folders`. `*`
    and `<name>` stand for anything.
    """
    for code in CODE.findall(FENCED.sub("", text)):
        path = code.partition("::")[0]
        if "…" in path or not PATH.fullmatch(path) or "/" not in path:
            continue
        if path.rpartition(".")[2] in EXTENSIONS or path.partition("/")[0] in folders:
            yield path


def named_tests(text: str) -> Iterator[tuple[str, str]]:
    """File and name of each test that is named as `path.py::test_name`; `…::` stands for the file
    before it."""
    file = ""
    for path, name in TEST.findall(text):
        file = file if path == "…" else path
        yield file, name


def exists(path: str, roots: Sequence[Path]) -> bool:
    """Whether at least one file or folder has this path under one of the roots."""
    pattern = re.sub(r"<[^>]*>", "*", path).rstrip("/")
    return any(next(root.glob(pattern), None) is not None for root in roots)


def _slug(heading: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
