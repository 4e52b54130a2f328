"""What is answered about customers: made for all who ask at the same time as one batch, and made
once for as long as it holds."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

from healthsvc.api.entity_tags import EntityTag, digest_of, tag_of
from healthsvc.api.gathering import Gatherer
from healthsvc.api.representations import Representation
from healthsvc.api.responses import json_body
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.core.instants import to_us
from healthsvc.core.languages import Language
from healthsvc.flows.customers.contact_windows import HoursCache
from healthsvc.flows.customers.explanation import ReadExplanation, read_explanations
from healthsvc.flows.customers.health import health_of
from healthsvc.flows.customers.read_customers import ReadCustomer, read_customers
from healthsvc.store.customers.revisions import revisions
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine, autocommit_connection
from healthsvc.wire.rest.customers.customer import Customer
from healthsvc.wire.rest.customers.explanations import Explanation

MOST_BYTES: Final = 32 << 20
Kind = Literal["health", "explanation"]


class Question(NamedTuple):
    """What is asked about which customer; tags: those of the answers that the asker has; fields:
    the members that are wanted, none for all."""

    kind: Kind
    customer_id: str
    language: Language
    tags: tuple[EntityTag, ...] = ()
    fields: tuple[str, ...] = ()


class _Views:
    """Answers by question, the least recently given forgotten first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._views: OrderedDict[Question, Representation] = OrderedDict()

    def get(self, question: Question, digest: str, now_us: int) -> Representation | None:
        """The answer that holds."""
        view = self._views.get(question)
        if view is None or not view.tag.holds(digest, now_us):
            return None
        self._views.move_to_end(question)
        return view

    def put(self, question: Question, view: Representation) -> None:
        former = self._views.pop(question, None)
        self._views[question] = view
        self._bytes += _size(view) - _size(former)
        while self._bytes > self._most_bytes:
            _, oldest = self._views.popitem(last=False)
            self._bytes -= _size(oldest)


class CustomerViews:
    """Answers questions about customers. Use it from one event loop."""

    def __init__(
        self, engine: AsyncEngine, now: Callable[[], datetime], rules: ContactRules
    ) -> None:
        self._engine, self._now, self._rules = engine, now, rules
        self._hours = HoursCache()
        self._views = _Views()
        self._gatherer: Gatherer[Question, Representation | None] = Gatherer(self._answer)

    async def view(self, question: Question) -> Representation | None:
        """The answer; None: there is no such customer."""
        return await self._gatherer.ask(question)

    async def _answer(
        self, questions: Sequence[Question]
    ) -> Mapping[Question, Representation | None]:
        async with autocommit_connection(self._engine) as conn:
            now = self._now()
            by_customer = await revisions(conn, list({q.customer_id for q in questions}))
            answers: dict[Question, Representation | None] = {}
            digests: dict[Question, str] = {}
            for question in questions:
                revision = by_customer.get(question.customer_id)
                if revision is None:
                    answers[question] = None
                    continue
                plain = question._replace(tags=())
                digest = digest_of(revision, *plain[:3], *plain.fields)
                view = self._known(question, plain, digest, to_us(now))
                if view is None:
                    digests[plain] = digest
                else:
                    answers[question] = view
            made = await self._make(conn, digests, now)
        for question in questions:
            answers.setdefault(question, made.get(question._replace(tags=())))
        return answers

    def _known(
        self, question: Question, plain: Question, digest: str, now_us: int
    ) -> Representation | None:
        """The answer that needn't be made."""
        for tag in question.tags:
            if tag.holds(digest, now_us):
                return Representation(tag, None, question.language)
        return self._views.get(plain, digest, now_us)

    async def _make(
        self, conn: AsyncConnection, digests: Mapping[Question, str], now: datetime
    ) -> Mapping[Question, Representation]:
        """Evaluate and render."""
        made: dict[Question, Representation] = {}
        for kind, load in _LOADERS.items():
            asked = [question for question in digests if question.kind == kind]
            if not asked:
                continue
            ids = list({question.customer_id for question in asked})
            customers = await load(conn, ids, now, self._rules, self._hours)
            for question in asked:
                customer = customers.get(question.customer_id)
                if customer is not None:
                    tag = tag_of(digests[question], to_us(now), customer.due_us)
                    body = _rendered(customer, question)
                    view = Representation(tag, body, question.language)
                    self._views.put(question, view)
                    made[question] = view
        return made


_Loaded = Mapping[str, ReadCustomer] | Mapping[str, ReadExplanation]
_Loader = Callable[
    [AsyncConnection, Sequence[str], datetime, ContactRules, HoursCache], Awaitable[_Loaded]
]


async def _load_explanations(
    conn: AsyncConnection, ids: Sequence[str], now: datetime, _: ContactRules, __: HoursCache
) -> Mapping[str, ReadExplanation]:
    return await read_explanations(conn, ids, now)


_LOADERS: Final[dict[Kind, _Loader]] = {
    "health": read_customers,
    "explanation": _load_explanations,
}


def _rendered(customer: ReadCustomer | ReadExplanation, question: Question) -> bytes:
    if isinstance(customer, ReadCustomer):
        health = Customer.model_validate(health_of(customer, question.language))
        return json_body(health, fields=question.fields)
    explanation = Explanation.model_validate(customer.worded(question.language))
    return json_body(explanation, explanation.left_out(), question.fields)


def _size(view: Representation | None) -> int:
    return len(view.body or b"") + 500 if view is not None else 0
