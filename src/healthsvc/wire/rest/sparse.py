"""Sparse answers: the members that a request names (`fields`), inner ones with dots."""

import types
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Field

from healthsvc.wire.rest.shapes import Text

MOST_FIELDS: Final = 100
FieldsAsked = Annotated[
    list[Text],
    Field(
        max_length=MOST_FIELDS,
        description=(
            "Only these members of the answer, of lists of each item; inner ones with dots. Several"
            " with commas, or repeated."
        ),
    ),
]
"""What a query holds."""
_LEAF: Final[dict[str, Any]] = {}
DataT = TypeVar("DataT")


def split(texts: Iterable[str]) -> tuple[str, ...]:
    """The paths in a parameter: repeated, or with commas between them; each once, in order."""
    parts = (part.strip() for text in texts for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


@lru_cache
def paths(model: type[BaseModel]) -> frozenset[str]:
    """All members that an answer may have, inner ones with dots; a member that ends in `.*` holds
    names of the customer's own."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        member = field.alias or name
        found.add(member)
        for inner in _models(field.annotation):
            found |= {f"{member}.{path}" for path in paths(inner)}
        if _is_map(field.annotation):
            found.add(f"{member}.*")
    return frozenset(found)


def unknown(names: Sequence[str], model: type[BaseModel]) -> list[str]:
    """Those of the names that no member has."""
    known = paths(model)
    return [name for name in names if name not in known and not _is_below_map(name, known)]


def select(data: DataT, names: Sequence[str]) -> DataT:
    """The named members of an answer; of lists, of each item. No names: everything."""
    return _select(data, _tree(names)) if names else data


def _tree(names: Sequence[str]) -> dict[str, Any]:
    """The names as a tree; a whole member goes before parts of it."""
    tree: dict[str, Any] = {}
    for name in sorted(names, key=len):
        *way, last = name.split(".")
        place = tree
        for step in way:
            place = place.setdefault(step, {})
            if place is _LEAF:
                break
        else:
            place[last] = _LEAF
    return tree


def _select(data: Any, tree: Mapping[str, Any]) -> Any:
    if tree is _LEAF:
        return data
    match data:
        case Mapping():
            return {
                name: _select(value, tree[name]) for name, value in data.items() if name in tree
            }
        case list():
            return [_select(each, tree) for each in data]
        case _:
            return data


def _is_below_map(name: str, known: frozenset[str]) -> bool:
    parts = name.split(".")
    return any(f"{'.'.join(parts[:end])}.*" in known for end in range(1, len(parts)))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The shapes within an annotation: itself, of a union, of a list's items."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (list, Union, types.UnionType):
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


def _is_map(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_is_map(part) for part in get_args(annotation))
    return annotation is dict or get_origin(annotation) is dict
