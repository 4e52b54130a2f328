"""The tie rule: the number by which events of one instant are ordered."""

import numpy as np

from healthsvc.core.folding.ties import tie_breakers


def test_a_tie_breaker_is_the_high_half_of_the_digest_without_its_last_eleven_bits() -> None:
    digests = np.array([[0, 7], [1 << 11, 7], [2**64 - 1, 7]], np.uint64)

    assert tie_breakers(digests).tolist() == [0.0, 1.0, 2.0**53 - 1]


def test_a_tie_breaker_is_exact_as_a_float() -> None:
    neighbours = np.array([[2**64 - 1, 0], [2**64 - 1 - 2**11, 0]], np.uint64)

    later, earlier = tie_breakers(neighbours).tolist()

    assert later - earlier == 1.0
