"""Random histories of a few customers: every built-in type, times in any order, items that open and close."""

from typing import Any

from hypothesis import strategies as st

from tests.core.folding import Event, at

CUSTOMERS = ("acme", "bolt", "corp")
SPAN_DAYS = 120.0


def _data() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    score = st.sampled_from([("nps", 0), ("nps", 6), ("nps", 9), ("csat", 1), ("csat", 5), ("ces", 2), ("ces", 7)])
    kinds: list[st.SearchStrategy[tuple[str, dict[str, Any]]]] = [
        _of("feature.used", feature=st.sampled_from("abcdefgh")),
        _of("feature.used", feature=st.sampled_from("ab")),
        _of("page.viewed", url=st.sampled_from(["https://x.test/" + p for p in ("cancel", "pricing", "help", "docs", "home")])),
        _of("session.started", session_id=st.just("s")),
        _of("seats.changed", seats=st.sampled_from([10, 20]), active=st.sampled_from([0, 4, 15])),
        score.map(lambda s: ("survey.answered", {"survey": s[0], "score": s[1]})),
        _of("survey.sent", survey=st.just("nps")),
        *(_of(f"ticket.{verb}", ticket_id=st.sampled_from("123"), **more) for verb, more in _TICKETS),
        *(_of(f"complaint.{verb}", complaint_id=st.sampled_from("12"), **more) for verb, more in _COMPLAINTS),
        *(_of(f"invoice.{verb}", invoice_id=st.sampled_from("12")) for verb in ("paid", "overdue")),
        _of("subscription.changed", mrr=st.sampled_from([10, 90])),
        _of("subscription.renewed", renewal_at=st.sampled_from([at(100), at(200)])),
        st.sampled_from([{}, {"effective_at": at(90)}]).map(lambda d: ("subscription.cancelled", d)),
        _of("engagement.recorded", kind=st.just("webinar")),
        _of("referral.made", kind=st.just("review")),
        _of("feature.requested", feature=st.just("z")),
        _of("champion.left", name=st.just("Ada")),
        _of("contact.logged", outcome=st.sampled_from(["positive", "negative", "no_answer"])),
        _of("customer.updated", owner=st.sampled_from(["jo", "mo"]), tier=st.sampled_from(["high", "low"]), features_owned=st.just(9)),
        _of("operator.own", anything=st.integers(0, 3)),
    ]
    return st.one_of(kinds)


def _of(type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.fixed_dictionaries(fields).map(lambda data: (type, data))


_TICKETS: list[tuple[str, dict[str, Any]]] = [
    ("opened", {"subject": st.just("help")}),
    ("answered", {}),
    ("resolved", {"rating": st.sampled_from([1, 5])}),
]
_COMPLAINTS: list[tuple[str, dict[str, Any]]] = [
    ("filed", {"subject": st.just("bad")}),
    ("resolved", {}),
    ("rated", {"rating": st.sampled_from([1, 3, 5])}),
]
_DAYS = st.one_of(st.integers(0, int(SPAN_DAYS)).map(float), st.floats(0, SPAN_DAYS, allow_nan=False, width=32))


@st.composite
def histories(draw: st.DrawFn, *, max_events: int = 40, customers: tuple[str, ...] = CUSTOMERS) -> list[Event]:
    """A log: events in the order in which they were logged; ids are unique, times aren't in order."""
    drawn = draw(st.lists(st.tuples(_data(), st.sampled_from(customers), _DAYS), min_size=1, max_size=max_events))
    return [
        {"id": f"e{i}", "source": "test", "type": type, "customer_id": customer, "occurred_at": at(days), "data": data}
        for i, ((type, data), customer, days) in enumerate(drawn)
    ]


def splits(events: list[Event]) -> st.SearchStrategy[list[list[Event]]]:
    """The same log, cut into batches anywhere."""
    cuts = st.sets(st.integers(0, len(events)), max_size=6).map(lambda s: [0, *sorted(s), len(events)])
    return cuts.map(lambda c: [events[a:b] for a, b in zip(c, c[1:], strict=False)])
