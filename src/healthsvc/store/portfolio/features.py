"""Reads which features a customer owns and has used, by name, from the ledger."""

from dataclasses import dataclass

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedFeatures:
    """As the newest profile has them."""

    since_us: int
    names: list[str] | None
    """None: the profile has only their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureUse:
    name: str | None
    """None: it was last used before names were kept."""
    first_us: int
    last_us: int


async def customer_key(conn: AsyncConnection, customer_id: str) -> int | None:
    """None: there is no such customer."""
    key: int | None = await conn.scalar(
        text("select key from customers where customer_id = :id"), {"id": customer_id}
    )
    return key


async def owned(conn: AsyncConnection, customer_key: int) -> OwnedFeatures | None:
    """None: no profile said anything about its features."""
    found = await conn.execute(
        text("select occurred_us, names from ledger_features_owned where customer_key = :key"),
        {"key": customer_key},
    )
    row = found.one_or_none()
    if row is None:
        return None
    return OwnedFeatures(
        since_us=row.occurred_us, names=None if row.names is None else sorted(row.names)
    )


async def uses(conn: AsyncConnection, customer_key: int, names: list[str]) -> list[FeatureUse]:
    """Every feature that was used, with its first and last use. names: of those that it owns,
    which are found though they were used before names were kept."""
    found = await conn.execute(
        text("""
            with used as (
                select function, min(first_us) as first_us, max(last_us) as last_us
                from ledger_functions where customer_key = :customer_key group by function
            )
            select coalesce(n.name, o.name) as name, u.first_us, u.last_us
            from used u
            left join ledger_feature_names n using (function)
            left join unnest(cast(:names as text[])) as o (name)
                on hashtextextended(o.name, 0) = u.function
            order by name
        """),
        {"customer_key": customer_key, "names": names},
    )
    return [FeatureUse(name=row.name, first_us=row.first_us, last_us=row.last_us) for row in found]
