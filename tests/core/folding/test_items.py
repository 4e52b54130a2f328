"""Items stay packed until somebody asks for them, and say the same either way."""

from healthsvc.core.folding.items import COMPLAINT, FIELDS, TICKET, CustomerItems, item_key

FIRST, SECOND = item_key(TICKET, "t1"), item_key(COMPLAINT, "c1")


def kept() -> CustomerItems:
    items = CustomerItems()
    items.of(7).update({SECOND: [1.5, 0.0, 0.0, 4.0, 2.0], FIRST: [1.0, 2.0, 3.0, 0.0, 0.0]})
    return items


def test_what_is_packed_and_taken_in_again_is_the_same_and_is_packed_alike() -> None:
    packed = kept().pack([7])
    again = CustomerItems()
    again.put(7, packed[0])
    assert again.pack([7]) == packed
    assert again.of(7) == kept().of(7)
    assert list(again.of(7)) == sorted([FIRST, SECOND])
    assert again.pack([7]) == packed


def test_what_is_changed_after_it_was_unpacked_is_packed_changed() -> None:
    items = CustomerItems()
    items.put(7, kept().pack([7])[0])
    items.of(7)[FIRST][2] = 9.0
    del items.of(7)[SECOND]
    (packed,) = items.pack([7])
    assert len(packed) == FIELDS * 8
    again = CustomerItems()
    again.put(7, packed)
    assert again.of(7) == {FIRST: [1.0, 2.0, 9.0, 0.0, 0.0]}


def test_who_has_none_and_who_is_dropped_has_nothing_packed() -> None:
    items = kept()
    assert items.of(8) == {}
    items.drop(7)
    assert items.pack([7, 8, 9]) == [b"", b"", b""]
