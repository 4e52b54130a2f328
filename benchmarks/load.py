"""The load: a deterministic stream of believable events, about 250 bytes each, in the service's own
envelope.

The same seed, count, fleet and end give the same bytes. Customers are drawn with a Zipf skew of
0.8.
"""

import json
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

SKEW = 0.8
SPAN_SECONDS = 2 * 3600
DISORDER_SECONDS = 5.0
SOURCES = ("web", "product", "crm")
FEATURES = (
    "dashboards",
    "reports.export",
    "alerts",
    "search",
    "api.tokens",
    "imports.csv",
    "webhooks",
    "sso",
    "roles",
)
FEATURES += (
    "audit.log",
    "billing.portal",
    "integrations.slack",
    "integrations.salesforce",
    "mobile",
    "templates",
)
FEATURES += ("workflows", "comments", "sharing")
PAGES = (  # path, title, how often
    ("/dashboard", "Dashboard", 400),
    ("/projects/alpha/board", "Alpha board", 240),
    ("/reports/weekly", "Weekly report", 180),
    ("/support/articles/reset-a-token", "Reset a token", 60),
    ("/docs/specifications/import-format", "Import format", 40),
    ("/pricing", "Plans and pricing", 35),
    ("/billing/invoices", "Invoices", 30),
    ("/login", "Sign in", 12),
    ("/account/cancel", "Cancel your plan", 3),
)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0",
    "Mozilla/5.0 (Macintosh) Safari/19.1",
    "acme-mobile/7.2 (Android 16)",
)
ENGAGEMENTS = ("webinar", "event", "community", "email_opened", "email_clicked")
OUTCOMES = ("positive", "neutral", "negative", "no_answer")

Data = dict[str, object]


@dataclass(slots=True)
class Fleet:
    """What later events must agree with: tickets and complaints that are open, by customer."""

    rng: random.Random
    tickets: deque[tuple[int, str]] = field(default_factory=deque)
    complaints: deque[tuple[int, str]] = field(default_factory=deque)
    serial: int = 0

    def number(self) -> int:
        self.serial += 1
        return self.serial


def _opened(fleet: Fleet, customer: int) -> Data:
    ticket = f"T-{fleet.number()}"
    fleet.tickets.append((customer, ticket))
    return {
        "ticket_id": ticket,
        "subject": "Export stops at 10,000 rows",
        "priority": "normal",
        "feature": "reports.export",
    }


def _complained(fleet: Fleet, customer: int) -> Data:
    complaint = f"C-{fleet.number()}"
    fleet.complaints.append((customer, complaint))
    return {
        "complaint_id": complaint,
        "subject": "The nightly import failed three times",
        "severity": "major",
    }


def _ticket(fleet: Fleet, *, take: bool) -> str:
    if not fleet.tickets:
        return f"T-{fleet.number()}"
    if take:
        return fleet.tickets.popleft()[1]
    return fleet.tickets[0][1]


def _complaint(fleet: Fleet) -> str:
    return fleet.complaints[0][1] if fleet.complaints else f"C-{fleet.number()}"


def _used(fleet: Fleet, _: int) -> Data:
    return {"feature": fleet.rng.choice(FEATURES), "quantity": fleet.rng.randrange(1, 9)}


def _session(fleet: Fleet, _: int) -> Data:
    seconds = fleet.rng.randrange(20, 5_400)
    return {
        "session_id": f"s{fleet.number()}",
        "user_agent": fleet.rng.choice(AGENTS),
        "duration_seconds": seconds,
    }


def _engagement(fleet: Fleet, _: int) -> Data:
    return {"kind": fleet.rng.choice(ENGAGEMENTS), "name": "November release"}


def _contact(fleet: Fleet, _: int) -> Data:
    return {"outcome": fleet.rng.choice(OUTCOMES), "channel": "phone", "author": "csm-7"}


def _referral(fleet: Fleet, _: int) -> Data:
    return {"kind": fleet.rng.choice(("referral", "case_study", "review")), "name": "Example Ltd"}


def _mrr(fleet: Fleet) -> int:
    return fleet.rng.randrange(50, 9_000)


def _page(fleet: Fleet, _: int) -> Data:
    path, title, _weight = fleet.rng.choices(PAGES, cum_weights=_PAGE_WEIGHTS)[0]
    return {"url": f"https://app.example.com{path}?s={fleet.rng.randrange(10_000)}", "title": title}


def _survey(fleet: Fleet, _: int) -> Data:
    kind, low, high = fleet.rng.choice((("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)))
    score = max(low, high - int(fleet.rng.expovariate(0.5)))
    return {
        "survey": kind,
        "score": score,
        "survey_id": f"S-{fleet.number()}",
        "comment": "quick and clear",
    }


def _invoice(fleet: Fleet, _: int) -> Data:
    return {
        "invoice_id": f"INV-{fleet.number()}",
        "amount": fleet.rng.randrange(4_900, 250_000) / 100,
        "currency": "EUR",
    }


def _profile(fleet: Fleet, customer: int) -> Data:
    rng = fleet.rng
    return {
        "name": f"Customer {customer}",
        "tier": rng.choice(("high", "low", "tech")),
        "seats": rng.randrange(3, 200),
        "mrr": rng.randrange(50, 9_000),
        "features_owned": rng.randrange(4, 18),
        "stage": "adoption",
    }


_PAGE_WEIGHTS = tuple(np.cumsum([weight for *_, weight in PAGES]).tolist())
Maker = Callable[[Fleet, int], Data]
MIX: tuple[tuple[str, float, Maker], ...] = (  # type, share of the stream, its data
    ("feature.used", 0.35, _used),
    ("page.viewed", 0.25, _page),
    ("session.started", 0.15, _session),
    ("engagement.recorded", 0.05, _engagement),
    ("invoice.paid", 0.025, _invoice),
    ("ticket.opened", 0.02, _opened),
    ("seats.changed", 0.02, lambda f, _: {"seats": 50, "active": f.rng.randrange(5, 50)}),
    ("customer.updated", 0.02, _profile),
    ("ticket.answered", 0.015, lambda f, _: {"ticket_id": _ticket(f, take=False)}),
    (
        "ticket.resolved",
        0.015,
        lambda f, _: {"ticket_id": _ticket(f, take=True), "rating": f.rng.randrange(2, 6)},
    ),
    ("survey.sent", 0.015, lambda f, _: {"survey": "nps", "survey_id": f"S-{f.number()}"}),
    ("survey.answered", 0.015, _survey),
    ("contact.logged", 0.015, _contact),
    (
        "feature.requested",
        0.01,
        lambda f, _: {"feature": f.rng.choice(FEATURES), "title": "Let me filter by owner"},
    ),
    (
        "integration.synced",
        0.008,
        lambda f, _: {"integration": "warehouse", "rows": f.rng.randrange(1, 90_000)},
    ),
    ("invoice.overdue", 0.005, _invoice),
    (
        "subscription.changed",
        0.005,
        lambda f, _: {"plan": "team", "mrr": _mrr(f), "currency": "EUR"},
    ),
    ("referral.made", 0.004, _referral),
    (
        "subscription.renewed",
        0.003,
        lambda f, _: {"plan": "team", "mrr": _mrr(f), "term_months": 12},
    ),
    ("complaint.filed", 0.002, _complained),
    ("complaint.resolved", 0.001, lambda f, _: {"complaint_id": _complaint(f)}),
    (
        "complaint.rated",
        0.001,
        lambda f, _: {"complaint_id": _complaint(f), "rating": f.rng.randrange(1, 6)},
    ),
    ("champion.left", 0.001, lambda f, _: {"name": "A. Person", "role": "head of operations"}),
)
FILL: tuple[str, ...] = (  # what a customer of the big fleet has done before
    *(
        "customer.updated",
        "session.started",
        "feature.used",
        "feature.used",
        "page.viewed",
        "session.started",
    ),
    *(
        "feature.used",
        "page.viewed",
        "invoice.paid",
        "session.started",
        "feature.used",
        "page.viewed",
    ),
)
FILL_DAYS = 28
_MAKERS = {name: maker for name, _, maker in MIX}
_ABOUT_TICKETS = frozenset({"ticket.answered", "ticket.resolved"})
_ABOUT_COMPLAINTS = frozenset({"complaint.resolved", "complaint.rated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Events as bytes, each with its Kafka key (the customer)."""

    keys: list[bytes]
    values: list[bytes]

    @property
    def mean_bytes(self) -> float:
        return sum(map(len, self.values)) / len(self.values)


def customer_id(number: int) -> str:
    return f"customer-{number:07d}"


def skewed(customers: int, count: int, rng: np.random.Generator) -> list[int]:
    """Customer numbers drawn with probability rank ** -SKEW; the ranks are shuffled over the
    numbers."""
    cumulated = np.cumsum(np.arange(1, customers + 1, dtype=np.float64) ** -SKEW)
    ranks = np.searchsorted(cumulated, rng.random(count) * cumulated[-1])
    numbers: list[int] = rng.permutation(customers)[ranks].tolist()
    return numbers


def make(*, count: int, customers: int, seed: int, end_us: int) -> Load:
    """`count` events of the mix, by skewed customers, in the two hours before `end_us`, roughly in
    order."""
    dice = np.random.default_rng(seed)
    fleet = Fleet(random.Random(seed))
    chosen = dice.choice(len(MIX), size=count, p=[share for _, share, _ in MIX])
    types = [MIX[index][0] for index in chosen]
    times = _times(count, end_us, dice)
    return _load(types, skewed(customers, count, dice), times, _ids(count, dice), fleet)


def fill(*, customers: int, seed: int, end_us: int) -> Load:
    """A past (FILL, over FILL_DAYS) for each of the customers, which are numbered from 0."""
    dice = np.random.default_rng((seed, customers))
    count = customers * len(FILL)
    order = dice.permutation(count)
    numbers = (order // len(FILL)).tolist()
    types = [FILL[place] for place in (order % len(FILL)).tolist()]
    times = _times(count, end_us, dice, span_seconds=FILL_DAYS * 86_400)
    return _load(types, numbers, times, _ids(count, dice), Fleet(random.Random(seed)))


def canary(end_us: int, customer: str) -> bytes:
    """One event by a customer of its own: its flush shows that a process has started and waits."""
    at = str(np.datetime_as_string(np.datetime64(end_us, "us"), unit="us")) + "Z"
    return _event(
        f"canary-{end_us}", "product", "feature.used", customer, "u-1", at, {"feature": "search"}
    )


def produce(bootstrap: str, topic: str, load: Load) -> float:
    """Write the load, acknowledged by the broker, in its order; return the seconds that it took."""
    started = time.perf_counter()
    _write(_producer(bootstrap), topic, load)
    return time.perf_counter() - started


def produce_unseen(bootstrap: str, topic: str, load: Load) -> Callable[[], None]:
    """Write the load in a transaction; readers of committed records see all of it once the answer
    is called."""
    producer = _producer(
        bootstrap, {"transactional.id": f"bench-{topic}", "transaction.timeout.ms": 600_000}
    )
    producer.init_transactions(60)
    producer.begin_transaction()
    _write(producer, topic, load)
    return lambda: producer.commit_transaction(60)


def _producer(bootstrap: str, more: dict[str, str | int | float | bool] | None = None) -> Producer:
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 20,
            "queue.buffering.max.messages": 2_000_000,
            "queue.buffering.max.kbytes": 1_048_576,
            "enable.idempotence": True,
            "log_level": 3,
            **(more or {}),
        }
    )


def _write(producer: Producer, topic: str, load: Load) -> None:
    failures: list[object] = []
    for position, (key, value) in enumerate(zip(load.keys, load.values, strict=True)):
        producer.produce(
            topic,
            value,
            key,
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
        if position % 20_000 == 0:
            producer.poll(0)
    if producer.flush(120) or failures:
        raise RuntimeError(f"the broker refused part of the load: {failures[:1]}")


def create_topic(bootstrap: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)])[
        topic
    ].result(30)


def delete_topic(bootstrap: str, topic: str) -> None:
    admin = AdminClient(
        {"bootstrap.servers": bootstrap, "log_level": 3}
    )  # named: it must outlive its answer
    admin.delete_topics([topic])[topic].result(30)


def _times(
    count: int, end_us: int, dice: np.random.Generator, *, span_seconds: float = SPAN_SECONDS
) -> list[str]:
    """Rising over a span, each up to DISORDER_SECONDS late, none after `end_us`."""
    rising = np.linspace(end_us - span_seconds * 1_000_000, end_us, count)
    late = dice.random(count) * DISORDER_SECONDS * 1_000_000
    instants = (rising - late).astype(np.int64).astype("datetime64[us]")
    return [f"{text}Z" for text in np.datetime_as_string(instants, unit="us").tolist()]


def _ids(count: int, dice: np.random.Generator) -> Iterator[str]:
    digits = dice.bytes(16 * count).hex()
    for at in range(0, 32 * count, 32):
        part = digits[at : at + 32]
        yield f"{part[:8]}-{part[8:12]}-{part[12:16]}-{part[16:20]}-{part[20:]}"


def _load(
    types: Sequence[str], numbers: list[int], times: list[str], ids: Iterator[str], fleet: Fleet
) -> Load:
    keys: list[bytes] = []
    values: list[bytes] = []
    rng = fleet.rng
    for type_, number, at, id_ in zip(types, numbers, times, ids, strict=True):
        owner = _owner(type_, number, fleet)
        customer = customer_id(owner)
        contact = f"u{owner:07d}-{rng.randrange(9)}"
        data = _MAKERS[type_](fleet, owner)
        keys.append(customer.encode())
        values.append(_event(id_, SOURCES[rng.randrange(3)], type_, customer, contact, at, data))
    return Load(keys=keys, values=values)


def _owner(type_: str, number: int, fleet: Fleet) -> int:
    """An answer belongs to the customer of the oldest open ticket or complaint; all else to the one
    drawn."""
    if type_ in _ABOUT_TICKETS and fleet.tickets:
        return fleet.tickets[0][0]
    if type_ in _ABOUT_COMPLAINTS and fleet.complaints:
        return fleet.complaints[0][0]
    return number


def _event(
    id_: str, source: str, type_: str, customer: str, contact: str, at: str, data: Data
) -> bytes:
    return (
        f'{{"id":"{id_}","source":"{source}","type":"{type_}","customer_id":"{customer}","contact_id":"{contact}",'
        f'"occurred_at":"{at}","data":{_compact(data)}}}'
    ).encode()


_compact = json.JSONEncoder(separators=(",", ":")).encode
