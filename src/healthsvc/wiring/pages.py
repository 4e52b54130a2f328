"""Page rules on the archive, from the command line."""

from healthsvc.flows.pages import live_rules
from healthsvc.settings import Settings
from healthsvc.wire.pages.rules import PageRules
from healthsvc.wire.pages.suggestions import Suggestions
from healthsvc.wiring.database import engine_on, update


async def page_suggestions(
    url: str, settings: Settings, limit: int, rules: PageRules | None
) -> Suggestions:
    """Rules for the most frequent pages that `rules` don't know; None: the live scorecard's."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-pages") as engine:
        return await live_rules.suggestions(engine, limit, rules)
