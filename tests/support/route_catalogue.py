"""The list of REST operations in docs/api.md, derived from OpenAPI."""

import re
from typing import Any, Final

from healthsvc.api.openapi import TAGS, operations
from tests.support.markdown import table

SCOPE: Final = re.compile(r"Scope: ((?:`[\w:]+`(?: or )?)+)")


def render(document: dict[str, Any]) -> str:
    """A table of operations for each tag."""
    return "\n".join(_tagged(document, tag, meaning) for tag, meaning in TAGS)


def _tagged(document: dict[str, Any], tag: str, meaning: str) -> str:
    rows = [
        (f"`{method.upper()} {path}`", operation["summary"], _scope(operation))
        for path, method, operation in operations(document)
        if tag in operation.get("tags", [])
    ]
    return (
        f"### {tag[0].upper()}{tag[1:]}\n\n{meaning}\n\n{table(('Request', 'Does', 'Scope'), rows)}"
    )


def _scope(operation: dict[str, Any]) -> str:
    found = SCOPE.search(" ".join(operation.get("description", "").split()))
    return found[1] if found else "–"
