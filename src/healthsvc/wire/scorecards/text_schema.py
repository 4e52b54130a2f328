"""The JSON Schema of a text that a scorecard gives: in one language, or in both."""

from typing import Any

from healthsvc.core.languages import LANGUAGES


def text_schema(meaning: str) -> dict[str, Any]:
    """A plain text, or texts by language. meaning: what the text says."""
    one = {"type": "string"}
    return {
        "anyOf": [
            one,
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {language: {**one, "minLength": 1} for language in LANGUAGES},
            },
        ],
        "description": (
            f"{meaning} A text, or one by language; a plain one stands for every language."
        ),
    }
