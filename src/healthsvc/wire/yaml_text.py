"""YAML from outside, read within bounds: text to plain JSON data, or the place of the first fault.

The parser in C hands over one event at a time, so size, depth, nodes and references are counted
before anything is built, and nothing recurses. What JSON doesn't have (dates, bytes, NaN, keys that
aren't text) is refused: it could be neither answered nor stored.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml.constructor import ConstructorError

from healthsvc.core.errors import InvalidInput
from healthsvc.wire.cursors import is_storable

MAX_BYTES: Final = 256 * 1024
MAX_NUMBER: Final = 400
MAX_NODES: Final = 10_000
MAX_DEPTH: Final = 32
MAX_ALIASES: Final = 100
MAX_WHOLE: Final = 2**63
NUMBER: Final = re.compile(r"[-+.0-9A-Fa-fxob_:]+")
PREFIX: Final = "tag:yaml.org,2002:"
PLAIN: Final = frozenset(PREFIX + kind for kind in ("null", "bool", "int", "float", "str"))


class YamlFault(InvalidInput, ValueError):
    """The text can't be used: a JSON Pointer, and what is wrong there, with line and column where
    they are known."""

    def __init__(self, pointer: str, detail: str, mark: Any = None) -> None:
        place = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
        super().__init__(f"{pointer}: {detail}{place}")
        self.pointer = pointer
        self.detail = detail + place


def read(text: str) -> Any:
    """The text's only document as JSON data. Raises YamlFault."""
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise YamlFault("", f"must be at most {MAX_BYTES // 1024} KiB")
    if not is_storable(text):
        raise YamlFault("", "must not contain U+0000 or lone surrogates")
    loader = yaml.CSafeLoader(text)
    try:
        return _Builder(loader).run()
    except yaml.YAMLError as error:
        raise YamlFault("", f"isn't YAML: {error}") from error
    finally:
        loader.dispose()


def check(data: Any) -> None:
    """The JSON data of a request is within the same bounds. Raises YamlFault."""
    waiting: list[tuple[str, Any, int]] = [("", data, 0)]
    nodes = 0
    while waiting:
        pointer, value, depth = waiting.pop()
        nodes += 1
        if nodes > MAX_NODES:
            raise YamlFault("", f"must hold at most {MAX_NODES:,} values")
        if depth > MAX_DEPTH:
            raise YamlFault(pointer, f"must be nested at most {MAX_DEPTH} deep")
        if isinstance(value, Mapping):
            for key in value:
                _check_scalar(pointer, key)
            waiting += [
                (f"{pointer}/{_escaped(key)}", each, depth + 1) for key, each in value.items()
            ]
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{place}", each, depth + 1) for place, each in enumerate(value)]
        else:
            _check_scalar(pointer, value)


def _check_scalar(pointer: str, value: object, mark: Any = None) -> None:
    if isinstance(value, str) and not is_storable(value):
        raise YamlFault(pointer, "must not contain U+0000 or lone surrogates", mark)
    if isinstance(value, float) and not math.isfinite(value):
        raise YamlFault(pointer, "must be a finite number", mark)
    if isinstance(value, int) and not -MAX_WHOLE <= value < MAX_WHOLE:
        raise YamlFault(pointer, "must be a whole number of 64 bits", mark)


def _escaped(key: str) -> str:
    return key[:200].replace("~", "~0").replace("/", "~1")


@dataclass(slots=True, eq=False)
class _Open:
    """A collection that isn't closed yet."""

    value: dict[str, Any] | list[Any]
    pointer: str
    anchor: str | None
    nodes_before: int
    key: str | None = None
    merged: list[Any] = field(default_factory=list)
    merging: bool = False

    @property
    def awaits_key(self) -> bool:
        return isinstance(self.value, dict) and self.key is None and not self.merging

    @property
    def place(self) -> str:
        """Where the next value stands."""
        if isinstance(self.value, list):
            return f"{self.pointer}/{len(self.value)}"
        return self.pointer if self.key is None else f"{self.pointer}/{_escaped(self.key)}"


class _Builder:
    """Builds the data from the parser's events."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0
        self._aliases = 0
        self._documents = 0
        self._root: Any = None

    def run(self) -> Any:
        while (event := self._loader.get_event()) is not None:
            self._take(event)
        return self._root

    def _take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise YamlFault("", "must be one document", event.start_mark)
            case yaml.AliasEvent():
                self._put(self._alias(event), event.start_mark)
            case yaml.ScalarEvent():
                self._count(1, event)
                self._scalar(event)
            case yaml.SequenceStartEvent():
                self._begin([], event, "seq")
            case yaml.MappingStartEvent():
                self._begin({}, event, "map")
            case yaml.CollectionEndEvent():
                self._end(event)

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise YamlFault("", f"must hold at most {MAX_NODES:,} values", event.start_mark)

    @property
    def _pointer(self) -> str:
        return self._open[-1].place if self._open else ""

    def _alias(self, event: Any) -> Any:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise YamlFault(
                self._pointer, f"must hold at most {MAX_ALIASES} aliases", event.start_mark
            )
        if event.anchor not in self._anchors:
            raise YamlFault(
                self._pointer,
                f"*{event.anchor} names nothing that is complete here",
                event.start_mark,
            )
        value, nodes = self._anchors[event.anchor]
        self._count(nodes, event)
        return value

    def _scalar(self, event: Any) -> None:
        parent = self._open[-1] if self._open else None
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._resolved(event)
        if parent is not None and parent.awaits_key and tag == PREFIX + "merge":
            parent.merging = True
            return
        value = self._plain(event, tag)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, event.start_mark)

    def _resolved(self, event: Any) -> str:
        """What an untagged scalar is; the rules of numbers aren't tried on long text."""
        if len(event.value) <= MAX_NUMBER:
            tag: str = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
            return tag
        if event.implicit[0] and NUMBER.fullmatch(event.value):
            raise YamlFault(self._pointer, "is too long for a number", event.start_mark)
        return PREFIX + "str"

    def _plain(self, event: Any, tag: str) -> Any:
        if tag == PREFIX + "str":
            if "\0" in event.value:  # as an escape; surrogates are refused by the parser
                raise YamlFault(self._pointer, "must not contain U+0000", event.start_mark)
            return event.value
        if tag not in PLAIN:
            rule = (
                f"must be text, a number, true, false or null, not {tag.removeprefix(PREFIX)[:80]}"
            )
            raise YamlFault(self._pointer, f"{rule}; put text in quotes", event.start_mark)
        if len(event.value) > MAX_NUMBER:
            raise YamlFault(self._pointer, "is too long for a number", event.start_mark)
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            value = self._loader.construct_object(node)
        except (
            ConstructorError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            OverflowError,
        ) as error:
            kind = tag.removeprefix(PREFIX)
            raise YamlFault(self._pointer, f"can't be read as {kind}", event.start_mark) from error
        _check_scalar(self._pointer, value, event.start_mark)
        return value

    def _begin(self, value: dict[str, Any] | list[Any], event: Any, kind: str) -> None:
        self._count(1, event)
        if event.tag not in (None, "!", PREFIX + kind):
            raise YamlFault(
                self._pointer, f"must not have the tag {event.tag[:80]}", event.start_mark
            )
        if len(self._open) >= MAX_DEPTH:
            raise YamlFault(
                self._pointer, f"must be nested at most {MAX_DEPTH} deep", event.start_mark
            )
        if self._open and self._open[-1].awaits_key:
            raise YamlFault(self._pointer, "must have keys that are text", event.start_mark)
        self._open.append(_Open(value, self._pointer, event.anchor, self._nodes - 1))

    def _end(self, event: Any) -> None:
        closed = self._open.pop()
        value: Any = closed.value
        if isinstance(value, dict) and closed.merged:
            value = {
                key: each for merged in reversed(closed.merged) for key, each in merged.items()
            } | value
        if closed.anchor is not None:
            self._anchors[closed.anchor] = (value, self._nodes - closed.nodes_before)
        self._put(value, event.start_mark)

    def _put(self, value: Any, mark: Any) -> None:
        if not self._open:
            self._root = value
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.merging:
            parent.merged += _mappings(value, parent.pointer, mark)
            parent.merging = False
        elif parent.key is None:
            if not isinstance(value, str):
                raise YamlFault(
                    parent.pointer, "must have keys that are text; put this one in quotes", mark
                )
            parent.key = value
        else:
            parent.value[parent.key] = value
            parent.key = None


def _mappings(value: Any, pointer: str, mark: Any) -> list[dict[str, Any]]:
    """What a merge key brings in, the first one first."""
    merged = value if isinstance(value, list) else [value]
    if not all(isinstance(each, dict) for each in merged):
        raise YamlFault(pointer, "must merge mappings only", mark)
    return merged
