"""An owner's customers of the day, by what stands with them now, alert or not: each with why, when
and what to know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from healthsvc.core.alerts import Alert
from healthsvc.core.decisions.decide import BAND_ALERT
from healthsvc.core.insights.causes import (
    Cause,
    band_depth,
    causes,
    last_attempt,
    most_urgent_first,
    worth,
)
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.core.insights.rank import Rank, ranks
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases import alerts as phrases
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.flows.alerts import wording
from healthsvc.flows.alerts.evaluated_customers import (
    EvaluatedCustomers,
    evaluate_customers,
    live_scorecard,
)
from healthsvc.flows.alerts.ranked_alerts import (
    WordedRank,
    as_of,
    cause_of,
    listing,
    page_of,
    worded_rank,
)
from healthsvc.flows.customers import contact_windows, data_quality
from healthsvc.flows.customers.contact_windows import ContactPlan
from healthsvc.flows.customers.data_quality import RejectionSummary
from healthsvc.flows.lists import Page, Paging
from healthsvc.flows.processing.decisions import briefing
from healthsvc.store.alerts import worklist
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.database.keyset import Place

CRITICAL: Final = "critical"
HANDLED_FOR: Final = timedelta(days=14)
"""So long after somebody resolved an alert, what stood then puts nobody on the list."""
LISTED_FOR: Final = frozenset((CRITICAL, "warning"))
"""Severities of flags that put a customer on the list without an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """How many customers, and from which cursor on."""

    limit: int
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistItem:
    """A customer to speak with: why, when, and what to know."""

    customer_id: str
    name: str | None
    owner: str | None
    tier: str | None
    rank: WordedRank
    alert: Alert | None
    """Of the most urgent cause; None: none was raised for anything that stands."""
    other_alerts: int
    contact: ContactPlan
    briefing: Mapping[str, Any]
    """As alerts carry it."""
    data_quality: RejectionSummary
    summary: str
    band: str | None


@dataclass(slots=True, kw_only=True)
class _Candidate:
    """A customer that may be on the list."""

    customer_id: str
    name: str | None
    owner: str | None
    tier: str | None
    alerts: list[Alert] = field(default_factory=list)
    """Those that wait."""
    handled_us: int = 0
    """When somebody last put off or resolved an alert about it; 0: nobody did lately."""

    def is_handled(self, cause: Cause | None) -> bool:
        """Whether somebody has dealt with what stands: no alert waits, and nothing began since."""
        began_us = 0 if cause is None else cause.onset_us
        return self.handled_us > 0 and not self.alerts and began_us <= self.handled_us


@dataclass(frozen=True, slots=True, kw_only=True)
class _RankedCustomer:
    """A customer on the list, with its rank and the most urgent cause; None: its band alone."""

    candidate: _Candidate
    row: int
    key: int
    cause: Cause | None
    rank: Rank
    as_of_us: int

    @property
    def keys(self) -> tuple[int, float, int]:
        return self.as_of_us, self.rank.points, self.key

    @property
    def alert(self) -> Alert | None:
        """The alert of the most urgent cause, else any of the customer's."""
        name = "" if self.cause is None else self.cause.name
        alerts = sorted(self.candidate.alerts, key=lambda a: (a.kind != name, -a.position))
        return alerts[0] if alerts else None


async def customers(
    engine: AsyncEngine,
    paging: Paging,
    owner: str | None,
    now: datetime,
    rules: ContactRules,
    language: Language,
) -> tuple[int, Page[WorklistItem]]:
    """An owner's customers (None: everybody's) that need a call, the one most worth it first; and
    how many do in all."""
    on_the_list = 0
    by_key: dict[int, WorklistItem] = {}

    async def fetch(place: Place) -> list[_RankedCustomer]:
        nonlocal on_the_list
        async with engine.begin() as conn:
            at = as_of(place, now)
            candidates = await _candidates(conn, owner, at)
            evaluated = await evaluate_customers(conn, candidates.keys(), at)
            ranked = _ranked(candidates, evaluated, at, rules)
            on_the_list, page = len(ranked), page_of(ranked, place)
            items = await _items(conn, page, evaluated, at, rules, language)
        worded = await _worded_alerts(engine, page, language)
        for r, item, alert in zip(page, items, worded, strict=True):
            by_key[r.key] = _with_alert(item, r, alert)
        return page

    page = await listing("worklist", {"owner": owner}, _RankedCustomer).page(paging, fetch)
    items = [by_key[r.key] for r in page.items]
    return on_the_list, Page(
        items=items, next_cursor=page.next_cursor, prev_cursor=page.prev_cursor
    )


async def _candidates(
    conn: AsyncConnection, owner: str | None, at: datetime
) -> dict[str, _Candidate]:
    """Whoever stands badly as last decided, or has an alert that waits; of an owner's customers not
    those that somebody else has."""
    card = await live_scorecard(conn)
    bands = [band.name for band in card.bands]
    rules = [rule for one in (card, *(v.card for v in card.variants)) for rule in one.flags]
    low = await worklist.candidates(
        conn,
        owner=owner,
        bands=bands[: (len(bands) - 1) // 2 : -1],
        flags=sorted({rule.name for rule in rules if rule.severity in LISTED_FOR}),
        critical=sorted({rule.name for rule in rules if rule.severity == CRITICAL}),
        gone=sorted({rule.name for rule in rules if rule.kind == "churned"}),
    )
    found = {
        c.customer_id: _Candidate(
            customer_id=c.customer_id, name=c.name, owner=c.owner, tier=c.tier
        )
        for c in low
    }
    for w in await worklist.waiting(conn, owner=owner):
        customer_id = w.alert.customer_id or ""
        candidate = found.setdefault(
            customer_id,
            _Candidate(customer_id=customer_id, name=w.name, owner=w.owner, tier=w.tier),
        )
        candidate.alerts.append(w.alert)
    elsewhere = set() if owner is None else await worklist.had_by_others(conn, owner)
    for customer_id, handled_at in (await worklist.handled(conn, at - HANDLED_FOR)).items():
        if customer_id in found:
            found[customer_id].handled_us = to_us(handled_at)
    return {name: c for name, c in found.items() if c.alerts or name not in elsewhere}


def _ranked(
    candidates: Mapping[str, _Candidate],
    evaluated: EvaluatedCustomers,
    at: datetime,
    rules: ContactRules,
) -> list[_RankedCustomer]:
    """Those who need a call, the one most worth it first: not who has left, nor whom somebody
    called today."""
    view, evaluation = evaluated.view, evaluated.evaluation
    listed = [
        (candidate, row, _cause(candidate, evaluated, row))
        for customer_id, candidate in candidates.items()
        if (row := evaluated.row_of.get(customer_id)) is not None and not evaluation.churned[row]
    ]
    due = [
        each
        for each in listed
        if not each[0].is_handled(each[2])
        and not _called_today(evaluated, each[1], each[2], at, rules)
    ]
    worths = [
        worth(view, evaluation, row, cause, _depth(evaluated, row), rules) for _, row, cause in due
    ]
    ranked = [
        _RankedCustomer(
            candidate=candidate,
            row=row,
            key=int(evaluated.table.key[row]),
            cause=cause,
            rank=rank,
            as_of_us=to_us(at),
        )
        for (candidate, row, cause), rank in zip(due, ranks(worths), strict=True)
    ]
    return sorted(ranked, key=lambda r: r.keys[1:], reverse=True)


def _cause(candidate: _Candidate, evaluated: EvaluatedCustomers, row: int) -> Cause | None:
    """The most urgent of what stands now and of the alerts that wait."""
    card = evaluated.card_of(row)
    standing = causes(evaluated.view, evaluated.evaluation, row)
    names = {cause.name for cause in standing}
    waiting = [cause_of(alert, card) for alert in candidate.alerts if alert.kind not in names]
    ordered = most_urgent_first([*standing, *waiting], int(evaluated.view.now_us[row]))
    return ordered[0] if ordered else None


def _depth(evaluated: EvaluatedCustomers, row: int) -> float:
    decided = evaluated.table.decisions.band_index(row)
    return band_depth(evaluated.view, evaluated.evaluation, row, decided)


def _called_today(
    evaluated: EvaluatedCustomers,
    row: int,
    cause: Cause | None,
    at: datetime,
    rules: ContactRules,
) -> bool:
    """Whether somebody of ours called today, by our own clock, and nothing critical began since."""
    called_us = last_attempt(evaluated.view, row)
    zone = contact_windows.zone_of(rules.timezone) or ZoneInfo("UTC")
    if not called_us or from_us(called_us).astimezone(zone).date() != at.astimezone(zone).date():
        return False
    began_since = cause is not None and cause.onset_us > called_us
    return not (began_since and cause is not None and cause.severity == CRITICAL)


async def _items(
    conn: AsyncConnection,
    page: Sequence[_RankedCustomer],
    evaluated: EvaluatedCustomers,
    at: datetime,
    rules: ContactRules,
    language: Language,
) -> list[WorklistItem]:
    """The items of a page, without their alerts."""
    table, view = evaluated.table, evaluated.view
    names = {r.key: table.profile_field(r.row, "timezone") for r in page}
    zones = {key: contact_windows.own_zone(name, rules) for key, name in names.items()}
    hours = await contact_windows.known_hours(conn, zones, at, view.program)
    quality = await data_quality.of(conn, [r.candidate.customer_id for r in page], at)
    items = []
    for r in page:
        card, band = evaluated.card_of(r.row), table.decisions.band_index(r.row)
        band_name = card.bands[band].name if band >= 0 else None
        items.append(
            WorklistItem(
                customer_id=r.candidate.customer_id,
                name=r.candidate.name,
                owner=r.candidate.owner,
                tier=r.candidate.tier,
                rank=worded_rank(r.rank, language),
                alert=None,
                other_alerts=0,
                contact=contact_windows.plan(view, r.row, names[r.key], hours[r.key], rules, at),
                briefing=_briefing(r, evaluated, language),
                data_quality=quality[r.candidate.customer_id],
                summary=_summary(r, card, band_name, language),
                band=band_name,
            )
        )
    return items


def _briefing(
    ranked: _RankedCustomer, evaluated: EvaluatedCustomers, language: Language
) -> Mapping[str, Any]:
    view, row = evaluated.view, ranked.row
    kind = BAND_ALERT if ranked.cause is None else ranked.cause.name
    facts = briefing.common_facts(view, evaluated.evaluation, row, language)
    return briefing.briefing(view, row, kind, facts, language)


def _summary(ranked: _RankedCustomer, card: Scorecard, band: str | None, language: Language) -> str:
    """Who did what, and what to do first."""
    name = ranked.candidate.name or ranked.candidate.customer_id
    cause = None if ranked.cause is None else ranked.cause.name
    for rule in card.flags:
        if rule.name == cause:
            title, play = rule.title.within(language), rule.play.within(language)
            return phrases.summary(language, name, title, play)
    return phrases.low_band(language, name, band or card.bands[-1].name)


async def _worded_alerts(
    engine: AsyncEngine, page: Sequence[_RankedCustomer], language: Language
) -> list[Alert | None]:
    """The alert of each, in the reader's language."""
    alerts = [r.alert for r in page]
    present = [alert for alert in alerts if alert is not None]
    worded = iter(await wording.worded(engine, present, language))
    return [None if alert is None else next(worded) for alert in alerts]


def _with_alert(item: WorklistItem, ranked: _RankedCustomer, alert: Alert | None) -> WorklistItem:
    if alert is None:
        return item
    same_cause = ranked.cause is not None and ranked.cause.name == alert.kind
    return replace(
        item,
        alert=alert,
        other_alerts=len(ranked.candidate.alerts) - 1,
        summary=alert.summary if same_cause else item.summary,
    )
