"""A customer's recorded decisions, under whichever projection was live at the time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping

from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import INSTANT, Place, newest

SELECT = (
    "select decided_at, ctid::text as row, score, risk, band, flags, cause, scorecard_version from"
    " history"
)
# Two decisions may carry one instant and have no other name: the row's place in the table tells
# them apart. Rows of history are never changed, so it stays the same. A key holds it as block times
# 2^16 plus the place in the block.
ORDER = {
    "decided_at": INSTANT,
    "ctid": (
        "cast(format('(%s,%s)', (cast(:k as bigint) >> 16) & 4294967295, cast(:k as bigint) &"
        " 65535) as tid)"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One recorded decision; `row` distinguishes it from others of the same instant."""

    decided_at: datetime
    row: int
    score: float | None
    risk: float | None
    band: str | None
    flags: tuple[str, ...]
    cause: str
    scorecard_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From an instant on, up to another, which isn't included; None: without end."""

    after: datetime | None = None
    before: datetime | None = None


async def page(
    conn: AsyncConnection, customer_key: int, span: Span, place: Place
) -> list[Decision]:
    """What was decided about one customer, newest first."""
    where: dict[str, object] = {
        "customer_key = :v": customer_key,
        "decided_at >= :v": span.after,
        "decided_at < :v": span.before,
    }
    return [_decision(row) for row in await newest(conn, SELECT, ORDER, where, place)]


def _decision(row: RowMapping) -> Decision:
    block, place = row["row"].strip("()").split(",")
    return Decision(**{**row, "row": int(block) << 16 | int(place), "flags": tuple(row["flags"])})
