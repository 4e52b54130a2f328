"""The live scorecard's page rules on addresses and on the archive."""

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.pages import archived_views
from healthsvc.store.projections import live_projection
from healthsvc.wire.pages.rules import PageRules
from healthsvc.wire.pages.suggestions import PageCount, Suggestions, suggest
from healthsvc.wire.scorecards.document import compile_document


async def live_rules(engine: AsyncEngine) -> PageRules:
    """The page rules of the live scorecard."""
    async with engine.connect() as conn:
        document = (await live_projection.live(conn)).document
    return compile_document(document).pages


async def suggestions(
    engine: AsyncEngine, limit: int, rules: PageRules | None = None
) -> Suggestions:
    """Rules for the archive's most frequent pages that the rules don't know, the live ones by
    default."""
    rules = await live_rules(engine) if rules is None else rules
    async with engine.connect() as conn:
        viewed = await archived_views.most_viewed(conn)
    counts = (
        PageCount(url=v.url, title=v.title, views=v.views, customers=v.customers) for v in viewed
    )
    return suggest(rules, counts, limit)
