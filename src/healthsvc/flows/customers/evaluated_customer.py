"""A customer evaluated at an instant: what the modules of this folder read and render."""

from dataclasses import dataclass
from math import isnan

from healthsvc.core.folding.states import States
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View
from healthsvc.wire.scorecards.document import Compiled


@dataclass(frozen=True, slots=True)
class Seen:
    """One customer in a table of its own, evaluated."""

    version: int
    compiled: Compiled
    table: States
    view: View
    found: Evaluation
    key: int

    @property
    def card(self) -> Scorecard:
        """The scorecard, or the variant of it, that judges the customer."""
        return self.compiled.scorecard.judging(self.found.variant_of(0))

    @property
    def variant(self) -> str | None:
        return self.compiled.scorecard.variant_name(self.found.variant_of(0))

    @property
    def name(self) -> str | None:
        """What the customer is called."""
        name = self.table.profile_values(0).get("name") if self.table.has_profile(0) else None
        return name if isinstance(name, str) and name else None

    @property
    def frozen(self) -> bool:
        return bool(self.found.churned[0]) and not isnan(self.table.decisions.score_at_churn[0])

    @property
    def score(self) -> float | None:
        score = float(
            self.table.decisions.score_at_churn[0] if self.frozen else self.found.score[0]
        )
        return None if isnan(score) else score
