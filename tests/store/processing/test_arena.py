"""The arena: what it keeps stays as it was until it is let go, and the memory is used again."""

from healthsvc.store.processing.arena import SLAB_BYTES, Arena


def test_pieces_stay_as_they_were_across_slabs() -> None:
    arena = Arena()
    pieces = [
        bytes([number]) * size
        for number, size in enumerate((5, SLAB_BYTES - 4, 7, SLAB_BYTES + 1, 9))
    ]
    kept = [arena.keep(piece) for piece in pieces]
    assert [bytes(piece) for piece in kept] == pieces


def test_what_is_let_go_makes_room_in_the_same_memory() -> None:
    arena = Arena()
    arena.preallocate(SLAB_BYTES + 1)
    first = arena.keep(b"before")
    arena.let_go()
    again = arena.keep(b"behind")
    assert bytes(first) == bytes(again) == b"behind"


def test_what_only_a_large_flush_took_is_given_back() -> None:
    arena = Arena()
    for _ in range(3):
        arena.keep(bytes(SLAB_BYTES))
    arena.let_go()
    assert arena.allocated == 3 * SLAB_BYTES
    arena.keep(b"small")
    arena.let_go()
    assert arena.allocated == SLAB_BYTES


def test_it_settles_in_as_far_as_asked_and_stays_so() -> None:
    arena = Arena()
    arena.preallocate(SLAB_BYTES + 1)
    for _ in range(2):
        assert arena.allocated == 2 * SLAB_BYTES
        arena.keep(b"small")
        arena.let_go()
