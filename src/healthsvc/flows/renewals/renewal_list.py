"""The renewals of a period, by date: what is at risk, why, and who is on it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from healthsvc.core.insights.briefing import last_contact
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import Language
from healthsvc.core.risk.until import risk_until
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.flows.alerts.evaluated_customers import (
    EvaluatedCustomers,
    evaluate_customers,
    live_scorecard,
)
from healthsvc.flows.customers.customer_list import ListWords
from healthsvc.flows.lists import Listing, Page, Paging
from healthsvc.store.customers import customer_summary
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.portfolio import renewals
from healthsvc.store.portfolio.renewals import RenewalQuery, RenewalRow, RenewalTotal


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A customer whose subscription renews."""

    row: RenewalRow
    risk_to_renewal: float | None
    mrr_at_risk: float | None
    """Its MRR where its band is in the lower half, else nothing; None: no MRR is known."""
    reasons: list[str]
    last_contact_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalPage:
    """A page of renewals, and the totals of the whole period."""

    as_of: datetime | None
    page: Page[Renewal]
    totals: list[RenewalTotal]


async def renewals_of(
    engine: AsyncEngine, paging: Paging, which: RenewalQuery, now: datetime, language: Language
) -> RenewalPage:
    """Renewals by date, without customers that have left and test accounts."""
    listing: Listing[RenewalRow] = Listing(
        name="renewals",
        keys=lambda row: (to_us(row.renewal_at), row.customer_key),
        shape=(int, int),
        filters=asdict(which),
    )
    async with engine.connect() as conn:
        card = await live_scorecard(conn)
        tests, low = sorted(card.accounts.test), low_bands(card)
        page = await listing.page(paging, lambda place: renewals.page(conn, which, tests, place))
        ids = [row.customer_id for row in page.items]
        evaluated = await evaluate_customers(conn, ids, now)
        totals = await renewals.totals(conn, which, tests, low)
        as_of = await customer_summary.as_of(conn)
    items = [_renewal(row, evaluated, low, now, language) for row in page.items]
    cursors = {"next_cursor": page.next_cursor, "prev_cursor": page.prev_cursor}
    return RenewalPage(as_of=as_of, page=Page(items=items, **cursors), totals=totals)


def low_bands(card: Scorecard) -> list[str]:
    """The lower half of the bands: whose MRR is at risk, as in the portfolio."""
    bands = [band.name for band in card.bands]
    return bands[: (len(bands) - 1) // 2 : -1]


def _renewal(
    row: RenewalRow,
    evaluated: EvaluatedCustomers,
    low: Sequence[str],
    now: datetime,
    language: Language,
) -> Renewal:
    at, rules = evaluated.row_of.get(row.customer_id), evaluated.view.program.risk_rules
    contact_us = None if at is None else last_contact(evaluated.view, at)
    card = evaluated.view.program.scorecard if at is None else evaluated.card_of(at)
    is_low = row.band in low
    kind, horizon_us = (None, 0) if rules is None else (rules.model.kind, rules.model.horizon_us)
    return Renewal(
        row=row,
        risk_to_renewal=risk_until(row.risk, kind, horizon_us, to_us(now), to_us(row.renewal_at)),
        mrr_at_risk=None if row.mrr is None else row.mrr * is_low,
        reasons=ListWords(card).reasons(row.flags, language),
        last_contact_at=None if contact_us is None else from_us(contact_us),
    )
