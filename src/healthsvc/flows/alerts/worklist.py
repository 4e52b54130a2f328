"""What is most worth a call: open alerts ranked, and an owner's customers of the day, each with
why, when and what to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from typing import Any

import numpy as np

from healthsvc.core.folding.states import States
from healthsvc.core.insights.briefing import last_contact
from healthsvc.core.insights.contact_windows import ContactRules, contacts_within
from healthsvc.core.insights.rank import Rank, Worth, ranks
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases.alert_rank import RANKING, why
from healthsvc.core.scoring.evaluate import Evaluation, evaluate
from healthsvc.core.scoring.view import View
from healthsvc.flows.alerts import wording
from healthsvc.flows.customers import contact_windows, data_quality, read
from healthsvc.flows.lists import Listing, Page, Paging
from healthsvc.flows.processing.decisions import briefing
from healthsvc.store.alerts import worklist
from healthsvc.store.alerts.alert_rows import AlertFilter
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
    """Of its customer in `Seen`; None: nothing is known of it."""
    risk_is: str
    """What the risk in it is: a ranking, or which probability."""

    @property
    def keys(self) -> tuple[int, float, int]:
        return self.as_of_us, self.rank.points, self.waiting.alert.position


@dataclass(frozen=True, slots=True)
class _Seen:
    """The customers of waiting alerts, evaluated."""

    table: States
    view: View
    found: Evaluation
    row_of: Mapping[str, int]


async def alerts(
    engine: AsyncEngine, wanted: Paging, which: AlertFilter, now: datetime, rules: ContactRules
) -> Page[Ranked]:
    """Alerts that are open or acknowledged, those most worth a call first."""
    filters = {"owner": which.owner, "kind": which.kind, "severity": which.severity}

    async def fetch(place: Place) -> list[Ranked]:
        async with engine.begin() as conn:
            waiting = await worklist.waiting(
                conn, **filters, state=which.state, customer_id=which.customer_id
            )
            return _page((await _ranked(conn, waiting, _as_of(place, now), rules))[0], place)

    named = {**filters, "state": which.state, "customer_id": which.customer_id}
    return await _listing("ranked_alerts", named).page(wanted, fetch)


async def customers(
    engine: AsyncEngine,
    wanted: Paging,
    owner: str | None,
    now: datetime,
    rules: ContactRules,
    language: Language,
) -> tuple[int, Page[dict[str, Any]]]:
    """An owner's customers (None: everybody's) that wait, by their most urgent alert; and how many
    do in all."""
    waits = 0
    told: dict[int, dict[str, Any]] = {}

    async def fetch(place: Place) -> list[Ranked]:
        nonlocal waits
        async with engine.begin() as conn:
            at = _as_of(place, now)
            ranked, seen = await _ranked(conn, await worklist.waiting(conn, owner=owner), at, rules)
            tops = _one_each(ranked)
            waits = len(tops)
            page = _page(tops, place)
            rows = [r.row for r in page if r.row is not None]
            acts = await contact_windows.acted(
                conn, [int(seen.table.key[row]) for row in rows], to_us(at), seen.table.program
            )
            quality = await data_quality.of(
                conn, [r.waiting.alert.customer_id or "" for r in page], at
            )
        also = [r.waiting.alert.customer_id for r in ranked]
        worded = await wording.worded(engine, [r.waiting.alert for r in page], language)
        for r, alert in zip(page, worded, strict=True):
            said = {**_told(r, seen, acts, also, rules, language), "alert": alert}
            told[r.waiting.alert.position] = said | {
                "data_quality": quality[r.waiting.alert.customer_id or ""]
            }
        return page

    page = await _listing("worklist", {"owner": owner}).page(wanted, fetch)
    items = [told[r.waiting.alert.position] for r in page.items]
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
) -> tuple[list[Ranked], _Seen]:
    """All of them, the one most worth a call first."""
    seen = await _see(conn, waiting, at)
    intents = {rule.name for rule in seen.view.program.scorecard.flags if rule.kind == "intent"}
    rows = [seen.row_of.get(w.alert.customer_id or "") for w in waiting]
    worths = [
        _worth(w, seen, row, at, rules, intents) for w, row in zip(waiting, rows, strict=True)
    ]
    risk_rules = seen.view.program.risk_rules
    risk_is = RANKING if risk_rules is None else risk_rules.model.kind
    found = [
        Ranked(waiting=w, rank=rank, as_of_us=to_us(at), row=row, risk_is=risk_is)
        for w, rank, row in zip(waiting, ranks(worths), rows, strict=True)
    ]
    return sorted(found, key=lambda r: r.keys[1:], reverse=True), seen


async def _see(conn: AsyncConnection, waiting: Sequence[Waiting], at: datetime) -> _Seen:
    live = await live_projection.live(conn)
    program = read.compiled(live.document).program
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
    return _Seen(table, view, evaluate(view), row_of)


def _worth(
    waiting: Waiting,
    seen: _Seen,
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
    risk, mrr = float(seen.found.risk[row]), float(seen.view.fact("mrr")[row])
    contacts = contacts_within(seen.view, row, rules.cap_days) or 0
    return Worth(
        severity=alert.severity,
        risk=None if isnan(risk) else risk,
        mrr=None if isnan(mrr) else mrr,
        age_us=age_us,
        spoken_since=(last_contact(seen.view, row) or 0) > to_us(alert.onset_at),
        over_cap=contacts >= rules.cap and alert.kind not in intents,
    )


def rank_told(ranked: Ranked, language: Language) -> dict[str, Any]:
    """A rank ready for JSON."""
    rank = ranked.rank
    parts = [{"part": p.part, "points": p.points, "value": p.value} for p in rank.parts]
    return {"points": rank.points, "parts": parts, "why": why(language, rank, ranked.risk_is)}


def _briefing(seen: _Seen, row: int, kind: str, language: Language) -> dict[str, Any]:
    return briefing.briefing(
        seen.view, row, kind, briefing.common_facts(seen.view, seen.found, row, language), language
    )


def _told(
    ranked: Ranked,
    seen: _Seen,
    acts: Mapping[int, list[int]],
    customers: Sequence[str | None],
    rules: ContactRules,
    language: Language,
) -> dict[str, Any]:
    alert, row, at = ranked.waiting.alert, ranked.row, from_us(ranked.as_of_us)
    return {
        "customer_id": alert.customer_id,
        "name": ranked.waiting.name,
        "owner": ranked.waiting.owner,
        "tier": ranked.waiting.tier,
        "rank": rank_told(ranked, language),
        "alert": alert,
        "other_alerts": customers.count(alert.customer_id) - 1,
        "contact": contact_windows.told(
            seen.view,
            row,
            seen.table.profile_field(row, "timezone"),
            acts.get(int(seen.table.key[row]), []),
            rules,
            at,
        )
        if row is not None
        else None,
        "briefing": None if row is None else _briefing(seen, row, alert.kind, language),
    }
