"""One customer as of now: its health evaluated at the moment of asking, and the explanation that
adds up to it."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from math import isnan
from typing import Any

import numpy as np

from healthsvc.core.arrays import Floats
from healthsvc.core.decisions.decide import flag_names
from healthsvc.core.events import OVERRIDE_SET
from healthsvc.core.folding import facts
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases import explanation as explanation_phrases
from healthsvc.core.phrases.catalogue import phrase
from healthsvc.core.phrases.stages import stage_reason
from healthsvc.core.scoring.evaluate import evaluate
from healthsvc.core.scoring.explain import Contribution, contributions
from healthsvc.core.scoring.lifecycle import stage_name
from healthsvc.core.scoring.view import View
from healthsvc.flows.customers import (
    contact_windows,
    coverage,
    data_quality,
    insights,
    relationship,
    response_times,
    rollup,
    staleness,
)
from healthsvc.flows.customers.evaluated_customer import Seen
from healthsvc.flows.customers.risk import risk_explained, risk_told
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.processing import archive, states
from healthsvc.store.projections import live_projection
from healthsvc.wire.events.catalogue import type_of
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.scorecards.document import Compiled, compile_document

EVIDENCE_EVENTS = 3

compiled = lru_cache(maxsize=8)(compile_document)


async def customer(
    engine: AsyncEngine,
    customer_id: str,
    now: datetime,
    rules: ContactRules | None = None,
    language: Language = "en",
) -> dict[str, Any] | None:
    """Profile, score, band, risk and flags, ready for JSON; None for an unknown customer. rules: of
    contacting it."""
    async with engine.begin() as conn:
        seen = await _see(conn, customer_id, now)
        if seen is None:
            return None
        acts = await contact_windows.acted(conn, [seen.key], to_us(now), seen.compiled.program)
        zone = seen.table.profile_field(0, "timezone")
        contact = contact_windows.told(
            seen.view, 0, zone, acts.get(seen.key, []), rules or ContactRules(), now
        )
        stale = await staleness.stale(conn, seen, now)
        quality = (await data_quality.of(conn, [customer_id], now))[customer_id]
        family = await rollup.told(conn, seen, customer_id)
        support = await response_times.told(conn, seen.key, now)
        told = {**_told(customer_id, seen, now, language), **family, "support": support}
        return {**told, "stale": stale, "contact": contact, "data_quality": quality}


async def explanation(
    engine: AsyncEngine, customer_id: str, now: datetime, language: Language = "en"
) -> dict[str, Any] | None:
    """Contributions that add up to the score, each with the newest events that made it; None for an
    unknown customer."""
    async with engine.begin() as conn:
        seen = await _see(conn, customer_id, now)
        if seen is None:
            return None
        archived = await archive.at_instants(conn, seen.key, evidence_instants(seen))
        recent = await insights.recent(conn, seen, now)
        stale = await staleness.stale(conn, seen, now)
        quality = (await data_quality.of(conn, [customer_id], now))[customer_id]
    told = explained(customer_id, seen, now, archived, recent, language)
    return {**told, "stale": stale, "data_quality": quality}


def evidence_instants(seen: Seen) -> list[int]:
    """When the events happened that an explanation names."""
    return sorted(
        {us for p in contributions(seen.view, seen.found, 0) if p.fed_by for us in p.evidence_us}
    )


def explained(
    customer_id: str,
    seen: Seen,
    at: datetime,
    archived: Sequence[str],
    recent: Sequence[str],
    language: Language,
) -> dict[str, Any]:
    """The explanation of what is seen, ready for JSON; archived: the events of `evidence_instants`,
    recent: those of `field.recent`."""
    parts = contributions(seen.view, seen.found, 0)
    events = _evidence(seen, parts, archived)
    score = seen.score
    told = [_part(p, events.get(i, []), seen, language) for i, p in enumerate(parts)]
    if seen.frozen and score is not None:
        told = [_frozen_part(score, told, language)]
    flags = _flags_now(seen)
    return {
        "customer_id": customer_id,
        "score": score,
        "raw_score": _known(float(seen.found.raw[0])),
        "own_score": _known(float(seen.found.own[0])),
        "override": override_of(seen),
        **risk_explained(seen.view, seen.found, score, frozen=seen.frozen),
        "flags": flags,
        "contributions": told,
        "sentence": explanation_phrases.why(language, seen.name or customer_id, score, told),
        "coverage_details": coverage.details(seen, language),
        **insights.explained(seen, seen.name or customer_id, recent, language),
        "evaluated_at": at,
        "scorecard_version": seen.version,
        "variant": seen.variant,
    }


def override_of(seen: Seen) -> dict[str, Any] | None:
    """The override in force, with who said so and why."""
    entry = seen.table.profile(0).get(facts.OVERRIDE) if seen.table.has_profile(0) else None
    if entry is None or entry[0] is None or not seen.found.overridden[0]:
        return None
    said = entry[0]
    return {
        "score": said["score"],
        "reason": said["reason"],
        "author": said["author"],
        "set_at": from_us(entry[1]),
        "expires_at": from_us(said["expires_us"]),
        "event_id": said["event_id"],
        "source": entry[2],
    }


async def _see(conn: AsyncConnection, customer_id: str, now: datetime) -> Seen | None:
    live = await live_projection.live(conn)
    rows = await states.by_ids(conn, live.id, [customer_id])
    if not rows:
        return None
    row, card = rows[0], compiled(live.document)
    table = States(card.program, 1)
    table.load([row])
    view = View(
        card.program, table.cells, table.facts, np.array([to_us(now)], np.int64), table.risk
    )
    return Seen(live.scorecard_version, card, table, view, evaluate(view), row.key)


def facts_of(card: Compiled, row: Stored) -> Floats:
    """The facts of a stored state; their defaults where nothing was folded yet."""
    table = States(card.program, 1)
    table.load([row])
    found: Floats = table.facts[0]
    return found


def _told(customer_id: str, seen: Seen, now: datetime, language: Language) -> dict[str, Any]:
    score, remembered = seen.score, seen.table.decisions
    card = seen.compiled.scorecard
    band = remembered.band_index(0)
    decided_us = float(remembered.decided_us[0])
    profile = seen.table.profile_values(0)
    return {
        "customer_id": customer_id,
        "profile": {**_figures(seen), **_nested(profile)},
        "stage": stage_name(int(seen.found.stages.stage[0])),
        "stage_because": stage_reason(seen.view, seen.found.stages, 0, language),
        "score": score,
        "raw_score": _known(float(seen.found.raw[0])),
        "own_score": _known(float(seen.found.own[0])),
        "override": override_of(seen),
        "band": card.bands[band].name if band >= 0 else None,
        "band_since": from_us(remembered.band_since[0]) if band >= 0 else None,
        **risk_told(seen.view, seen.found, score, frozen=seen.frozen),
        "flags": _flags_now(seen),
        "flags_decided": list(flag_names(card.flag_names, remembered.flag_bits(0))),
        "coverage": float(seen.found.coverage[0]),
        "coverage_details": coverage.details(seen, language),
        "evidence": "enough" if score is not None else "not_enough",
        "expansion": insights.expansion(seen, language),
        "disagreements": insights.disagreeing(seen, language),
        **relationship.told(seen, language),
        "events_total": int(seen.table.facts[0, facts.EVENTS]),
        "first_event_at": _instant(float(seen.table.facts[0, facts.FIRST_SEEN])),
        "last_event_at": _instant(float(seen.table.facts[0, facts.LAST_SEEN])),
        "evaluated_at": now,
        "decided_at": from_us(decided_us) if decided_us else None,
        "scorecard_version": seen.version,
        "variant": seen.variant,
    }


def _flags_now(seen: Seen) -> list[str]:
    """The flags that hold now; a churned customer has only that."""
    churned = bool(seen.found.churned[0])
    rules = seen.compiled.scorecard.flags
    return [
        r.name
        for f, r in enumerate(rules)
        if seen.found.flags.holds[0, f] and (not churned or r.kind == "churned")
    ]


def _figures(seen: Seen) -> dict[str, Any]:
    values = {
        name: _known(float(seen.table.facts[0, facts.COLUMN[name]]))
        for name in ("mrr", "seats", "seats_active", "features_owned")
    }
    known: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    for name in ("renewal_at", "sold_at"):
        at = _known(float(seen.table.facts[0, facts.COLUMN[name]]))
        known |= {} if at is None else {name: from_us(at)}
    return known


def _nested(profile: dict[str, Any]) -> dict[str, Any]:
    plain = {
        name: value
        for name, value in profile.items()
        if name != facts.OVERRIDE and not name.startswith("attributes.")
    }
    attributes = {
        name.removeprefix("attributes."): v
        for name, v in profile.items()
        if name.startswith("attributes.") and v is not None
    }
    return {**plain, "attributes": attributes} if attributes else plain


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _instant(us: float) -> datetime | None:
    return from_us(us) if 0 < us < float("inf") else None


def _evidence(
    seen: Seen, parts: Sequence[Contribution], archived: Sequence[str]
) -> dict[int, list[dict[str, Any]]]:
    """By index of the contribution: its newest events, as the archive has them."""
    batch = decode_batch([e.encode() for e in archived], now_us=1 << 62)
    program, found = seen.compiled.program, {}
    for i, part in enumerate(parts):
        if not part.fed_by:
            continue
        feeds = program.feeding(part.fed_by)
        wanted = set(part.evidence_us)
        fed = [
            (int(us), e)
            for us, e in zip(batch.occurred_us.tolist(), batch.events, strict=True)
            if us in wanted and any(program.matches(f, type_of(e), e.data) for f in feeds)  # type: ignore[attr-defined]  # every event has data
        ]
        newest = sorted(fed, key=lambda pair: pair[0], reverse=True)[:EVIDENCE_EVENTS]
        found[i] = [
            {"id": e.id, "source": e.source, "type": type_of(e), "occurred_at": from_us(us)}
            for us, e in newest
        ]
    return found


def _part(
    part: Contribution, events: list[dict[str, Any]], seen: Seen, language: Language
) -> dict[str, Any]:
    is_override = part.measure == facts.OVERRIDE
    said = override_of(seen) if is_override else None
    why = phrase(language, "contribution.override") if is_override else part.why.within(language)
    if said is not None:
        why = f"{said['author']}: {said['reason']}"
        event = {"id": said["event_id"], "source": said["source"], "type": OVERRIDE_SET.name}
        events = [{**event, "occurred_at": said["set_at"]}]
    return {
        "measure": part.measure,
        "dimension": part.dimension,
        "points": part.points,
        "best": part.best,
        "events": events,
        "why": why,
    }


def _frozen_part(score: float, parts: list[dict[str, Any]], language: Language) -> dict[str, Any]:
    """A churned customer's score is what it was when it left."""
    return {
        "measure": "frozen_at_churn",
        "dimension": "exception",
        "points": score,
        "best": score,
        "events": [e for p in parts for e in p["events"]][:EVIDENCE_EVENTS],
        "why": phrase(language, "contribution.frozen"),
    }
