"""What the enabled endpoints subscribe to, so that other messages needn't be rendered."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from healthsvc.core.changes.filter import ChangeFilter, CustomerFacts
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.delivery.endpoints import filter_from


class Subscriber(NamedTuple):
    """What one endpoint wants."""

    endpoint_id: str
    types: frozenset[str]
    """Empty: all."""
    which: ChangeFilter

    def wants_type(self, type: str) -> bool:
        return not self.types or type in self.types


class Subscriptions(NamedTuple):
    """What all of them want."""

    each: Sequence[Subscriber]

    @property
    def endpoint_ids(self) -> list[str]:
        return [one.endpoint_id for one in self.each]

    def want(self, type: str) -> bool:
        """Whether any of them wants this type."""
        return any(one.wants_type(type) for one in self.each)

    def refusing(self, type: str, customer: CustomerFacts | None) -> tuple[str, ...]:
        """The endpoints that want the type, but not about this customer."""
        return tuple(
            one.endpoint_id
            for one in self.each
            if one.wants_type(type) and not one.which.allows(type, customer)
        )

    def wanting(self, type: str, customer: CustomerFacts | None) -> bool:
        """Whether any endpoint gets such a message."""
        return any(one.wants_type(type) and one.which.allows(type, customer) for one in self.each)


async def read(conn: AsyncConnection) -> Subscriptions:
    """Those of the enabled endpoints, as of this statement."""
    rows = await conn.execute(
        text("select id, event_types, filter from endpoints where state = 'enabled' order by id")
    )
    return Subscriptions(
        [Subscriber(row.id, frozenset(row.event_types), filter_from(row.filter)) for row in rows]
    )
