"""What is most worth a call: open alerts ranked, and an owner's customers of the day, each with
why, when and what to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from typing import Any

import numpy as np

from healthsvc.core.alerts import Alert
from healthsvc.core.decisions.flag_changes import as_decided
from healthsvc.core.folding.states import States
from healthsvc.core.insights.briefing import last_contact
from healthsvc.core.insights.contact_windows import ContactRules, contacts_within
from healthsvc.core.insights.rank import Rank, RankPart, Worth, ranks
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases.alert_rank import RANKING, why
from healthsvc.core.scoring.evaluate import Evaluation, evaluate
from healthsvc.core.scoring.view import View
from healthsvc.flows.alerts import wording
from healthsvc.flows.customers import contact_windows, data_quality
from healthsvc.flows.customers.contact_windows import ContactPlan
from healthsvc.flows.customers.data_quality import RejectionSummary
from healthsvc.flows.customers.evaluated_customer import compiled
from healthsvc.flows.lists import Listing, Page, Paging
from healthsvc.flows.processing.decisions import briefing
from healthsvc.store.alerts import worklist
from healthsvc.store.alerts.alert_rows import AlertQuery
from healthsvc.store.alerts.worklist import Waiting
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.database.keyset import Place
from healthsvc.store.processing import states
from healthsvc.store.projections import live_projection


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """How many customers, and from which cursor on."""

    limit: int
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A waiting alert with its rank, as of an instant."""

    waiting: Waiting
    rank: Rank
    as_of_us: int
    row: int | None
    """Of its customer in the evaluated customers; None: nothing is known of it."""
    risk_is: str
    """What the risk in it is: a ranking, or which probability."""

    @property
    def keys(self) -> tuple[int, float, int]:
        return self.as_of_us, self.rank.points, self.waiting.alert.position


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedRank:
    """A rank with its parts, and the same in words."""

    points: float
    parts: Sequence[RankPart]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistItem:
    """A customer to speak with: why, when, and what to know."""

    customer_id: str | None
    name: str | None
    owner: str | None
    tier: str | None
    rank: WordedRank
    alert: Alert
    other_alerts: int
    contact: ContactPlan | None
    briefing: Mapping[str, Any] | None
    """As alerts carry it; None: nothing is known of the customer."""
    data_quality: RejectionSummary


@dataclass(frozen=True, slots=True)
class _Evaluated:
    """The customers of waiting alerts, evaluated."""

    table: States
    view: View
    evaluation: Evaluation
    row_of: Mapping[str, int]


async def alerts(
    engine: AsyncEngine, paging: Paging, which: AlertQuery, now: datetime, rules: ContactRules
) -> Page[Ranked]:
    """Alerts that are open or acknowledged, those most worth a call first."""
    filters = {"owner": which.owner, "kind": which.kind, "severity": which.severity}

    async def fetch(place: Place) -> list[Ranked]:
        async with engine.begin() as conn:
            waiting = await worklist.waiting(
                conn, **filters, state=which.state, customer_id=which.customer_id
            )
            return _page((await _ranked(conn, waiting, _as_of(place, now), rules))[0], place)

    bound_filters = {**filters, "state": which.state, "customer_id": which.customer_id}
    return await _listing("ranked_alerts", bound_filters).page(paging, fetch)


async def customers(
    engine: AsyncEngine,
    paging: Paging,
    owner: str | None,
    now: datetime,
    rules: ContactRules,
    language: Language,
) -> tuple[int, Page[WorklistItem]]:
    """An owner's customers (None: everybody's) that wait, by their most urgent alert; and how many
    do in all."""
    waits = 0
    by_position: dict[int, WorklistItem] = {}

    async def fetch(place: Place) -> list[Ranked]:
        nonlocal waits
        async with engine.begin() as conn:
            at = _as_of(place, now)
            ranked, customers = await _ranked(
                conn, await worklist.waiting(conn, owner=owner), at, rules
            )
            tops = _one_each(ranked)
            waits = len(tops)
            page = _page(tops, place)
            rows = [r.row for r in page if r.row is not None]
            acts = await contact_windows.acted(
                conn,
                [int(customers.table.key[row]) for row in rows],
                to_us(at),
                customers.table.program,
            )
            quality = await data_quality.of(
                conn, [r.waiting.alert.customer_id or "" for r in page], at
            )
        also = [r.waiting.alert.customer_id for r in ranked]
        worded = await wording.worded(engine, [r.waiting.alert for r in page], language)
        for r, alert in zip(page, worded, strict=True):
            others = also.count(alert.customer_id) - 1
            by_position[alert.position] = WorklistItem(
                customer_id=alert.customer_id,
                name=r.waiting.name,
                owner=r.waiting.owner,
                tier=r.waiting.tier,
                rank=worded_rank(r, language),
                alert=alert,
                other_alerts=others,
                contact=_contact(r, customers, acts, rules),
                briefing=_briefing(r, customers, language),
                data_quality=quality[alert.customer_id or ""],
            )
        return page

    page = await _listing("worklist", {"owner": owner}).page(paging, fetch)
    items = [by_position[r.waiting.alert.position] for r in page.items]
    return waits, Page(items=items, next_cursor=page.next_cursor, prev_cursor=page.prev_cursor)


def _listing(name: str, filters: Mapping[str, object]) -> Listing[Ranked]:
    return Listing(name=name, keys=lambda r: r.keys, shape=(int, float, int), filters=filters)


def _as_of(place: Place, now: datetime) -> datetime:
    """All pages of one reading are ranked as of its first one."""
    began = place.keys[0] if place.keys else None
    return from_us(min(int(began), to_us(now))) if isinstance(began, int) and began > 0 else now


def _page(ranked: Sequence[Ranked], place: Place) -> list[Ranked]:
    if place.keys is None:
        return list(ranked[: place.limit])
    points, position = float(place.keys[1] or 0.0), int(place.keys[2] or 0)
    if place.backwards:
        return [r for r in ranked if r.keys[1:] > (points, position)][-place.limit :]
    return [r for r in ranked if r.keys[1:] < (points, position)][: place.limit]


def _one_each(ranked: Sequence[Ranked]) -> list[Ranked]:
    """The most urgent alert of each customer."""
    first: dict[str | None, Ranked] = {}
    for r in ranked:
        first.setdefault(r.waiting.alert.customer_id, r)
    return list(first.values())


async def _ranked(
    conn: AsyncConnection, waiting: Sequence[Waiting], at: datetime, rules: ContactRules
) -> tuple[list[Ranked], _Evaluated]:
    """All of them, the one most worth a call first."""
    customers = await _evaluate(conn, waiting, at)
    intents = {
        rule.name for rule in customers.view.program.scorecard.flags if rule.kind == "intent"
    }
    rows = [customers.row_of.get(w.alert.customer_id or "") for w in waiting]
    worths = [
        _worth(w, customers, row, at, rules, intents) for w, row in zip(waiting, rows, strict=True)
    ]
    risk_rules = customers.view.program.risk_rules
    risk_is = RANKING if risk_rules is None else risk_rules.model.kind
    ranked = [
        Ranked(waiting=w, rank=rank, as_of_us=to_us(at), row=row, risk_is=risk_is)
        for w, rank, row in zip(waiting, ranks(worths), rows, strict=True)
    ]
    return sorted(ranked, key=lambda r: r.keys[1:], reverse=True), customers


async def _evaluate(conn: AsyncConnection, waiting: Sequence[Waiting], at: datetime) -> _Evaluated:
    live = await live_projection.live(conn)
    program = compiled(live.document).program
    ids = sorted({w.alert.customer_id for w in waiting if w.alert.customer_id is not None})
    stored = await states.by_ids(conn, live.id, ids) if ids else []
    table = States(program, max(1, len(stored)))
    rows = table.load(stored)
    view = View(
        program,
        table.cells[rows],
        table.facts[rows],
        np.full(len(rows), to_us(at), np.int64),
        table.risk[rows],
    )
    row_of = {s.customer_id: int(row) for s, row in zip(stored, rows.tolist(), strict=True)}
    evaluation = as_decided(program.scorecard, evaluate(view), table.decisions.take(rows))
    return _Evaluated(table, view, evaluation, row_of)


def _worth(
    waiting: Waiting,
    customers: _Evaluated,
    row: int | None,
    at: datetime,
    rules: ContactRules,
    intents: set[str],
) -> Worth:
    alert, age_us = waiting.alert, max(0, to_us(at) - to_us(waiting.alert.onset_at))
    if row is None:
        return Worth(
            severity=alert.severity,
            risk=None,
            mrr=None,
            age_us=age_us,
            spoken_since=False,
            over_cap=False,
        )
    risk, mrr = float(customers.evaluation.risk[row]), float(customers.view.fact("mrr")[row])
    contacts = contacts_within(customers.view, row, rules.cap_days) or 0
    return Worth(
        severity=alert.severity,
        risk=None if isnan(risk) else risk,
        mrr=None if isnan(mrr) else mrr,
        age_us=age_us,
        spoken_since=(last_contact(customers.view, row) or 0) > to_us(alert.onset_at),
        over_cap=contacts >= rules.cap and alert.kind not in intents,
    )


def worded_rank(ranked: Ranked, language: Language) -> WordedRank:
    """A rank with its parts in words."""
    rank = ranked.rank
    return WordedRank(points=rank.points, parts=rank.parts, why=why(language, rank, ranked.risk_is))


def _contact(
    ranked: Ranked,
    customers: _Evaluated,
    acts: Mapping[int, list[int]],
    rules: ContactRules,
) -> ContactPlan | None:
    row = ranked.row
    if row is None:
        return None
    zone = customers.table.profile_field(row, "timezone")
    acts_us = acts.get(int(customers.table.key[row]), [])
    at = from_us(ranked.as_of_us)
    return contact_windows.plan(customers.view, row, zone, acts_us, rules, at)


def _briefing(
    ranked: Ranked, customers: _Evaluated, language: Language
) -> Mapping[str, Any] | None:
    view, row = customers.view, ranked.row
    if row is None:
        return None
    common = briefing.common_facts(view, customers.evaluation, row, language)
    return briefing.briefing(view, row, ranked.waiting.alert.kind, common, language)
