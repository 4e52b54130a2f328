"""Alerts that wait, ranked by what a call about each is worth now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from healthsvc.core.alerts import Alert
from healthsvc.core.insights.causes import INTENT, Cause, band_depth, worth
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.core.insights.rank import Rank, RankPart, Worth, ranks
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases.alert_rank import why
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.flows.alerts.evaluated_customers import EvaluatedCustomers, evaluate_customers
from healthsvc.flows.lists import Listing, Page, Paging
from healthsvc.store.alerts import worklist
from healthsvc.store.alerts.alert_rows import AlertQuery
from healthsvc.store.alerts.worklist import Waiting
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.database.keyset import Place


class Keyed(Protocol):
    """An item of a ranked list: as of when, points, and what breaks ties."""

    @property
    def keys(self) -> tuple[int, float, int]: ...


KeyedT = TypeVar("KeyedT", bound=Keyed)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedAlert:
    """A waiting alert with its rank, as of an instant."""

    waiting: Waiting
    rank: Rank
    as_of_us: int

    @property
    def keys(self) -> tuple[int, float, int]:
        return self.as_of_us, self.rank.points, self.waiting.alert.position


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedRank:
    """A rank with its parts, and the same in words."""

    points: float
    parts: Sequence[RankPart]
    why: str


async def alerts(
    engine: AsyncEngine, paging: Paging, which: AlertQuery, now: datetime, rules: ContactRules
) -> Page[RankedAlert]:
    """Alerts that are open or acknowledged, those most worth a call first; without those of
    customers that have left."""
    filters = {"owner": which.owner, "kind": which.kind, "severity": which.severity}

    async def fetch(place: Place) -> list[RankedAlert]:
        async with engine.begin() as conn:
            waiting = await worklist.waiting(
                conn, **filters, state=which.state, customer_id=which.customer_id
            )
            return page_of(await _ranked(conn, waiting, as_of(place, now), rules), place)

    named = {**filters, "state": which.state, "customer_id": which.customer_id}
    return await listing("ranked_alerts", named, RankedAlert).page(paging, fetch)


def worded_rank(rank: Rank, language: Language) -> WordedRank:
    """A rank with its parts in words."""
    return WordedRank(points=rank.points, parts=rank.parts, why=why(language, rank))


def listing(name: str, filters: Mapping[str, object], _: type[KeyedT]) -> Listing[KeyedT]:
    """A list by rank."""
    return Listing(name=name, keys=lambda r: r.keys, shape=(int, float, int), filters=filters)


def as_of(place: Place, now: datetime) -> datetime:
    """All pages of one reading are ranked as of its first one."""
    began = place.keys[0] if place.keys else None
    return from_us(min(int(began), to_us(now))) if isinstance(began, int) and began > 0 else now


def page_of(ranked: Sequence[KeyedT], place: Place) -> list[KeyedT]:
    """The page at a place of a ranked list."""
    if place.keys is None:
        return list(ranked[: place.limit])
    points, tie = float(place.keys[1] or 0.0), int(place.keys[2] or 0)
    if place.backwards:
        return [r for r in ranked if r.keys[1:] > (points, tie)][-place.limit :]
    return [r for r in ranked if r.keys[1:] < (points, tie)][: place.limit]


def cause_of(alert: Alert, card: Scorecard) -> Cause:
    """An alert as a cause to call."""
    intent = any(rule.name == alert.kind and rule.kind == INTENT for rule in card.flags)
    onset_us = to_us(alert.onset_at)
    return Cause(name=alert.kind, severity=alert.severity, onset_us=onset_us, intent=intent)


async def _ranked(
    conn: AsyncConnection, waiting: Sequence[Waiting], at: datetime, rules: ContactRules
) -> list[RankedAlert]:
    """All of them, the one most worth a call first."""
    ids = {w.alert.customer_id for w in waiting if w.alert.customer_id is not None}
    customers = await evaluate_customers(conn, ids, at)
    rows = [customers.row_of.get(w.alert.customer_id or "") for w in waiting]
    present = [
        (w, row)
        for w, row in zip(waiting, rows, strict=True)
        if row is None or not customers.evaluation.churned[row]
    ]
    worths = [_worth(w.alert, customers, row, at, rules) for w, row in present]
    ranked = [
        RankedAlert(waiting=w, rank=rank, as_of_us=to_us(at))
        for (w, _), rank in zip(present, ranks(worths), strict=True)
    ]
    return sorted(ranked, key=lambda r: r.keys[1:], reverse=True)


def _worth(
    alert: Alert, customers: EvaluatedCustomers, row: int | None, at: datetime, rules: ContactRules
) -> Worth:
    if row is None:
        age_us = max(0, to_us(at) - to_us(alert.onset_at))
        return Worth(
            mrr=None, severity=alert.severity, age_us=age_us, band_depth=0.0, quiet_us=None
        )
    view, evaluation = customers.view, customers.evaluation
    depth = band_depth(view, evaluation, row, customers.table.decisions.band_index(row))
    cause = cause_of(alert, customers.card_of(row))
    return worth(view, evaluation, row, cause, depth, rules)
