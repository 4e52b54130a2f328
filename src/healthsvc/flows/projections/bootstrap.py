"""The first start: a fresh database gets its scorecard, its live projection and its partitions."""

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.projections import bootstrap
from healthsvc.wire.scorecards.document import compile_document, default_document


async def ensure(conn: AsyncConnection, partitions: int, *, document: str | None = None) -> None:
    """Make scorecard 1, projection 1 and partitions 0 … n-1 exist; idempotent, safe with several
    starting at once.

    `document` is the scorecard's YAML (None: the default one) and counts at the very first start
    only. A number of partitions above the present one adds some; a smaller one changes nothing,
    since customers live in those that exist.
    """
    text = document or default_document()
    await bootstrap.insert_scorecard(conn, 1, compile_document(text).scorecard.name, text)
    await bootstrap.insert_first_projection(conn, 1)
    await bootstrap.grow_partitions(conn, partitions)
