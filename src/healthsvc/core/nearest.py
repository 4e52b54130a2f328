"""Names that aren't known: what to say of them."""

import difflib
from collections.abc import Collection


def hint(name: str, names: Collection[str]) -> str:
    """What to say of a name that isn't among those that there are: the nearest, else all."""
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    known = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(names))}"
    return f"there is no {name!r}; {known}"
