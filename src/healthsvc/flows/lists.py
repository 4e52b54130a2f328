"""Lists: one page at a time, with cursors that are bound to the list's filter and lead both
ways."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from healthsvc.core.alerts import Alert
from healthsvc.core.instants import to_us
from healthsvc.store.admin import keys
from healthsvc.store.admin.keys import Key as ApiKey
from healthsvc.store.alerts import alert_rows
from healthsvc.store.alerts.alert_rows import AlertQuery
from healthsvc.store.customers import customer_summary
from healthsvc.store.customers import history as history_reads
from healthsvc.store.customers import timeline as archive_reads
from healthsvc.store.customers.customer_summary import SortOrder, Standing, StandingFilter
from healthsvc.store.customers.history import Decision, Span
from healthsvc.store.customers.timeline import ArchivedEvent
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.keyset import Place
from healthsvc.store.intake import dead_letters
from healthsvc.store.intake.dead_letters import DeadLetter, DeadLetterQuery
from healthsvc.store.lab import runs as lab_runs
from healthsvc.store.lab.runs import Run
from healthsvc.store.processing import customer_homes
from healthsvc.store.projections import live_projection, scorecards, shadows
from healthsvc.store.projections.scorecards import Version
from healthsvc.store.projections.shadows import ScorePair
from healthsvc.store.sources import calls, identity
from healthsvc.store.sources.calls import SourceCallRow
from healthsvc.store.sources.identity import LinkRow
from healthsvc.wire.cursors import Cursor, Key, binding, decode, encode

ItemT = TypeVar("ItemT")
Shape = tuple[type[str] | type[int] | type[float], ...]
_KEY_TYPES: Final[Mapping[str, type[str] | type[int]]] = {
    "name": str,
    "customer_id": str,
    "renewal_at": int,
    "band_since": int,
}
"""Of cursors in lists of customers; the other columns are floats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[ItemT]):
    """Some items, and the cursors of the pages next to them; None where the list ends."""

    items: list[ItemT]
    next_cursor: str | None
    prev_cursor: str | None


class Paging(Protocol):
    """How many items, and from which cursor on. A cursor of another list raises CursorError when it
    is used."""

    @property
    def limit(self) -> int: ...
    @property
    def cursor(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[ItemT]):
    """A list: its name, what identifies a row's place in it, and the filter that cursors are bound
    to."""

    name: str
    keys: Callable[[ItemT], tuple[Key, ...]]
    shape: Shape
    filters: Mapping[str, object] = field(default_factory=dict)

    async def page(
        self, paging: Paging, fetch: Callable[[Place], Awaitable[list[ItemT]]]
    ) -> Page[ItemT]:
        """The page at the requested place; reads one row more, to learn whether the list
        continues."""
        bound_to = binding(self.name, self.filters)
        cursor = None if paging.cursor is None else decode(paging.cursor, bound_to, self.shape)
        backwards = cursor is not None and cursor.backwards
        place = Place(
            limit=paging.limit + 1, keys=cursor.keys if cursor else None, backwards=backwards
        )
        rows = await fetch(place)
        more = len(rows) > paging.limit
        items = rows
        if more:
            items = rows[1:] if backwards else rows[: paging.limit]
        behind, before = (True, more) if backwards else (more, cursor is not None)
        on = encode(Cursor(keys=self.keys(items[-1])), bound_to) if items and behind else None
        back = (
            encode(Cursor(keys=self.keys(items[0]), backwards=True), bound_to)
            if items and before
            else None
        )
        return Page(items=items, next_cursor=on, prev_cursor=back)


async def standings(
    engine: AsyncEngine, paging: Paging, which: StandingFilter, order: SortOrder
) -> tuple[datetime | None, int, Page[Standing]]:
    """Customers in some order; the instant up to which everything logged is counted in them; the
    version."""
    listing: Listing[Standing] = Listing(
        name="customers",
        keys=lambda standing: standing.keys(order.column),
        shape=(_KEY_TYPES.get(order.column, float), int),
        filters={name: value for name, value in asdict(which).items() if value not in ((), "")}
        | {"sort": f"-{order.column}" if order.reversed else order.column},
    )
    async with engine.connect() as conn:
        as_of = await customer_summary.as_of(conn)
        version = (await live_projection.live(conn)).scorecard_version
        return (
            as_of,
            version,
            await listing.page(
                paging, lambda place: customer_summary.page(conn, which, order, place)
            ),
        )


async def history(
    engine: AsyncEngine, paging: Paging, customer_id: str, span: Span
) -> Page[Decision] | None:
    """A customer's recorded decisions, newest first; None if there is no such customer."""
    listing: Listing[Decision] = Listing(
        name="history",
        keys=lambda decision: (to_us(decision.decided_at), decision.row),
        shape=(int, int),
        filters=asdict(span) | {"customer_id": customer_id},
    )
    async with engine.connect() as conn:
        home = (await customer_homes.find(conn, [customer_id])).get(customer_id)
        if home is None:
            return None
        return await listing.page(
            paging, lambda place: history_reads.page(conn, home.key, span, place)
        )


async def timeline(
    engine: AsyncEngine, paging: Paging, customer_id: str, event_type: str | None
) -> Page[ArchivedEvent] | None:
    """A customer's events, newest first; None if there is no such customer."""
    listing: Listing[ArchivedEvent] = Listing(
        name="timeline",
        keys=lambda event: (event.occurred_us, event.sequence),
        shape=(int, int),
        filters={"customer_id": customer_id, "type": event_type},
    )
    async with engine.connect() as conn:
        home = (await customer_homes.find(conn, [customer_id])).get(customer_id)
        if home is None:
            return None
        return await listing.page(
            paging, lambda place: archive_reads.page(conn, home.key, event_type, place)
        )


async def alerts(engine: AsyncEngine, paging: Paging, which: AlertQuery) -> Page[Alert]:
    """Alerts, the last raised first."""
    listing: Listing[Alert] = Listing(
        name="alerts", keys=lambda alert: (alert.position,), shape=(int,), filters=asdict(which)
    )
    async with engine.connect() as conn:
        return await listing.page(paging, lambda place: alert_rows.page(conn, which, place))


async def letters(engine: AsyncEngine, paging: Paging, which: DeadLetterQuery) -> Page[DeadLetter]:
    """Dead letters, the last one first."""
    listing: Listing[DeadLetter] = Listing(
        name="dead_letters", keys=lambda letter: (letter.id,), shape=(int,), filters=asdict(which)
    )
    async with engine.connect() as conn:
        return await listing.page(paging, lambda place: dead_letters.page(conn, which, place))


async def source_calls(engine: AsyncEngine, paging: Paging, source: str) -> Page[SourceCallRow]:
    """Calls of a source, the last one first."""
    listing: Listing[SourceCallRow] = Listing(
        name="source_calls",
        keys=lambda call: (call.id,),
        shape=(int,),
        filters={"source": source},
    )
    async with engine.connect() as conn:
        return await listing.page(paging, lambda place: calls.page(conn, source, place))


async def customer_links(
    engine: AsyncEngine, paging: Paging, customer_id: str | None
) -> Page[LinkRow]:
    """Ids of other systems and their customers."""
    listing: Listing[LinkRow] = Listing(
        name="customer_links",
        keys=lambda link: (link.namespace, link.external_id),
        shape=(str, str),
        filters={"customer_id": customer_id},
    )
    async with engine.connect() as conn:
        return await listing.page(
            paging, lambda place: identity.links_page(conn, customer_id, place)
        )


async def api_keys(engine: AsyncEngine, paging: Paging) -> Page[ApiKey]:
    """API keys, newest first."""
    listing: Listing[ApiKey] = Listing(
        name="keys", keys=lambda key: (key.created_us, key.id), shape=(int, str)
    )
    async with engine.connect() as conn:
        return await listing.page(paging, lambda place: keys.page(conn, place))


async def runs(engine: AsyncEngine, paging: Paging) -> Page[Run]:
    """Runs of the lab, newest first."""
    listing: Listing[Run] = Listing(name="lab_runs", keys=lambda run: (run.id,), shape=(int,))
    async with engine.connect() as conn:
        return await listing.page(paging, lambda place: lab_runs.page(conn, place))


async def shadow_customers(
    engine: AsyncEngine, paging: Paging, *, moved: bool, customer_id: str | None
) -> Page[ScorePair]:
    """Customers by the live version and by the shadow, newest first."""
    listing: Listing[ScorePair] = Listing(
        name="shadow",
        keys=lambda both: (both.customer_key,),
        shape=(int,),
        filters={"moved": moved, "customer_id": customer_id},
    )
    async with engine.connect() as conn:
        return await listing.page(
            paging,
            lambda place: shadows.page(conn, moved=moved, customer_id=customer_id, place=place),
        )


async def scorecard_versions(engine: AsyncEngine, paging: Paging) -> Page[Version]:
    """Scorecard versions, newest first."""
    listing: Listing[Version] = Listing(
        name="scorecards", keys=lambda version: (version.version,), shape=(int,)
    )
    async with engine.connect() as conn:
        return await listing.page(paging, lambda place: scorecards.page(conn, place))
