"""Items come to the same in any order: up to 64 of a kind, open or settled, and beyond that the
oldest count as settled."""

from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.core.folding.facts import COLUMN
from healthsvc.core.folding.items.kind import MOST
from healthsvc.core.folding.items.packed import from_former, item_hash, unpack
from healthsvc.core.folding.items.registry import BY_NUMBER
from healthsvc.core.folding.items.table import ItemTable
from tests.core.folded import Event, Fold, at, us

COMES_TO = tuple(
    name
    for name in COLUMN
    if name.startswith(("tickets_", "complaints_", "invoices_", "served_", "items_"))
    or name in ("usual_delay", "new_invoice_paid_at")
)


def event(type: str, days: float, **data: Any) -> Event:
    return {
        "id": f"{type} {days} {sorted(data.items())}",
        "source": "test",
        "type": type,
        "customer_id": "acme",
        "occurred_at": at(days),
        "data": data,
    }


def facts_after(*batches: list[Event]) -> dict[str, float]:
    fold = Fold()
    for batch in batches:
        fold.feed(batch)
        fold.restart()
    row = fold.states.row_of["acme"]
    return {name: fold.states.facts.item(row, COLUMN[name]) for name in COMES_TO}


@pytest.mark.parametrize("count", [12, MOST])
def test_invoices_whose_payments_are_told_first_are_paid(count: int) -> None:
    paid = [event("invoice.paid", 30 * n + 5, invoice_id=f"i{n}") for n in range(count)]
    overdue = [event("invoice.overdue", 30 * n, invoice_id=f"i{n}") for n in range(count)]
    facts = facts_after(paid, overdue)
    assert facts["invoices_overdue"] == 0
    assert facts == facts_after(overdue, paid)


def test_tickets_that_are_open_and_as_many_that_are_resolved_are_told_apart_in_any_order() -> None:
    opened = [event("ticket.opened", n, ticket_id=f"t{n}") for n in range(MOST)]
    resolved = [event("ticket.resolved", n + 0.5, ticket_id=f"t{n}") for n in range(1, MOST, 2)]
    facts = facts_after(resolved, opened)
    assert facts["tickets_open"] == MOST / 2
    assert facts["tickets_open_since"] == us(0)
    assert facts["items_settled_before"] == 0
    assert facts == facts_after(opened, resolved)


def test_of_more_than_64_open_tickets_the_oldest_count_as_settled_and_it_is_noted() -> None:
    facts = facts_after([event("ticket.opened", n, ticket_id=f"t{n}") for n in range(MOST + 6)])
    assert facts["tickets_open"] == MOST
    assert facts["tickets_open_since"] == us(6)
    assert facts["items_settled_before"] == us(5)


def test_tickets_opened_at_the_same_instant_are_kept_up_to_64_too() -> None:
    facts = facts_after([event("ticket.opened", 0, ticket_id=f"t{n}") for n in range(MOST + 9)])
    assert facts["tickets_open"] == MOST


_MANY = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("ticket.opened", "ticket.answered", "ticket.resolved"),
                *("complaint.filed", "complaint.resolved", "complaint.rated"),
            )
        ),
        st.integers(0, MOST + 12),
        st.integers(0, 400),
    ),
    min_size=MOST * 3,
    max_size=MOST * 5,
    unique=True,
)


def _step(type: str, number: int, hours: int) -> Event:
    kind = type.partition(".")[0]
    rating = {"rating": 1 + hours % 5} if type == "complaint.rated" else {}
    return event(type, hours / 24, **{f"{kind}_id": f"x{number}"}, **rating)


@settings(max_examples=10, deadline=None)
@given(_MANY, st.randoms(use_true_random=False))
def test_beyond_64_of_a_kind_the_order_does_not_matter_either(
    steps: list[tuple[str, int, int]], random: Any
) -> None:
    events = [_step(*step) for step in steps]
    shuffled = random.sample(events, len(events))
    half = len(events) // 2
    assert facts_after(events) == facts_after(shuffled[:half], shuffled[half:])


def test_a_customer_with_hundreds_of_items_is_packed_and_loaded_to_the_bit() -> None:
    fold = Fold()
    for kind, type in (
        ("ticket", "ticket.opened"),
        ("complaint", "complaint.filed"),
        ("invoice", "invoice.overdue"),
    ):
        fold.feed([event(type, n, **{f"{kind}_id": f"x{n}"}) for n in range(MOST)])
    packed = fold.packed()
    fold.restart()
    assert fold.packed() == packed
    assert fold.states.facts[fold.states.row_of["acme"], COLUMN["invoices_overdue"]] == MOST


def test_a_settled_ticket_takes_16_bytes_and_an_open_one_no_more() -> None:
    fold = Fold()
    fold.feed(
        [event("ticket.opened", 1, ticket_id="t"), event("ticket.answered", 2, ticket_id="t")]
    )
    fold.feed(
        [event("ticket.resolved", 3, ticket_id="t"), event("ticket.opened", 3, ticket_id="u")]
    )
    (packed,) = fold.states.items.packed([fold.states.row_of["acme"]])
    assert len(packed) == 2 * 16


def test_items_of_the_former_format_are_read() -> None:
    def key(number: int, item_id: str) -> float:
        return float(number << 48 | item_hash(item_id))

    former = array("d", [key(1, "t"), us(1), us(2), us(3), 5.0, us(3)])
    former.extend([key(2, "c"), us(1), 0.0, us(3), 4.0, us(4)])
    former.extend([key(3, "i"), us(1), 0.0, 0.0, 0.0, 0.0])
    table = ItemTable()
    table.put([7, 0], from_former([b"", former.tobytes()]))
    tickets, complaints, invoices = (table.counted([0], BY_NUMBER[kind])[0] for kind in (1, 2, 3))
    assert tickets == [([0.0, 0.0, us(3)], 0.0)]
    assert complaints == [([0.0, us(3), 4.0, us(4)], 0.0)]
    assert invoices == [([us(1), us(1), 0.0, 0.0, 0.0, 0.0, 0.0], 0.0)]
    hashes = unpack(table.packed([0])).hash.tolist()
    assert hashes == [item_hash("t"), item_hash("c"), item_hash("i")]
    assert table.packed([7]) == [b""]


def test_items_that_no_event_touches_stay_packed_as_they_are() -> None:
    fold = Fold()
    fold.feed([event("ticket.opened", 1, ticket_id="t")])
    row = fold.states.row_of["acme"]
    packed = fold.states.items.packed([row])
    table = ItemTable()
    table.put([7], packed)
    assert table.packed([7, 8]) == [packed[0], b""]
    table.drop(7)
    assert table.packed([7]) == [b""]
    assert np.frombuffer(packed[0], np.uint8).size % 8 == 0
