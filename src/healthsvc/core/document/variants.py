"""Variants of a scorecard: customers of certain segments, tiers or stages are judged otherwise, by
the same levels.

A variant is written as what it changes; it is read as the whole document with those changes, so
that everything that is checked of a scorecard is checked of each variant, and told at the place
where the variant says it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from healthsvc.core.scorecard.cohort import NAMED_STAGES, PLACE_FIELDS, TIERS
from healthsvc.core.scorecard.model import Scorecard, Variant
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose

MOST_VARIANTS: Final = 32
MEASURE_KEYS: Final = ("share", "judge", "why")
"""What a variant may change of a measure; of its judge each key by itself."""
FLAG_KEYS: Final = (
    *(
        "at",
        "exit",
        "times",
        "days",
        "renew_days",
        "cool_days",
        "half_life_days",
        "tier_days",
        "min_events",
        "cap",
        "alert",
        "override",
        "title",
        "play",
        "enabled",
    ),
)
NUMBERS: Final = ("evidence_events", "evidence_coverage", "hysteresis", "dwell_days")
Document = dict[str, Any]
Read = Callable[[object], Scorecard]


def variants(document: Mapping[str, Any], card: Scorecard, read: Read) -> tuple[Variant, ...]:
    """The variants of a document that is valid without them. Raises ScorecardError."""
    entries = document.get("variants")
    if entries is None:
        return ()
    if not isinstance(entries, list) or len(entries) > MOST_VARIANTS:
        raise ScorecardError("/variants", f"must be a list of at most {MOST_VARIANTS}")
    result: list[Variant] = []
    for i, item in enumerate(entries):
        result.append(_variant(item, f"/variants/{i}", document, card, read))
        if result[-1].name in [v.name for v in result[:-1]]:
            raise ScorecardError(
                f"/variants/{i}/name", f"{result[-1].name!r} is there already; names must be unique"
            )
    return tuple(result)


def _variant(
    item: object, path: str, document: Mapping[str, Any], card: Scorecard, read: Read
) -> Variant:
    r = MappingReader(item, path)
    name, when = str(r.need("name")), _when(r.need("when"), f"{path}/when")
    own = {key: value for key, value in document.items() if key != "variants"}
    own["dimensions"] = _over(
        own["dimensions"], r.get("dimensions"), list(own["dimensions"]), path, "dimensions"
    )
    own["bands"] = _over(own["bands"], r.get("bands"), list(own["bands"]), path, "bands")
    for section, keys in (("measures", MEASURE_KEYS), ("flags", FLAG_KEYS)):
        own[section] = _items(own.get(section, []), r.get(section), keys, f"{path}/{section}")
    for number in NUMBERS:
        if r.get(number) is not None:
            own[number] = r.get(number)
    r.done()
    try:
        varied = read(own)
    except ScorecardError as error:
        raise ScorecardError(_told_at(error.path, path, card), error.detail) from error
    order = [band.name for band in card.bands]
    if [
        band.name for band in varied.bands
    ] != order:  # a band is remembered by its place among them
        raise ScorecardError(
            f"{path}/bands", f"floors must fall from best to worst as elsewhere: {', '.join(order)}"
        )
    return Variant(name=name, when=when, card=varied)


def _when(data: object, path: str) -> tuple[tuple[str, frozenset[str | None]], ...]:
    r = MappingReader(data, path)
    when: list[tuple[str, frozenset[str | None]]] = []
    for field in PLACE_FIELDS:
        conditions = r.get(field, ())
        if field not in r.data:
            continue
        values = conditions if isinstance(conditions, list) else [conditions]
        if not values or not all(v is None or (isinstance(v, str) and v) for v in values):
            raise ScorecardError(
                f"{path}/{field}", "must be a name or a list of names; null is nobody said"
            )
        allowed = {"tier": TIERS, "stage": NAMED_STAGES}.get(field)
        for value in values:
            if allowed is not None and value is not None:
                choose(value, allowed, f"{path}/{field}")
        when.append((field, frozenset(values)))
    r.done()
    if not when:
        raise ScorecardError(path, f"must name at least one of {', '.join(PLACE_FIELDS)}")
    return tuple(when)


def _over(
    base: Mapping[str, Any], changes: object, known: Sequence[str], path: str, section: str
) -> Document:
    """A mapping with what is said over it; only keys that are known."""
    if changes is None:
        return dict(base)
    if not isinstance(changes, Mapping):
        raise ScorecardError(f"{path}/{section}", "must be a mapping of what the variant changes")
    for key in changes:
        choose(key, known, f"{path}/{section}/{key}")
    return {**base, **changes}


def _items(
    base: Sequence[Document], changes: object, keys: Sequence[str], path: str
) -> list[Document]:
    """Measures or flags with what is said of some over it, by name."""
    if changes is None:
        return list(base)
    if not isinstance(changes, Mapping):
        raise ScorecardError(path, "must map names to what the variant changes")
    names = [str(item["name"]) for item in base]
    for name in changes:
        choose(name, names, f"{path}/{name}")
    return [
        _item(item, changes.get(name), keys, f"{path}/{name}")
        for name, item in zip(names, base, strict=True)
    ]


def _item(base: Document, change: object, keys: Sequence[str], path: str) -> Document:
    if change is None:
        return base
    r = MappingReader(change, path)
    over = {key: r.data[key] for key in keys if r.get(key) is not None or key in r.data}
    r.done()
    for key in ("share", "judge"):
        if key in over and "judge" in keys and base.get("judge") is None:
            raise ScorecardError(
                f"{path}/{key}",
                "the measure isn't scored; give it a dimension and a judge, with share 0",
            )
    if isinstance(over.get("judge"), Mapping):
        over["judge"] = {**base["judge"], **over["judge"]}
    return {**base, **over}


def _told_at(place: str, path: str, card: Scorecard) -> str:
    """Where the variant says what is wrong at a place of the whole document."""
    match place.split("/"):
        case ["", "measures", place, *rest] if place.isdigit():
            return "/".join([path, "measures", card.measures[int(place)].name, *rest])
        case ["", "flags", place, *rest] if place.isdigit():
            return "/".join([path, "flags", card.flags[int(place)].name, *rest])
    return path + place
