"""Says how a score moved between two instants, and through what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from healthsvc.core.languages import Language
from healthsvc.core.phrases.catalogue import noun, phrase
from healthsvc.core.phrases.grammar import (
    as_sentence,
    day,
    is_singular,
    join,
    number,
    without_article,
)

SMALL: Final = 0.05
"""Points that aren't worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMovement:
    """How the score of a customer moved, and the measures that moved it most."""

    customer: str
    since: datetime
    until: datetime
    before: float | None
    after: float | None
    imported_at: datetime | None = None
    """When the past of before `since` was imported, if it was after that: the score of then is what
    that past comes to."""
    parts: Mapping[str, float]
    """Points by kind of cause: new_events, ageing, late_data, configuration, override."""
    reasons: Mapping[str, Sequence[str]]
    """By kind of cause, the measures behind it."""


def moved(language: Language, change: ScoreMovement) -> str:
    """Word the change in one sentence, after one that says that the past was imported, if it was.
    Instants are UTC."""
    sentence = _moved(language, change)
    if change.imported_at is None:
        return sentence
    imported = phrase(
        language,
        "change.imported",
        since=day(language, change.since),
        imported=day(language, change.imported_at),
    )
    return f"{imported} {sentence}"


def _moved(language: Language, change: ScoreMovement) -> str:
    since, until = _period(language, change.since, change.until)
    span = {"customer": change.customer, "since": since, "until": until}
    if change.before is None or change.after is None:
        return phrase(language, "change.unknown", **span)
    head = _head(language, span, change.before, change.after, is_still=not _causes(change))
    causes = [
        _cause(language, kind, points, change.reasons.get(kind, ()))
        for kind, points in _causes(change)
    ]
    if not causes:
        return as_sentence(head)
    return phrase(language, "change.with_causes", head=head, causes=join(language, causes))


def _causes(change: ScoreMovement) -> list[tuple[str, float]]:
    """Return the causes that are worth a word, the weightiest first."""
    weighty = [(kind, points) for kind, points in change.parts.items() if abs(points) >= SMALL]
    return sorted(weighty, key=lambda cause: -abs(cause[1]))


def _head(
    language: Language, span: Mapping[str, str], before: float, after: float, *, is_still: bool
) -> str:
    points = after - before
    decimals = 0 if abs(points) >= 1 or abs(points) < SMALL else 1
    figures = {
        "before": number(language, before, decimals),
        "after": number(language, after, decimals),
    }
    if is_still:
        return phrase(language, "change.steady", **span, after=figures["after"])
    if abs(points) < SMALL:
        return phrase(language, "change.same", **span, after=figures["after"])
    key = "change.rose" if points > 0 else "change.fell"
    return _with_points(language, key, points, decimals, **span, **figures)


def _cause(language: Language, kind: str, points: float, measures: Sequence[str]) -> str:
    key = "change.gained" if points > 0 else "change.lost"
    text = _with_points(language, key, points, 1, cause=phrase(language, f"cause.{kind}"))
    about = join(
        language, [without_article(language, noun(language, measure)) for measure in measures]
    )
    return f"{text} ({about})" if about else text


def _with_points(language: Language, key: str, points: float, decimals: int, **given: str) -> str:
    shown = round(abs(points), decimals)
    is_one = is_singular(language, shown) and (language == "pt" or decimals == 0)
    form = "one" if is_one else "other"
    return phrase(language, f"{key}.{form}", points=number(language, shown, decimals), **given)


def _period(language: Language, since: datetime, until: datetime) -> tuple[str, str]:
    """Write two days, or two times of one day: to the second where the minute is the same."""
    if since.date() != until.date():
        return day(language, since), day(language, until)
    clock = "%H:%M" if f"{since:%H:%M}" != f"{until:%H:%M}" else "%H:%M:%S"
    end = phrase(language, "span.clock", time=until.strftime(clock), day=day(language, until))
    return since.strftime(clock), end
