"""Memory for what flushes send, taken once: the system gives fresh memory page by page, which takes
longer than filling it."""

from typing import Final

import numpy as np

from healthsvc.store.database.copying import Piece

SLAB_BYTES: Final = 16 << 20


class Arena:
    """Keeps the bytes of one flush until they are written, and has room for the next one's when
    they are let go."""

    def __init__(self) -> None:
        self._slabs: list[memoryview] = []
        self._slab, self._used, self._settled = -1, 0, 0

    @property
    def allocated(self) -> int:
        """Bytes allocated so far."""
        return sum(map(len, self._slabs))

    def preallocate(self, size: int) -> None:
        """Have the memory for so many bytes before the first of them comes."""
        assert self._slab < 0, "only while nothing is kept"
        while self.allocated < size:
            slab = np.zeros(SLAB_BYTES, np.uint8)
            slab.fill(0)  # only what is touched is given
            self._slabs.append(slab.data)
        self._settled = len(self._slabs)

    def keep(self, piece: Piece) -> Piece:
        """A copy of the piece, good until all are let go."""
        while self._slab < 0 or len(self._slabs[self._slab]) - self._used < len(piece):
            self._slab, self._used = self._slab + 1, 0
            if self._slab == len(self._slabs):
                self._slabs.append(np.zeros(max(SLAB_BYTES, len(piece)), np.uint8).data)
        first, self._used = self._used, self._used + len(piece)
        copy = self._slabs[self._slab][first : self._used]
        copy[:] = piece
        return copy

    def let_go(self) -> None:
        """Nothing that was kept is needed any longer. What only a rare, large flush took is given
        back; what this one took stays, and what it settled in with."""
        if self._slab >= 0:
            del self._slabs[max(self._settled, self._slab + 1) :]
        self._slab, self._used = -1, 0
