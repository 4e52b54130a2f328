"""COPY's binary form, put together from columns: what the hot path writes, at a fraction of the cost of row by row.

PostgreSQL's documentation of COPY ("Binary Format") is the source: a signature, rows of length-prefixed fields in
network order, a trailer. The order of the fields is that of the columns named in the command.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.store.engine import AsyncConnection, raw

NULL: Final = b"\xff\xff\xff\xff"
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01T00:00:00Z, from which PostgreSQL counts."""
_TEXT_OID: Final = 25
_PIECE: Final = 1 << 20

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


def begin(fields: int) -> bytes:
    """What every row of so many fields begins with."""
    return fields.to_bytes(2)


def fixed(
    count: int, *columns: Column | int, lead: bytes = b"", then: NDArray[np.int64] | None = None
) -> NDArray[np.void]:
    """Fields of fixed width: (count,) rows, all of the same width.

    A column is int32, int64, float64, or void for bytea; a number stands for an integer that is the same in all rows.
    lead: what a row begins with; then: the widths of the fields that follow these.
    """
    arrays = [np.full(count, column, np.int32) if isinstance(column, int) else column for column in columns]
    kinds = [("lead", f"V{len(lead)}")] if lead else []
    for place, array in enumerate(arrays):
        kinds += [(f"n{place}", ">i4"), (f"v{place}", f">{array.dtype.kind}{array.dtype.itemsize}")]
    rows = np.empty(count, np.dtype([*kinds, ("then", ">i4")] if then is not None else kinds))
    if lead:
        rows["lead"] = np.void(lead)
    for place, array in enumerate(arrays):
        rows[f"n{place}"], rows[f"v{place}"] = array.dtype.itemsize, array
    if then is not None:
        rows["then"] = then
    return rows


def pieces(rows: NDArray[np.void]) -> list[bytes]:
    """The rows of `fixed`, each by itself. (Slices of their memory take nine times as long.)"""
    each: list[bytes] = rows.view(f"V{rows.dtype.itemsize}").tolist()
    return each


def floats(*columns: NDArray[np.float64]) -> list[bytes]:
    """Fields of type double precision, null where they are NaN."""
    found = pieces(fixed(len(columns[0]), *columns))
    unknown = np.stack([np.isnan(column) for column in columns], axis=1)
    for row in np.flatnonzero(unknown.any(axis=1)).tolist():
        fields = [found[row][at : at + 12] for at in range(0, 12 * len(columns), 12)]
        found[row] = b"".join([NULL if null else field for null, field in zip(unknown[row], fields, strict=True)])
    return found


def block(*parts: Sequence[memoryview] | Sequence[bytes]) -> bytes:
    """A whole COPY: row by row one piece of each part, in their order; the first ones start with `begin`."""
    width, count = len(parts), len(parts[0])
    woven: list[memoryview | bytes] = [b""] * (width * count)
    for place, part in enumerate(parts):
        woven[place::width] = part
    return b"".join((_SIGNATURE, *woven, _TRAILER))


def even_block(rows: NDArray[np.void]) -> bytes:
    """A whole COPY of rows of fixed width, whose lead is `begin`."""
    return _SIGNATURE + rows.tobytes() + _TRAILER


def joined(blocks: Sequence[bytes]) -> bytes:
    """One COPY of several; empty ones have no rows, and of nothing comes nothing."""
    some = [block for block in blocks if block]
    if len(some) < 2:
        return some[0] if some else b""
    rows = [memoryview(block)[len(_SIGNATURE) : -len(_TRAILER)] for block in some]
    return b"".join((_SIGNATURE, *rows, _TRAILER))


async def copy(conn: AsyncConnection, table: str, columns: Sequence[str], content: bytes) -> None:
    """Send what `block` made. A transaction must have begun."""
    driver = await raw(conn)
    await driver.copy_to_table(table, source=_sent(content), columns=columns, format="binary")


async def _sent(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), _PIECE):
        yield content[at : at + _PIECE]
