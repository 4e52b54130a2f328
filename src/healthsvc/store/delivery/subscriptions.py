"""Which webhook types have subscribers, so that other messages needn't be rendered."""

from sqlalchemy import text

from healthsvc.store.database.engine import AsyncConnection


async def wanted_types(conn: AsyncConnection) -> "Wanted":
    """The types that enabled endpoints have subscribed to, as of this statement."""
    rows = await conn.execute(
        text("select distinct event_types from endpoints where state = 'enabled'")
    )
    subscribed = [frozenset(types) for types in rows.scalars()]
    return Wanted(everything=frozenset() in subscribed, types=frozenset[str]().union(*subscribed))


class Wanted:
    """A set of types; an endpoint without a choice subscribes to all."""

    def __init__(self, *, everything: bool, types: frozenset[str]) -> None:
        self._everything, self._types = everything, types

    def __contains__(self, type: str) -> bool:
        return self._everything or type in self._types
