"""Customers that pay for features which they don't use."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from healthsvc.core.instants import to_us
from healthsvc.flows.lists import Listing, Page, Paging
from healthsvc.flows.portfolio.figures import FRESHENING, freshen
from healthsvc.flows.readiness.steps import ON_DEMAND, Step
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.portfolio import ledger_reads, unused_features
from healthsvc.store.portfolio.unused_features import UnusedFeatures, UnusedFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedPage:
    """A page of customers, and how far the ledger reaches."""

    page: Page[UnusedFeatures]
    kept_from: datetime | None
    """Some events logged before aren't kept: what was used only then seems never used."""
    as_of: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Idleness:
    """Whether features that were used, and not for so long, count as unused."""

    counts: bool
    after: timedelta


async def customers(
    engine: AsyncEngine,
    paging: Paging,
    which: UnusedFilter,
    idleness: Idleness,
    now: datetime,
    step: Step | None = None,
) -> UnusedPage:
    """Customers by id, of those whose profile names their features; those that have left pay for
    none. step: what a failure to take in the newest events is reported to."""
    await freshen(engine, step or Step(FRESHENING, ON_DEMAND))
    listing: Listing[UnusedFeatures] = Listing(
        name="unused_features",
        keys=lambda customer: (customer.customer_id,),
        shape=(str,),
        filters=asdict(which) | asdict(idleness),
    )
    idle_before_us = to_us(now - idleness.after)
    async with engine.connect() as conn:
        await ledger_reads.still(conn)
        reach = await ledger_reads.reach(conn)
        page = await listing.page(
            paging,
            lambda place: unused_features.page(
                conn, which, idle_before_us, place, idle=idleness.counts
            ),
        )
    return UnusedPage(page=page, kept_from=reach.missing_until, as_of=reach.as_of)
