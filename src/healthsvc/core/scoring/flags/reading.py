"""Reading a flag of the scorecard document: each field once, with what is allowed there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

from healthsvc.core.instants import DAY_US
from healthsvc.core.scorecard.model import COOL_DAYS
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose
from healthsvc.core.scorecard.surveys import Survey
from healthsvc.core.scorecard.texts import Text, text
from healthsvc.core.severity import SEVERITIES, Severity

FIELDS: Final = (
    *(
        "measure",
        "release",
        "blocked_by",
        "half_life_days",
        "at",
        "exit",
        "times",
        "days",
        "renew_days",
    ),
    *("min_events", "usual_times", "fact", "of", "unless", "tier_days", "score"),
    *("cap", "alert", "cool_days", "override", "play", "enabled"),
)
"""The fields that some kind of flag has, beside `name`, `kind` and `title`; a kind ignores those of
other kinds."""

FactFilter = Callable[[Sequence[str]], list[str]]


class Common(TypedDict):
    """The fields that all kinds share."""

    name: str
    title: Text
    cap: float | None
    severity: Severity | None
    cool_us: int
    override: bool
    play: Text
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The names that a flag may use, and the half-lives there are."""

    measures: Sequence[str]
    facts: Sequence[str]
    flags: Sequence[str]
    """Those declared before that flags may be made of."""
    half_lives_us: Sequence[int]


class FlagReader:
    """Reads the fields of one flag. Each method raises ScorecardError at the field's place."""

    def __init__(
        self, reader: MappingReader, vocabulary: Vocabulary, cool_days: float = COOL_DAYS
    ) -> None:
        self._reader, self._vocabulary, self._cool_days = reader, vocabulary, cool_days
        self._kind = str(reader.get("kind"))

    def common(self) -> Common:
        r = self._reader
        severity = r.get("alert")
        return Common(
            name=str(r.need("name")),
            title=text(r.need("title"), f"{r.path}/title"),
            cap=None if r.get("cap") is None else r.number("cap", 0, high=100),
            severity=None if severity is None else self._severity(severity),
            cool_us=round(r.number("cool_days", self._cool_days, high=3650) * DAY_US),
            override=r.switch("override", False),
            play=text(r.get("play"), f"{r.path}/play"),
            enabled=r.switch("enabled", True),
        )

    def common_without_cap(self) -> Common:
        """Of a flag that reads the score: a cap would make the score hang on itself."""
        for field in ("cap", "override"):
            if self._reader.get(field):
                raise ScorecardError(self._place(field), f"isn't for a flag of kind {self._kind!r}")
        return self.common()

    def side(self) -> Literal["high", "low"]:
        return "high" if self._choice("score", ("high", "low")) == "high" else "low"

    def measure(self) -> str:
        return self._choice("measure", self._vocabulary.measures)

    def release(self) -> str:
        return self._choice("release", self._vocabulary.measures)

    def blocked_by(self) -> str:
        """A measure of contacts that release nothing, "" for none."""
        name = self._reader.get("blocked_by", "")
        return choose(name, ("", *self._vocabulary.measures), self._place("blocked_by"))

    def fact(self, allowed: FactFilter) -> str:
        return self._choice("fact", allowed(self._vocabulary.facts))

    def survey(self, allowed: Sequence[Survey]) -> Survey:
        """A survey, named as the fact of its newest answer."""
        name = self._choice("fact", list(allowed))
        return next(survey for survey in allowed if survey == name)

    def optional_measure(self) -> str:
        """A measure, "" for none."""
        return self.measure() if self._reader.get("measure") else ""

    def tier_spans_us(self, tiers: Sequence[str]) -> tuple[tuple[str, int], ...]:
        """Spans by touch tier, of the tiers that have one of their own."""
        spans = MappingReader(self._reader.get("tier_days") or {}, self._place("tier_days"))
        own = tuple((tier, spans.days(tier, 2)) for tier in tiers if tier in spans.data)
        spans.done()
        return own

    def unless(self) -> str:
        """A fact that says more, "" for none."""
        name = self._reader.get("unless", "")
        return choose(name, ("", *dated(self._vocabulary.facts)), self._place("unless"))

    def of(self) -> tuple[str, ...]:
        names = self._reader.get("of")
        if names is None:
            raise ScorecardError(self._place("of"), self._needed)
        if not isinstance(names, list) or not names:
            raise ScorecardError(
                self._place("of"), "must be a list of flags that are declared before"
            )
        return tuple(
            choose(n, self._vocabulary.flags, self._place(f"of/{i}")) for i, n in enumerate(names)
        )

    def line(self, *, above_zero: bool = False) -> float:
        at = self._reader.number("at", 0.0, low=-1e9)
        if above_zero and at <= 0:
            raise ScorecardError(
                self._place("at"), f"must be above 0 for a flag of kind {self._kind!r}"
            )
        return at

    def exit_above(self, at: float) -> float:
        """The line above `at` at which the flag is released; `at` itself where there is none."""
        exit = self._reader.number("exit", at, low=-1e9)
        if exit < at:
            raise ScorecardError(self._place("exit"), "must be at least `at`")
        return exit

    def exit_below(self, at: float) -> float:
        """The line below `at` at which the flag is released; `at` itself where there is none."""
        exit = self._reader.number("exit", at, low=-1e9)
        if not 0 < exit <= at:
            raise ScorecardError(self._place("exit"), "must be above 0 and at most `at`")
        return exit

    def times(self) -> float:
        return self._reader.number("times", 0.0, high=1000)

    def span_us(self) -> int:
        return self._reader.days("days", 14)

    def renew_us(self) -> int:
        return self._reader.days("renew_days", 60)

    def half_life_us(self) -> int:
        half_life = self._reader.days("half_life_days", 14)
        if half_life not in self._vocabulary.half_lives_us:
            raise ScorecardError(self._place("half_life_days"), "must be one of half_lives_days")
        return half_life

    def grace_us(self) -> int:
        """`days`, 0 where the flag gives none."""
        return 0 if self._reader.get("days") is None else self.span_us()

    def usual_times(self) -> float:
        return self._reader.number("usual_times", 0.0, high=100)

    def share(self, default: float) -> float:
        return self._reader.number("at", default, low=0.0, high=1.0)

    def min_events(self) -> float:
        return self._reader.number("min_events", 1.0)

    def _choice(self, field: str, allowed: Sequence[str]) -> str:
        name = self._reader.get(field, "")
        if name == "":
            raise ScorecardError(self._place(field), self._needed)
        return choose(name, allowed, self._place(field))

    @property
    def _needed(self) -> str:
        return f"is needed for a flag of kind {self._kind!r}"

    def _severity(self, name: object) -> Severity:
        choice = choose(name, SEVERITIES, self._place("alert"))
        return next(severity for severity in SEVERITIES if severity == choice)

    def _place(self, field: str) -> str:
        return f"{self._reader.path}/{field}"


def dated(facts: Sequence[str]) -> list[str]:
    """Facts whose instant is known."""
    return [name for name in facts if f"{name}_at" in facts]


def instants(facts: Sequence[str]) -> list[str]:
    """Facts that are instants themselves."""
    instants_of_others = {f"{name}_at" for name in facts}
    return [
        name
        for name in facts
        if name.endswith(("_at", "_effective")) and name not in instants_of_others
    ]


def counts_of_open_items(facts: Sequence[str]) -> list[str]:
    """Facts that count open items."""
    return [name for name in facts if f"{name}_since" in facts]
