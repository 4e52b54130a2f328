"""A class name stands for one thing, so that whoever reads it needn't ask which one is meant."""

import ast
from collections import defaultdict
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parents[1] / "src" / "healthsvc"
ANSWERS: Final = "wire/rest/"
"""A shape of REST bears the name of what it shows: OpenAPI publishes it."""


def test_a_class_name_is_defined_once_and_once_more_as_its_shape_in_rest() -> None:
    modules: dict[str, list[str]] = defaultdict(list)
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                modules[node.name].append(str(path.relative_to(SOURCES)))

    several = {
        name: paths
        for name, paths in modules.items()
        if len([path for path in paths if not path.startswith(ANSWERS)]) > 1
        or len([path for path in paths if path.startswith(ANSWERS)]) > 1
    }

    assert several == {}
