"""The generated schemas: written, checked, and named when they are stale."""

import json
from pathlib import Path

import pytest

from healthsvc.wire.events.catalogue import BUILTIN_TYPES
from healthsvc.wire.schemas import SCHEMAS, main


def test_what_was_written_is_not_stale(tmp_path: Path) -> None:
    assert main(["write", str(tmp_path)]) == 0
    assert main(["check", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(SCHEMAS)


def test_a_changed_missing_or_left_over_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["write", str(tmp_path)])
    (tmp_path / "event.page.viewed.json").write_text("{}\n")
    (tmp_path / "events.json").unlink()
    (tmp_path / "event.gone.json").write_text("{}")

    assert main(["check", str(tmp_path)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in said] == [
        "event.gone.json",
        "event.page.viewed.json",
        "events.json",
    ]


def test_writing_removes_what_no_code_makes_any_more(tmp_path: Path) -> None:
    (tmp_path / "event.gone.json").write_text("{}")

    main(["write", str(tmp_path)])

    assert not (tmp_path / "event.gone.json").exists()


@pytest.mark.parametrize("arguments", [[], ["wash"], ["write", "a", "b"]])
def test_unknown_arguments_are_answered_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_every_event_type_has_its_file() -> None:
    assert {f"event.{type}.json" for type in BUILTIN_TYPES} <= set(SCHEMAS)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = json.loads(json.dumps(SCHEMAS["asyncapi.json"]()))
    references: list[str] = []

    def collect(value: object) -> None:
        if isinstance(value, dict):
            references.extend([value["$ref"]] if "$ref" in value else [])
        for part in (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        ):
            collect(part)

    collect(document)

    for reference in references:
        if reference.startswith("./"):
            assert reference[2:] in SCHEMAS
            continue
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found
    assert {
        message["$ref"].rpartition("/")[2]
        for message in document["channels"]["events"]["messages"].values()
    } >= {type.replace(".", "_") for type in BUILTIN_TYPES}
