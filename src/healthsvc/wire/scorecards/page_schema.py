"""The JSON Schema of a scorecard's page rules."""

from typing import Any, Final

from healthsvc.wire.pages import url_rules, word_rules
from healthsvc.wire.pages.rules import KINDS, MAX_RULES
from healthsvc.wire.pages.visitors import visitors_schema

Schema = dict[str, Any]
_MEANINGS: Final = {
    "hostname": "Patterns of the host name, such as `{*.}?help.example.com`.",
    "pathname": (
        "Patterns of the simplified path, anchored at both ends, such as "
        "`{/*}?/account/(cancel|close)`."
    ),
    "search": "Patterns of the decoded query, in lower case.",
    "hash": "Patterns of the decoded fragment, in lower case.",
    "title": (
        "Patterns of a simplified part of the title, such as `/cancel-(subscription|plan)`; "
        "tried where no rule knows the address."
    ),
}


def page_schemas() -> Schema:
    """The sections, by name."""
    return {
        "page_kinds": {
            "type": ["array", "null"],
            "maxItems": MAX_RULES,
            "items": {"$ref": "#/$defs/page_kind"},
            "description": (
                "Which pages are of which kind; the first rule that fits decides. Left out: word"
                " lists that recognise less and err more often than the default scorecard's rules."
            ),
        },
        "visitors": visitors_schema(),
    }


def rule_schema() -> Schema:
    """One rule: of URL patterns, or of words."""
    return {
        "type": "object",
        "required": ["kind"],
        "additionalProperties": False,
        "description": (
            "A rule of URL patterns fits when each of its lists has a pattern that fits."
        ),
        "properties": {
            "kind": {"enum": list(KINDS), "description": "other: known, and of no interest."},
            **{
                name: _texts(url_rules) | {"description": _MEANINGS[name]}
                for name in url_rules.FIELDS
            },
            "words": (
                _texts(word_rules)
                | {"description": "Words that stand next to each other in the path, wherever."}
            ),
            "hosts": (
                _texts(word_rules)
                | {"description": "With words: labels of the host name before its domain."}
            ),
        },
    }


def _texts(rules: Any) -> Schema:
    return {
        "type": "array",
        "maxItems": rules.MAX_PATTERNS,
        "items": {"type": "string", "minLength": 1, "maxLength": rules.MAX_PATTERN_LENGTH},
    }
