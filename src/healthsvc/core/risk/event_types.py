"""The `event_types` section of a scorecard: what the operator's own types of event are.

It is the one table that activity, evidence, the hours to call and the risk share: an *act* is the
customer's own doing, *trouble* raises the risk, *neutral* is what we or our systems did, *outcome*
is the churn itself. The roles of built-in types are declared in `core.events`.
"""

import re
from dataclasses import replace
from typing import Final

from healthsvc.core.events import BUILTIN_TYPES
from healthsvc.core.risk.mapping import KINDS, Kind, TypeMapping
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose

_ENTRY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*(\.\*)?")
MOST_ENTRIES: Final = 1_000
"""Of each role."""


def event_types(data: object) -> TypeMapping | None:
    """The table; None for a scorecard of before there was one: there every type of the operator's
    own feeds what reads `*`. Raises ScorecardError with the path of the first fault."""
    if data is None:
        return None
    r = MappingReader(data, "/event_types")
    kinds: dict[str, Kind] = {}
    for kind in KINDS:
        entries = r.get(kind, [])
        if not isinstance(entries, list) or len(entries) > MOST_ENTRIES:
            raise ScorecardError(
                f"{r.path}/{kind}", f"must be a list of at most {MOST_ENTRIES} event types"
            )
        for i, entry in enumerate(entries):
            name = _entry(entry, f"{r.path}/{kind}/{i}")
            if name in kinds:
                raise ScorecardError(
                    f"{r.path}/{kind}/{i}", f"{name!r} is there already, as {kinds[name]}"
                )
            kinds[name] = kind
    default = choose(r.get("default", "act"), KINDS, f"{r.path}/default")
    r.done()
    named_default = next(kind for kind in KINDS if kind == default)
    return TypeMapping(kinds=kinds, default=named_default, recognises_ours=True)


def _entry(entry: object, path: str) -> str:
    if not isinstance(entry, str) or not _ENTRY.fullmatch(entry):
        raise ScorecardError(
            path, "must be an event type, or the beginning of some, as in `email.*`"
        )
    if entry in BUILTIN_TYPES:
        raise ScorecardError(
            path, f"{entry!r} is built in; its role is fixed, and stands in docs/events.md"
        )
    return entry


def with_builtin(types: TypeMapping, mapping: TypeMapping) -> TypeMapping:
    """The table, with what a risk's own mapping says of built-in types."""
    return replace(types, kinds={**types.kinds, **mapping.kinds})
