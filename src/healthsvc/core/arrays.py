"""Names for the arrays of the core, by what an element is. Shapes stand beside each use."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Mask = NDArray[np.bool_]
Instants = NDArray[np.int64]
"""Microseconds since 1970-01-01T00:00:00Z."""
Rows = NDArray[np.int64]
"""Row numbers of a table of customers."""
Codes = NDArray[np.int8]
Hours = NDArray[np.int32]
"""Whole hours since 1970-01-01T00:00:00Z."""
Digests = NDArray[np.uint64]
"""(n, 2): a 128-bit hash as high and low half."""


def by_column(rows: int, columns: int, fill: Any, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """(rows, columns) filled with a value, each column together in memory: what is worked out
    column by column is written and read several times as fast."""
    return np.full((columns, rows), fill, dtype).T


def merged(parts: Sequence[NDArray[Any]], places: Sequence[Rows]) -> NDArray[Any]:
    """Parts (n_i,) or (n_i, k) put together, each at its places; columns stand together."""
    rows, first = sum(map(len, places)), parts[0]
    whole = np.empty((*first.shape[1:], rows), first.dtype)
    for part, at in zip(parts, places, strict=True):
        whole[..., at] = part.T
    return whole.T
