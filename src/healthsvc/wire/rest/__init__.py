"""The shapes of REST requests and answers, a module per resource; `shapes` is what they have in
common.

OpenAPI shows them, and what comes in is checked against them. These models stay at the border:
nothing further in takes or returns one.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

from healthsvc.wire.rest.shapes import Asked, Told


def models() -> Iterator[type[Asked | Told]]:
    """All shapes, of all resources."""
    for submodule in walk_packages(__path__, f"{__name__}."):
        module = import_module(submodule.name)
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Asked | Told)
                and value.__module__ == module.__name__
            ):
                yield value
