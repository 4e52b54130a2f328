"""What a scorecard would make of the customers there are, before anything is published: a sample,
from the archive."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from healthsvc.core.scorecard.model import Scorecard
from healthsvc.flows.customers import past
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer, compiled
from healthsvc.flows.customers.past import PastNotKept
from healthsvc.store.customers import past as stored
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.projections import live_projection
from healthsvc.wire.scorecards.document import compile_document


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedCustomer:
    """One customer now, and under the other scorecard."""

    customer_id: str
    before: float | None
    after: float | None
    band_before: str | None
    band_after: str | None

    @property
    def change(self) -> float:
        return (self.after or 0.0) - (self.before or 0.0)


@dataclass(slots=True, kw_only=True)
class ScorecardPreview:
    """What was found in the sample; bands are those of the scores, without hysteresis."""

    customers: int = 0
    left_out: int = 0
    """Customers whose events the archive doesn't have wholly."""
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    moves: list[MovedCustomer] = field(default_factory=list)
    variants: Counter[str] = field(default_factory=Counter)
    """Customers of the sample by the variant that would judge them; only variants that are
    declared."""
    unfed: list[str] = field(default_factory=list)
    """Measures that no event of the sample feeds."""


def _ignore_progress(customers: int) -> None:
    """Nobody watches."""


async def preview(
    engine: AsyncEngine,
    document: str,
    now: datetime,
    *,
    sample: int,
    on_progress: Callable[[int], None] = _ignore_progress,
) -> ScorecardPreview:
    """Score a sample of customers under a document and under the live one. Raises
    ScorecardError."""
    card = compile_document(document)
    async with engine.connect() as conn:
        live = await live_projection.live(conn)
        ids = await stored.sample(conn, live.id, sample)
    present, result, coverage = (
        compiled(live.document),
        ScorecardPreview(),
        [0.0] * card.program.width,
    )
    result.variants.update({v.name: 0 for v in card.scorecard.variants})
    for number, customer_id in enumerate(ids):
        on_progress(number)
        try:
            async with engine.begin() as conn:
                history = await past.load(conn, customer_id)
        except PastNotKept:
            result.left_out += 1
            continue
        if history is None:
            continue
        evaluated = [
            past.evaluate_events(history, history.events, c, 0, now, past.NOTHING_DECIDED)
            for c in (present, card)
        ]
        counts = evaluated[1].table.cells[0, :, evaluated[1].table.count_field].tolist()
        coverage = [a + b for a, b in zip(coverage, counts, strict=True)]
        _add(result, customer_id, *evaluated)
    result.unfed = [
        name for name, count in zip(card.program.measures, coverage, strict=True) if not count
    ]
    result.moves.sort(key=lambda m: -abs(m.change))
    return result


def _add(
    result: ScorecardPreview, customer_id: str, now: EvaluatedCustomer, then: EvaluatedCustomer
) -> None:
    before, after = now.score, then.score
    bands = _band(now.card, before), _band(then.card, after)
    result.variants.update([] if then.variant is None else [then.variant])
    result.customers += 1
    result.before[bands[0] or "not enough evidence"] += 1
    result.after[bands[1] or "not enough evidence"] += 1
    result.moves.append(
        MovedCustomer(
            customer_id=customer_id,
            before=before,
            after=after,
            band_before=bands[0],
            band_after=bands[1],
        )
    )


def _band(card: Scorecard, score: float | None) -> str | None:
    return (
        None
        if score is None
        else next((b.name for b in card.bands if score >= b.floor), card.bands[-1].name)
    )


def band_counts(result: ScorecardPreview) -> Sequence[tuple[str, int, int]]:
    """Band, customers now, customers under the other scorecard."""
    names = dict.fromkeys([*result.before, *result.after])
    return [(name, result.before[name], result.after[name]) for name in names]
