"""Documents agree with the code: generated sections are current, links lead somewhere, named paths
exist."""

from pathlib import Path

import pytest

from healthsvc.wire.events.catalogue import BUILTIN_TYPES
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.events.fields import MEANINGS
from healthsvc.wire.schemas import event_schema
from tests.support import documents, event_catalogue, markdown
from tests.support.documents import ROOT

README = ROOT / "README.md"
GUIDES = [
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
READMES = [ROOT / "deploy" / "README.md", ROOT / "benchmarks" / "README.md"]
DOCUMENTS = [*GUIDES, *READMES, *sorted((ROOT / "docs" / "decisions").glob("*.md"))]
FOLDERS = ("src", "tests", "docs", "schemas", "migrations", "deploy", "benchmarks")
HISTORY = {ROOT / "CHANGELOG.md"}  # speaks of files that a version had
LONGEST_README = 700
LONGEST_DECISION = 600


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def words(path: Path) -> int:
    """The words of a file, as `wc -w` counts them."""
    return len(path.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("path", documents.updated(), ids=name_of)
def test_generated_sections_are_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == documents.updated()[path], (
        f"{path.name} is stale: run `make docs`"
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    broken = [
        target
        for target in markdown.links(document.read_text(encoding="utf-8"))
        if not leads(document, target)
    ]
    assert broken == []


def leads(document: Path, target: str) -> bool:
    """Whether a relative link has a file, and its fragment a heading there."""
    name, _, fragment = target.partition("#")
    path = (document.parent / name) if name else document
    if not path.exists():
        return False
    return not fragment or fragment in markdown.anchors(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "document", [path for path in [*GUIDES, *READMES] if path not in HISTORY], ids=name_of
)
def test_named_paths_exist(document: Path) -> None:
    """Paths may be short: relative to the repository, the package or the tests, as a room's own
    files are named."""
    roots = [ROOT, ROOT / "src" / "healthsvc", ROOT / "tests", document.parent]
    named = markdown.paths(document.read_text(encoding="utf-8"), FOLDERS)
    assert [path for path in dict.fromkeys(named) if not markdown.exists(path, roots)] == []


@pytest.mark.parametrize(
    "document", [path for path in DOCUMENTS if path not in HISTORY], ids=name_of
)
def test_named_tests_exist(document: Path) -> None:
    named = markdown.named_tests(document.read_text(encoding="utf-8"))
    assert [f"{path}::{test}" for path, test in named if not is_test(path, test)] == []


def is_test(path: str, name: str) -> bool:
    """Whether a file of this path has the test; a name that ends in `…` is the beginning of one."""
    wanted = f"def {name.removesuffix('…')}" + ("" if name.endswith("…") else "(")
    return any(wanted in found.read_text(encoding="utf-8") for found in candidates(path))


def candidates(path: str) -> list[Path]:
    return [found for root in (ROOT, ROOT / "tests") if (found := root / path).exists()]


def test_every_guide_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [README]
    while waiting:
        document = waiting.pop()
        if document in reached or document.suffix != ".md":
            continue
        reached.add(document)
        targets = markdown.links(document.read_text(encoding="utf-8"))
        waiting += [
            (document.parent / target.partition("#")[0]).resolve()
            for target in targets
            if target[0] != "#"
        ]
    assert [name_of(path) for path in [*GUIDES, *READMES] if path not in reached] == []


def test_the_readme_stays_short() -> None:
    assert words(README) <= LONGEST_README


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=name_of)
def test_a_decision_is_a_page(path: Path) -> None:
    assert words(path) <= LONGEST_DECISION


@pytest.mark.parametrize("name", BUILTIN_TYPES)
def test_every_field_of_an_event_has_a_meaning(name: str) -> None:
    data = event_schema(name)["properties"]["data"]
    fields = {field for variant in data.get("oneOf", [data]) for field in variant["properties"]}
    assert set(MEANINGS[name]) == fields


def test_the_event_of_the_page_is_one() -> None:
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    event = page.partition("```json\n")[2].partition("```")[0]
    batch = decode_batch([event.encode()], now_us=event_catalogue.FOREVER_US)
    assert (len(batch.events), batch.rejects) == (1, [])


def test_facts_of_an_event_are_found_by_folding_it() -> None:
    assert event_catalogue.facts_of("survey.answered") == ["nps", "csat", "ces"]
    assert event_catalogue.facts_of("ticket.answered") == ["tickets_open", "tickets_waiting"]
    assert event_catalogue.facts_of("page.viewed") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`src/healthsvc/cli/__init__.py`", ["src/healthsvc/cli/__init__.py"]),
        ("`core/folding/facts.py` and `tests/core`", ["core/folding/facts.py", "tests/core"]),
        ("`schemas/event.<type>.json`", ["schemas/event.<type>.json"]),
        ("`tests/cli/test_commands.py::test_x`", ["tests/cli/test_commands.py"]),
        ("`GET /v1/customers` or `application/json`", []),
        ("```sh\n`src/gone.py`\n```\n", []),
    ],
)
def test_paths_are_recognised(text: str, expected: list[str]) -> None:
    assert list(markdown.paths(text, FOLDERS)) == expected


def test_named_tests_are_recognised() -> None:
    text = "| a | `core/test_x.py::test_one` | b | `…::test_two` |"
    assert list(markdown.named_tests(text)) == [
        ("core/test_x.py", "test_one"),
        ("core/test_x.py", "test_two"),
    ]
    assert not is_test("test_documents.py", "test_gone")


def test_paths_that_do_not_exist_are_noticed() -> None:
    assert markdown.exists("docs/events.md", [ROOT])
    assert markdown.exists("schemas/event.<type>.json", [ROOT])
    assert not markdown.exists("docs/gone.md", [ROOT])
    assert not leads(README, "docs/events.md#gone")


def test_anchors_are_those_of_github() -> None:
    text = "# One `two`.three!\n\n## Same\n\n## Same\n\n```sh\n# not a heading\n```\n"
    assert markdown.anchors(text) == {"one-twothree", "same", "same-1"}
