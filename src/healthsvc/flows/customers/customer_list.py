"""The list of customers: what it may be filtered by, and each row's reason in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from healthsvc.core.languages import Language
from healthsvc.core.scorecard.cohort import STAGES
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.severity import SEVERITIES
from healthsvc.flows.customers.evaluated_customer import compiled
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.projections import live_projection

TIERS = ("high", "low", "tech")


@dataclass(frozen=True, slots=True)
class ListWords:
    """What the live scorecard says of a list: the names that there are, and their titles."""

    scorecard: Scorecard

    @property
    def names(self) -> Mapping[str, Sequence[str]]:
        """By the filter, the names that it may hold; the other filters are free."""
        return {
            "band": [band.name for band in self.scorecard.bands],
            "flag": self.scorecard.flag_names,
            "tier": TIERS,
            "stage": (*STAGES, "unknown"),
        }

    def reason(self, flags: Sequence[str], language: Language) -> str | None:
        """The first of the reasons; None if there is none."""
        return next(iter(self.reasons(flags, language)), None)

    def reasons(self, flags: Sequence[str], language: Language) -> list[str]:
        """The titles of those of the flags that are bad news, the most severe first, of two as
        severe the one declared first."""
        severe = [
            rule
            for rule in self.scorecard.flags
            if rule.name in flags and rule.severity in SEVERITIES and rule.severity != "info"
        ]
        severe.sort(key=lambda rule: -SEVERITIES.index(rule.severity or "info"))
        return [rule.title.within(language) or rule.name for rule in severe]


async def words(engine: AsyncEngine) -> ListWords:
    """Those of the live version."""
    async with engine.connect() as conn:
        live = await live_projection.live(conn)
    return ListWords(compiled(live.document).scorecard)
