"""The filter of changes: parts that must agree, names in any case, nearest names for what isn't
known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.core.changes.filter import NO_FILTER, ChangeFilter, CustomerFacts
from healthsvc.core.changes.filter_input import (
    FilterError,
    KnownNames,
    from_json,
    from_query,
    split,
)

KNOWN = KnownNames(
    types=("alert.raised", "customer.flag.raised", "customer.band.changed"),
    bands=("healthy", "watch", "at_risk", "critical"),
    flags=("silent", "cancel_intent"),
)
ACME = CustomerFacts(
    owner="Kim@example.com",
    segment="Enterprise",
    tier="high",
    band="at_risk",
    flags=("silent",),
    mrr=4900.0,
)


def passes(customer: CustomerFacts | None = ACME, **query: str) -> bool:
    which = from_query({name: [value] for name, value in query.items()}, KNOWN)
    return which.allows("customer.flag.raised", customer)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, True),
        ({"types": "customer.flag.raised"}, True),
        ({"types": "alert.raised"}, False),
        ({"owners": "kim@EXAMPLE.com"}, True),
        ({"owners": "ana@example.com,kim@example.com"}, True),
        ({"segments": " enterprise "}, True),
        ({"segments": "smb"}, False),
        ({"tiers": "HIGH", "bands": "critical"}, False),
        ({"bands": "critical,at_risk", "flags": "silent"}, True),
        ({"flags": "cancel_intent"}, False),
        ({"mrr_from": "4900"}, True),
        ({"mrr_from": "4900.01"}, False),
    ],
)
def test_all_parts_must_agree_and_one_value_of_each_is_enough(
    query: dict[str, str], expected: bool
) -> None:
    assert passes(**query) is expected


def test_what_is_about_no_customer_passes_where_nothing_is_asked_of_customers() -> None:
    assert passes(None, types="customer.flag.raised")
    assert not passes(None, owners="kim@example.com")


def test_customers_whose_owner_or_mrr_nobody_told_do_not_pass() -> None:
    assert not passes(CustomerFacts(), owners="kim@example.com")
    assert not passes(CustomerFacts(), mrr_from="0")


@pytest.mark.parametrize(
    ("query", "part", "detail"),
    [
        ({"types": ["alert.rised"]}, "types", "did you mean alert.raised?"),
        ({"bands": ["risk"]}, "bands", "did you mean at_risk?"),
        ({"flags": ["zzz"]}, "flags", "there are cancel_intent, silent"),
        ({"mrr_from": ["much"]}, "mrr_from", "must be a number from 0"),
        ({"mrr_from": ["nan"]}, "mrr_from", "must be a number from 0"),
        ({"mrr_from": ["-1"]}, "mrr_from", "must be a number from 0"),
        ({"owners": ["x" * 513]}, "owners", "1 to 512 characters"),
    ],
)
def test_what_a_filter_cannot_mean_is_an_error_that_names_the_nearest(
    query: dict[str, list[str]], part: str, detail: str
) -> None:
    with pytest.raises(FilterError) as caught:
        from_query(query, KNOWN)

    (fault,) = caught.value.faults
    assert fault.part == part
    assert detail in fault.detail


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ({"owner": ["kim"]}, [("owner", None)]),
        ({"types": "alert.raised"}, [("types", None)]),
        ({"bands": ["watch", 3], "mrr_from": True}, [("bands", 1), ("mrr_from", None)]),
        ({"flags": ["x"] * 101}, [("flags", None)]),
    ],
)
def test_each_fault_of_json_is_told_with_its_place(
    data: dict[str, object], faults: list[tuple[str, int | None]]
) -> None:
    with pytest.raises(FilterError) as caught:
        from_json(data, KNOWN)

    assert [(fault.part, fault.place) for fault in caught.value.faults] == faults


def test_nothing_asked_is_no_filter() -> None:
    assert from_json({}, KNOWN) == from_query({}, KNOWN) == NO_FILTER


@given(st.lists(st.text(min_size=1, max_size=20).map(str.strip).filter(bool), max_size=5))
def test_any_names_can_be_written_with_commas_between_them(names: list[str]) -> None:
    written = ",".join(name.replace("\\", "\\\\").replace(",", "\\,") for name in names)

    assert split(written) == names


@given(
    st.frozensets(st.sampled_from(KNOWN.types)),
    st.frozensets(st.text(min_size=1, max_size=9).map(str.strip).filter(bool)),
    st.none() | st.floats(0, 1e9),
)
def test_a_filter_reads_back_from_the_json_that_it_is_written_as(
    types: frozenset[str], owners: frozenset[str], mrr_from: float | None
) -> None:
    folded = frozenset(owner.casefold() for owner in owners)
    which = ChangeFilter(types=types, owners=folded, mrr_from=mrr_from)
    if any(owner != owner.strip() for owner in folded):
        return

    assert from_json(which.as_data(), KNOWN) == which
