"""COPY's binary form, put together from columns: what the hot path writes, at a fraction of the
cost of row by row.

PostgreSQL's documentation of COPY ("Binary Format") is the source: a signature, rows of
length-prefixed fields in network order, a trailer. The order of the fields is that of the columns
named in the command.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text as sql

from healthsvc.store.database.engine import AsyncConnection, raw

NULL: Final = b"\xff\xff\xff\xff"
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01T00:00:00Z, from which PostgreSQL counts."""
_TEXT_OID: Final = 25
_ROWS: Final = 1000
"""Of a piece: some hundred kilobytes, which are made, sent and let go in the processor's cache."""
_BY_INDEX: Final = sql(
    "select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"
)

Piece = bytes | memoryview
Block = list[Piece]
"""Rows of a COPY in pieces; those of several blocks are sent as one by adding the lists."""
Column = NDArray[np.int32] | NDArray[np.int64] | NDArray[np.float64] | NDArray[np.void]


def text(value: str | None) -> bytes:
    """A field of type text or json."""
    if value is None:
        return NULL
    encoded = value.encode()
    return len(encoded).to_bytes(4) + encoded


def texts(values: Sequence[str]) -> bytes:
    """A field of type text[]."""
    items = b"".join([text(value) for value in values])
    size = (len(values).to_bytes(4) + (1).to_bytes(4)) if values else b""
    array = (1 if values else 0).to_bytes(4) + bytes(4) + _TEXT_OID.to_bytes(4) + size + items
    return len(array).to_bytes(4) + array


def instants(us: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.int64]:
    """Microseconds since 1970 as a column of type timestamptz."""
    shifted: NDArray[np.int64] = us.astype(np.int64) - _EPOCH_US
    return shifted


def optional_instants(us: NDArray[np.float64]) -> list[bytes]:
    """Fields of type timestamptz, from microseconds since 1970; null where they are NaN or 0."""
    known = np.flatnonzero(us > 0)
    fields = [NULL] * len(us)
    for place, piece in zip(
        known.tolist(), pieces(fixed(len(known), instants(us[known]))), strict=True
    ):
        fields[place] = piece
    return fields


def begin(fields: int) -> bytes:
    """What every row of so many fields begins with."""
    return fields.to_bytes(2)


def fixed(
    count: int,
    *columns: Column | int | bytes,
    lead: bytes = b"",
    then: NDArray[np.int64] | None = None,
) -> NDArray[np.void]:
    """Fields of fixed width: (count,) rows, all of the same width.

    A column is int32, int64, float64, or void for bytea; a number stands for an integer that is the
    same in all rows, NULL for a field that is null in all. lead: what a row begins with; then: the
    widths of the fields that follow these.
    """
    arrays = {
        place: np.full(count, column, np.int32) if isinstance(column, int) else column
        for place, column in enumerate(columns)
        if not isinstance(column, bytes)
    }
    kinds = [("lead", f"V{len(lead)}")] if lead else []
    for place in range(len(columns)):
        kinds += [(f"n{place}", ">i4")]
        if place in arrays:
            kinds += [(f"v{place}", f">{arrays[place].dtype.kind}{arrays[place].dtype.itemsize}")]
    rows = np.empty(count, np.dtype([*kinds, ("then", ">i4")] if then is not None else kinds))
    if lead:
        rows["lead"] = np.void(lead)
    for place in range(len(columns)):
        rows[f"n{place}"] = arrays[place].dtype.itemsize if place in arrays else -1
    for place, array in arrays.items():
        rows[f"v{place}"] = array
    if then is not None:
        rows["then"] = then
    return rows


def pieces(rows: NDArray[np.void]) -> list[bytes]:
    """The rows of `fixed`, each by itself. (Slices of their memory take nine times as long.)"""
    each: list[bytes] = rows.view(f"V{rows.dtype.itemsize}").tolist()
    return each


def floats(*columns: NDArray[np.float64]) -> list[bytes]:
    """Fields of type double precision, null where they are NaN."""
    present = ~np.isnan(np.stack(columns, axis=1))
    shape = present @ (1 << np.arange(len(columns)))
    fields_of_row = [b""] * len(shape)
    for rows in [np.flatnonzero(shape == each) for each in np.unique(shape)]:
        fields = [
            column[rows] if there else NULL
            for column, there in zip(columns, present[rows[0]], strict=True)
        ]
        for place, piece in zip(rows.tolist(), pieces(fixed(len(rows), *fields)), strict=True):
            fields_of_row[place] = piece
    return fields_of_row


def block(*parts: Sequence[Piece]) -> Block:
    """Row by row one piece of each part, in their order; the first ones start with `begin`."""
    return list(blocks(*parts))


def blocks(*parts: Sequence[Piece]) -> Iterator[bytes]:
    """The same, made piece by piece."""
    width, count = len(parts), len(parts[0])
    woven: list[memoryview | bytes] = [b""] * (width * count)
    for place, part in enumerate(parts):
        woven[place::width] = part
    for at in range(0, len(woven), width * _ROWS):
        yield b"".join(woven[at : at + width * _ROWS])


def even_block(rows: NDArray[np.void]) -> Block:
    """Rows of fixed width, whose lead is `begin`."""
    return [rows.tobytes()]


async def copy(conn: AsyncConnection, table: str, columns: Sequence[str], content: Block) -> None:
    """Send rows that `block` made, of one call or several, by one command. A transaction must have
    begun."""
    driver = await raw(conn)
    await driver.copy_to_table(table, source=_stream(content), columns=columns, format="binary")


async def by_index(conn: AsyncConnection) -> None:
    """For the rest of the transaction, join what was sent with a table by its index: a large flush
    would be planned as a join with all rows there are."""
    await conn.execute(_BY_INDEX)


async def _stream(content: Block) -> AsyncIterator[Piece]:
    yield _SIGNATURE
    for piece in content:
        yield piece
    yield _TRAILER
