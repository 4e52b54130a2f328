"""What came of the alerts of a period."""

from datetime import datetime

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.portfolio import alert_report
from healthsvc.store.portfolio.alert_report import AlertKindReport


async def report_of(
    engine: AsyncEngine, start: datetime, end: datetime, owner: str | None
) -> list[AlertKindReport]:
    """By kind, the alerts about customers that were raised within the period, but for those that
    an outage holds; owner: of the customers, None for everybody's."""
    async with engine.connect() as conn:
        return await alert_report.report(conn, start, end, owner)
