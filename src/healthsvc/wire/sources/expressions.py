"""Expressions of a mapping: JMESPath, checked when the mapping is read and bounded in size."""

from collections.abc import Iterator
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from healthsvc.core.errors import InvalidInput
from healthsvc.wire.sources.functions import MappingFunctions

MAX_CHARACTERS: Final = 2000
MAX_NODES: Final = 200
MAX_DEPTH: Final = 30
MAX_COPIES: Final = 1000
"""Times that lists and objects may multiply their value: `[@,@]` doubles it, one after another."""
_OPTIONS: Final = jmespath.Options(custom_functions=MappingFunctions())


class ExpressionError(InvalidInput, ValueError):
    """An expression can't be read, or fails on a call."""


class Expression:
    """One compiled expression."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """Raises ExpressionError."""
        if len(text) > MAX_CHARACTERS:
            raise ExpressionError(f"must have at most {MAX_CHARACTERS} characters")
        try:
            self._compiled = jmespath.compile(text)
        except JMESPathError as error:
            raise ExpressionError(f"isn't JMESPath: {_one_line(error)}") from error
        except RecursionError as error:
            raise ExpressionError("is nested too deeply") from error
        _check(self._compiled.parsed)
        self.text = text

    def __call__(self, value: Any) -> Any:
        """What the expression makes of a value. Raises ExpressionError."""
        try:
            return self._compiled.search(value, options=_OPTIONS)
        except (JMESPathError, TypeError, ValueError, ArithmeticError) as error:
            raise ExpressionError(f"`{self.text}` fails: {_one_line(error)}") from error
        except RecursionError as error:
            raise ExpressionError(f"`{self.text}` fails: it is nested too deeply") from error


def _check(tree: Any) -> None:
    """Refuse what is too large, and functions that don't exist. Raises ExpressionError."""
    copies = 1
    for count, (node, depth) in enumerate(_nodes(tree), 1):
        if node["type"] in ("multi_select_list", "multi_select_dict"):
            copies *= max(len(node["children"]), 1)
        if count > MAX_NODES or depth > MAX_DEPTH or copies > MAX_COPIES:
            raise ExpressionError(
                f"must have at most {MAX_NODES} parts and {MAX_DEPTH} levels, and lists that"
                f" multiply a value at most {MAX_COPIES} times"
            )
        if node["type"] == "function_expression":
            _check_function(node["value"], len(node["children"]))


def _check_function(name: str, arguments: int) -> None:
    known = MappingFunctions.FUNCTION_TABLE
    if name not in known:
        raise ExpressionError(f"has no function {name}(); there are {', '.join(sorted(known))}")
    parameters = known[name]["signature"]
    is_variadic = bool(parameters) and parameters[-1].get("variadic")
    if arguments != len(parameters) and not (is_variadic and arguments > len(parameters)):
        raise ExpressionError(f"{name}() takes {len(parameters)} arguments, not {arguments}")


def _nodes(tree: Any) -> Iterator[tuple[Any, int]]:
    """Each node with its depth."""
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if not isinstance(node, dict):
            continue
        yield node, depth
        waiting += [(child, depth + 1) for child in node["children"]]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
