"""States as the former version wrote them."""

import numpy as np


def former_state(state: bytes) -> bytes:
    """The same state, which has no items, in the former format."""
    _, fields, measures, risks, words = state[:5]
    bits = np.unpackbits(np.frombuffer(state[5 : words * 8], np.uint8))
    cells, known = np.flatnonzero(bits[:measures]), np.flatnonzero(bits[measures:])
    names = np.concatenate([cells, known]).astype(np.uint8).tobytes()
    head = bytes((2, fields, len(cells), len(known), 0, risks, 0, 0))
    return head + names + bytes(-len(names) % 8) + state[words * 8 :]
