"""The portfolio for the command line."""

from datetime import datetime

from healthsvc.flows.portfolio import figures as portfolios
from healthsvc.flows.portfolio.figures import PortfolioFigures
from healthsvc.settings import Settings
from healthsvc.store.portfolio.ledger_reads import By
from healthsvc.wiring.database import engine_on, update


async def portfolio(
    url: str, settings: Settings, start: datetime, end: datetime, by: By | None
) -> PortfolioFigures:
    """The figures of a period."""
    await update(url, settings)
    async with engine_on(url, "healthsvc-portfolio") as engine:
        return await portfolios.portfolio(engine, start, end, by)
