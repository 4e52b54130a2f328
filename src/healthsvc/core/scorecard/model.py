"""The scorecard as data: what feeds each measure, how it is judged, which rules flag and cap, and
where the bands lie.

A published scorecard is immutable: everything here changes a fold or a score. `scorecard_document`
reads one from the plain data of a YAML file.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from healthsvc.core.instants import DAY_US
from healthsvc.core.levels import LANDMARK_US
from healthsvc.core.scorecard.cohort import LIFECYCLE, NO_ACCOUNT_MARKS, AccountMarks, StageRule
from healthsvc.core.scorecard.distributions import Distributions
from healthsvc.core.scorecard.rhythm import Rhythm
from healthsvc.core.scorecard.surveys import SurveyRules
from healthsvc.core.scorecard.texts import NO_TEXT, Text
from healthsvc.core.severity import Severity

ANY_OTHER: Final = "*"
"""A feed of this type takes every type that no other feed names, built-in ones excepted: the
operator's own types. Where the scorecard says what they are (`event_types`), the acts among
them."""


COOL_DAYS: Final = 35.0
"""After an alert of a flag, or of a fall in band, so long none of the same: what swings for a month
makes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Which events feed a measure: a type, optionally only where properties of `data` (or the page
    kind) have one of the values."""

    type: str
    where: tuple[tuple[str, frozenset[Any]], ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """How a measure turns into evidence (how much it weighs now) and a value (0 bad .. 1 good).

    The kinds of judge are the classes of `scoring.judges`, a file each.
    """

    kind: ClassVar[str]
    expected: ClassVar[bool] = True
    """Whether a lack of evidence is a gap in what is known; False: only there when something
    happened."""
    by_habit: ClassVar[bool] = False
    """Whether it compares with the customer's own habit."""
    reference: Distributions | None = None
    """The frozen distributions that it judges against; None: none, or none yet."""

    @property
    def wants_reference(self) -> bool:
        """Whether it lacks a reference that is made of the customers when the version is
        published."""
        return False

    @property
    def fading_us(self) -> int | None:
        """The half-life with which its evidence fades, where it has one of its own."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeAccount:
    """From which MRR on an account is named for its size; amounts are in the customers' own
    currency."""

    mrr: float = 1_000.0
    """A month; what counts where the reference can't tell the percentile."""
    percentile: float | None = None
    line: float | None = None
    """MRR at the percentile, as frozen with the version."""

    @property
    def from_mrr(self) -> float:
        return self.mrr if self.line is None else self.line


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a score needs, and from which share on what is known of a customer is called medium and
    high."""

    events: float = 3.0
    """So many events of `measure`."""
    measure: str | None = None
    """A measure of the customer's own acts; None: every event counts, whoever made it."""
    coverage: float = 0.0
    """The least share of the scorecard's weight that has evidence."""
    medium: float = 0.3
    high: float = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A level kept per customer; scored when it has a dimension and a judge."""

    name: str
    feeds: tuple[Feed, ...]
    dimension: str | None = None
    share: float = 0.0
    judge: Judge | None = None
    of: str | None = None
    """Judge another measure's level instead of keeping one of its own."""
    why: Text = NO_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRule:
    """What all flags have in common: a name, what they read, the cap on the score and the alert.

    The kinds of flag are the classes of `scoring.flags`, a file each.
    """

    kind: ClassVar[str]
    of_absence: ClassVar[bool] = False
    """Whether it says that something didn't happen, or happened less."""
    after_leaving: ClassVar[bool] = False
    """Whether it is about customers that have left; of those no other flag holds."""
    after_score: ClassVar[bool] = False
    """Whether it reads the score, and so can't cap it, nor be part of another flag."""
    by_habit: ClassVar[bool] = False
    """Whether it compares with the customer's own habit."""
    default_cool_days: ClassVar[float] = COOL_DAYS
    """`cool_days` of a flag that names none."""
    name: str
    title: Text
    measure: str = ""
    """The measure that it reads, if any."""
    fact: str = ""
    """The fact that it reads, if any."""
    of: tuple[str, ...] = ()
    """The flags declared before that it is made of, if any."""
    cap: float | None = None
    severity: Severity | None = None
    """None: the flag raises no alert."""
    cool_us: int = round(COOL_DAYS * DAY_US)
    """After an alert of the flag, for so long it raises no other."""
    override: bool = False
    """The cap stands even where there is too little evidence for a score."""
    play: Text = NO_TEXT
    enabled: bool = True
    """Whether it can hold at all; a variant may say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    name: str
    floor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How customers in certain places are judged. Of several that fit a customer the first declared
    judges it."""

    name: str
    when: tuple[tuple[str, frozenset[str | None]], ...]
    """Field of the place (segment, tier, stage) → the values that fit, None for "nobody said"; all
    fields must fit."""
    card: "Scorecard"
    """The scorecard with what the variant changes: the same measures and flags in the same order,
    no variants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    name: str
    half_lives_us: tuple[int, ...]
    dimensions: tuple[tuple[str, float], ...]
    measures: tuple[Measure, ...]
    flags: tuple[FlagRule, ...]
    bands: tuple[Band, ...]
    """Best first; the last one's floor is 0."""
    hysteresis: float = 3.0
    dwell_us: int = DAY_US
    """How long a better band must hold before it is believed; a worse one is believed at once."""
    cool_us: int = round(COOL_DAYS * DAY_US)
    """After an alert of a fall in band, for so long there is no other."""
    evidence: Evidence = Evidence()
    surveys: SurveyRules = field(default_factory=SurveyRules)
    landmark_us: int = LANDMARK_US
    lifecycle: tuple[StageRule, ...] = LIFECYCLE
    large_account: LargeAccount = LargeAccount()
    rhythm: Rhythm | None = None
    """None: every customer is judged by the same spans."""
    variants: tuple[Variant, ...] = ()
    accounts: AccountMarks = NO_ACCOUNT_MARKS
    comeback_use: str | None = None
    """The measure whose events show that a customer uses the product again after it left; None: a
    customer comes back by contract alone."""

    @property
    def wants_reference(self) -> bool:
        """Whether it lacks a reference that is made of the customers there are when it is
        published."""
        cards = (self, *(variant.card for variant in self.variants))
        judges = [m.judge for card in cards for m in card.scored_measures if m.judge is not None]
        large = self.large_account
        return any(judge.wants_reference for judge in judges) or (
            large.percentile is not None and large.line is None
        )

    def judging(self, variant: int) -> "Scorecard":
        """What judges customers of a variant, by number: 0 is the scorecard itself, then the
        variants as declared."""
        return self.variants[variant - 1].card if variant else self

    def variant_name(self, variant: int) -> str | None:
        return self.variants[variant - 1].name if variant else None

    @property
    def flag_names(self) -> tuple[str, ...]:
        return tuple(rule.name for rule in self.flags)

    @property
    def level_measures(self) -> tuple[Measure, ...]:
        """The measures with a level of their own, in declared order: the columns of the state."""
        return tuple(m for m in self.measures if m.of is None)

    @property
    def scored_measures(self) -> tuple[Measure, ...]:
        """The measures that score, in declared order: the order in which contributions are added
        up."""
        return tuple(m for m in self.measures if m.judge is not None)
