"""Names for the arrays of the core, by what an element is. Shapes stand beside each use."""

import numpy as np
from numpy.typing import NDArray

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
