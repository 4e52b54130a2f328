"""The tie rule: which of two events of the same instant is the later one."""

from typing import Final

import numpy as np

from healthsvc.core.arrays import Digests, Floats

_SHIFT: Final = np.uint64(11)
"""Leaves 53 bits of the 64, as many as a float64 holds exactly."""


def tie_breakers(digests: Digests) -> Floats:
    """Number by which events of one instant are ordered, (n,); digests: of (customer, source, id),
    (n, 2).

    Bit-identity rests on it: the number depends on the event alone, so live folding, rebuilds and
    the lab choose the same last writer in whatever order the events come. It is exact as a float64,
    so it survives packing.
    """
    return (digests[:, 0] >> _SHIFT).astype(np.float64)
