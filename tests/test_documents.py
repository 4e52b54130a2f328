"""Documents tell the truth about the code: what it can say of itself, it writes."""

from pathlib import Path

import pytest

from tests.support import documents


@pytest.mark.parametrize("path", documents.written(), ids=lambda path: path.name)
def test_what_the_code_writes_of_itself_is_up_to_date(path: Path) -> None:
    assert path.exists(), f"{path.name} is missing: run `make docs`"
    assert path.read_text(encoding="utf-8") == documents.written()[path], f"{path.name} is stale: run `make docs`"
