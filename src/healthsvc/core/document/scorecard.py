"""A scorecard read from the plain data of its document."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from healthsvc.core.document.parts import (
    MOST_FLAGS,
    MOST_MEASURES,
    bands,
    evidence,
    lifecycle,
    measure,
)
from healthsvc.core.document.reference_section import large_account, reference
from healthsvc.core.document.rhythm_section import rhythm
from healthsvc.core.document.variants import variants
from healthsvc.core.instants import DAY_US
from healthsvc.core.levels import MIN_HALF_LIFE_US
from healthsvc.core.scorecard.cohort import AccountMarks
from healthsvc.core.scorecard.distributions import Distributions
from healthsvc.core.scorecard.model import COOL_DAYS, FlagRule, Measure, Scorecard
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose
from healthsvc.core.scorecard.surveys import survey_rules
from healthsvc.core.scoring.flags import read_flag
from healthsvc.core.scoring.flags.reading import Vocabulary


def from_document(document: object, *, facts: Sequence[str]) -> Scorecard:
    """The scorecard of a document (plain data as YAML gives it), its variants included.

    facts: names of the facts that judges and flags may use. Raises ScorecardError with the path of
    the first fault.
    """
    card = _without_variants(document, facts)
    assert isinstance(document, Mapping)  # it has just been read
    return replace(
        card, variants=variants(document, card, lambda data: _without_variants(data, facts))
    )


def _without_variants(document: object, facts: Sequence[str]) -> Scorecard:
    r = MappingReader(document, "")
    dimensions = _dimensions(r.need("dimensions"))
    half_lives = _half_lives(r.need("half_lives_days"))
    frame = reference(r.get("reference"))
    measures = _measures(r.need("measures"), list(dimensions), facts, frame.measures)
    names = [m.name for m in measures if m.of is None]
    flags = _flags(r.get("flags", []), names, facts, half_lives)
    card = Scorecard(
        name=str(r.need("name")),
        half_lives_us=half_lives,
        dimensions=tuple(dimensions.items()),
        measures=measures,
        flags=flags,
        bands=bands(r.need("bands")),
        hysteresis=r.number("hysteresis", 3.0, high=20),
        dwell_us=r.days("dwell_days", 1),
        cool_us=round(r.number("cool_days", COOL_DAYS, high=3650) * DAY_US),
        evidence=evidence(r, names),
        surveys=survey_rules(r.get("surveys")),
        lifecycle=lifecycle(r.get("lifecycle"), names, facts),
        large_account=large_account(r.get("large_account"), frame.mrr),
        accounts=_accounts(r.get("accounts")),
        comeback_use=_comeback_use(r.get("comeback"), names),
        rhythm=rhythm(r.get("rhythm"), measures, flags),
    )
    for elsewhere in (
        "event_types",
        "page_kinds",
        "risk",
        "loyalty",
        "heavy_use",
        "icp",
        "touch",
        "variants",
        "visitors",
    ):
        r.get(elsewhere)
    r.done()
    return card


def _accounts(data: object) -> AccountMarks:
    r = MappingReader({} if data is None else data, "/accounts")
    trial, test = (_segments(r.get(name, []), f"/accounts/{name}") for name in ("trial", "test"))
    r.done()
    return AccountMarks(trial=trial, test=test)


def _segments(data: object, path: str) -> frozenset[str]:
    if not isinstance(data, list) or not all(isinstance(name, str) and name for name in data):
        raise ScorecardError(path, "must be a list of segments")
    return frozenset(form for name in data for form in (name, *_cases(name)))


def _cases(name: str) -> tuple[str, str, str, str]:
    """The cases in which senders write a name."""
    return name.lower(), name.upper(), name.capitalize(), name.title()


def _comeback_use(data: object, measures: Sequence[str]) -> str | None:
    if data is None:
        return None
    r = MappingReader(data, "/comeback")
    use = choose(r.need("use"), measures, "/comeback/use")
    r.done()
    return use


def _dimensions(data: object) -> dict[str, float]:
    if not isinstance(data, Mapping) or not data:
        raise ScorecardError("/dimensions", "must map dimension names to weights")
    for name, weight in data.items():
        if (
            isinstance(weight, bool)
            or not isinstance(weight, int | float)
            or not 0 <= weight <= 1e6
        ):
            raise ScorecardError(f"/dimensions/{name}", "must be a number from 0 to 1000000")
    return {str(name): float(weight) for name, weight in data.items()}


def _half_lives(data: object) -> tuple[int, ...]:
    if not isinstance(data, list) or not all(
        isinstance(d, int | float) and 0 < d < 36_500 for d in data
    ):
        raise ScorecardError("/half_lives_days", "must be a list of numbers of days")
    half_lives = tuple(round(float(d) * DAY_US) for d in data)
    rising = list(half_lives) == sorted(set(half_lives))
    if not 2 <= len(half_lives) <= 5 or min(half_lives) < MIN_HALF_LIFE_US or not rising:
        least = MIN_HALF_LIFE_US // DAY_US
        raise ScorecardError(
            "/half_lives_days", f"must be 2 to 5 rising numbers of at least {least} days"
        )
    return half_lives


def _measures(
    data: object,
    dimensions: Sequence[str],
    facts: Sequence[str],
    reference: Mapping[str, Distributions],
) -> tuple[Measure, ...]:
    entries = _entries("measures", data, MOST_MEASURES)
    measures = tuple(
        measure(item, f"/measures/{i}", dimensions, facts, reference)
        for i, item in enumerate(entries)
    )
    names = [m.name for m in measures if m.of is None]
    _unique("measures", [m.name for m in measures])
    for i, m in enumerate(measures):
        if m.of is not None:
            choose(m.of, names, f"/measures/{i}/of")
    return measures


def _flags(
    data: object, measures: Sequence[str], facts: Sequence[str], half_lives: Sequence[int]
) -> tuple[FlagRule, ...]:
    rules: list[FlagRule] = []
    for i, item in enumerate(_entries("flags", data, MOST_FLAGS)):
        earlier = [rule.name for rule in rules if not rule.after_score]
        vocabulary = Vocabulary(
            measures=measures, facts=facts, flags=earlier, half_lives_us=half_lives
        )
        rules.append(read_flag(item, f"/flags/{i}", vocabulary))
    _unique("flags", [rule.name for rule in rules])
    return tuple(rules)


def _entries(section: str, data: object, most: int) -> list[Any]:
    if not isinstance(data, list) or len(data) > most:
        raise ScorecardError(f"/{section}", f"must be a list of at most {most}")
    return data


def _unique(section: str, names: Sequence[str]) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ScorecardError(
                f"/{section}/{i}/name", f"{name!r} is there already; names must be unique"
            )
