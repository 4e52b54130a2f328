"""How fast we were when a customer asked, ready for JSON."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from healthsvc.core.instants import DAY_US, to_us
from healthsvc.store.customers import response_times
from healthsvc.store.database.engine import AsyncConnection

DAYS: Final = 180


async def told(conn: AsyncConnection, customer_key: int, at: datetime) -> dict[str, Any]:
    """Tickets opened within the last days, as far as the ledger has got: it follows the archive,
    seconds behind."""
    found = await response_times.response(conn, customer_key, to_us(at) - DAYS * DAY_US, to_us(at))
    return {"days": DAYS, **asdict(found)}
