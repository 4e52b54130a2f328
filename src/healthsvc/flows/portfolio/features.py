"""Features by name: which a customer pays for, and which of those it has never used."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from healthsvc.core.instants import from_us, to_us
from healthsvc.flows.portfolio.figures import FRESHENING, freshen
from healthsvc.flows.readiness.steps import ON_DEMAND, Step
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.portfolio import features, ledger_reads

IDLE_AFTER: Final = timedelta(days=90)

Use = Literal["used", "idle", "never_used"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFeature:
    """One feature of a customer's plan, or one that it used without."""

    name: str
    owned: bool
    use: Use
    """idle: used, and not lately."""
    first_used_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFeatures:
    """What a customer owns and uses, as far as the archive goes."""

    customer_id: str
    names_known: bool
    """Whether the profile names its features; else nothing can be said of those never used."""
    told_at: datetime | None
    items: list[CustomerFeature]
    unnamed_used: int
    """Features that were last used before their names were kept."""
    kept_from: datetime | None
    """Some events logged before this aren't kept: what was used only then seems never used."""
    as_of: datetime | None


async def of_customer(
    engine: AsyncEngine,
    customer_id: str,
    now: datetime,
    idle_after: timedelta = IDLE_AFTER,
    step: Step | None = None,
) -> CustomerFeatures | None:
    """The features of one customer, the never used first; None: there is no such customer."""
    await freshen(engine, step or Step(FRESHENING, ON_DEMAND))
    async with engine.connect() as conn:
        await ledger_reads.still(conn)
        key = await features.customer_key(conn, customer_id)
        if key is None:
            return None
        owned = await features.owned(conn, key)
        names = owned.names or [] if owned else []
        uses = await features.uses(conn, key, names)
        reach = await ledger_reads.reach(conn)
    return CustomerFeatures(
        customer_id=customer_id,
        names_known=owned is not None and owned.names is not None,
        told_at=None if owned is None else from_us(owned.since_us),
        items=_items(names, uses, to_us(now - idle_after)),
        unnamed_used=sum(use.name is None for use in uses),
        kept_from=reach.missing_until,
        as_of=reach.as_of,
    )


ORDER: Final[tuple[Use, ...]] = ("never_used", "idle", "used")


def _items(
    names: list[str], uses: list[features.FeatureUse], idle_before_us: int
) -> list[CustomerFeature]:
    """Owned or used ones, by use and then by name."""
    by_name = {use.name: use for use in uses if use.name is not None}
    items = [
        _feature(name, by_name.get(name), idle_before_us, owned=name in names)
        for name in sorted({*names, *by_name})
    ]
    return sorted(items, key=lambda feature: ORDER.index(feature.use))


def _feature(
    name: str, use: features.FeatureUse | None, idle_before_us: int, *, owned: bool
) -> CustomerFeature:
    if use is None:
        return CustomerFeature(
            name=name, owned=owned, use="never_used", first_used_at=None, last_used_at=None
        )
    return CustomerFeature(
        name=name,
        owned=owned,
        use="idle" if use.last_us < idle_before_us else "used",
        first_used_at=from_us(use.first_us),
        last_used_at=from_us(use.last_us),
    )
