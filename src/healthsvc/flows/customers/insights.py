"""What the field reads in a customer, ready for JSON: the pricing page, help that is wanted, the
expansion gate, score and money in disagreement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from healthsvc.core.insights import disagreements, expansion_gate, interpretations
from healthsvc.core.insights.page_visits import WINDOW_US, PageVisit, concerns
from healthsvc.core.instants import from_us, to_us
from healthsvc.core.languages import Language
from healthsvc.core.phrases import expansion as expansion_phrases
from healthsvc.core.phrases import insights, openings
from healthsvc.core.scoring.lifecycle import stage_name
from healthsvc.flows.customers.evaluated_customer import Seen
from healthsvc.flows.processing.decisions.briefing import sign
from healthsvc.store.customers import recent_events
from healthsvc.store.customers.past import CountedEvent
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.wire.events.page_visits import MARKS, sights

NEEDS_HELP = "needs_help"
EVENTS_NAMED = 3


async def recent(conn: AsyncConnection, seen: Seen, at: datetime) -> list[str]:
    """The archived events that the readings need; none, and no query, while none of them is
    told."""
    if not _wanted(seen):
        return []
    until = to_us(at)
    return await recent_events.marked(conn, seen.key, MARKS, until - WINDOW_US, until)


def recent_of(seen: Seen, events: Sequence[CountedEvent], at: datetime) -> list[str]:
    """The same as `recent` would have given, from all the events that were counted by then, in fold
    order."""
    if not _wanted(seen):
        return []
    until = to_us(at)
    within = [
        e
        for e in events
        if until - WINDOW_US < e.occurred_us <= until and any(m in e.event for m in MARKS)
    ]
    newest_last = sorted(within, key=lambda e: e.occurred_us)[-recent_events.MOST :]
    return [e.event for e in reversed(newest_last)]


def explained(
    seen: Seen, customer: str, recently: Sequence[str], language: Language
) -> dict[str, Any]:
    """What the explanation says beyond the points. recently: the events of `recent`."""
    looked = sights(recently, seen.compiled.program.kind_of_page)
    return {
        "price_review": _price_review(seen, looked, language)
        if _holds(seen, interpretations.FLAG)
        else None,
        "help_wanted": _help_wanted(customer, looked, language)
        if _holds(seen, NEEDS_HELP)
        else None,
        "disagreements": disagreeing(seen, language),
    }


def expansion(seen: Seen, language: Language) -> dict[str, Any]:
    """Whether more may be offered, and if not, why."""
    band = seen.table.decisions.band_index(0)
    stage = stage_name(int(seen.found.stages.stage[0]))
    against = expansion_gate.expansion(
        seen.view, seen.found, 0, stage=stage, band=band if band >= 0 else None
    )
    titles = {rule.name: rule.title.within(language) for rule in seen.card.flags}
    return {
        "open": not against,
        "reasons": [
            {
                "reason": said.reason,
                "flag": said.flag,
                "since": None if said.since_us is None else from_us(said.since_us),
                "why": expansion_phrases.closed(language, said, titles.get(said.flag or "")),
            }
            for said in against
        ],
    }


def disagreeing(seen: Seen, language: Language) -> list[dict[str, Any]]:
    """Where score and money disagree."""
    return [
        {
            "score": d.score,
            "money": sign(d.money, language),
            "sentence": insights.disagreement(language, d),
        }
        for d in disagreements.disagreements(seen.view, seen.found, 0)
    ]


def _wanted(seen: Seen) -> bool:
    return _holds(seen, interpretations.FLAG) or _holds(seen, NEEDS_HELP)


def _holds(seen: Seen, flag: str) -> bool:
    names = seen.compiled.scorecard.flag_names
    return (
        flag in names
        and not seen.found.churned[0]
        and bool(seen.found.flags.holds[0, names.index(flag)])
    )


def _price_review(seen: Seen, looked: Sequence[PageVisit], language: Language) -> dict[str, Any]:
    review = interpretations.review(seen.view, 0, looked)
    return {
        "likely": review.likely,
        "sentence": insights.review(language, review),
        "question": openings.reading_question(language, review.likely),
        "readings": [
            {
                "reading": r.reading,
                "evidence": [sign(s, language) for s in r.evidence],
                "question": openings.reading_question(language, r.reading),
            }
            for r in review.readings
        ],
    }


def _help_wanted(customer: str, looked: Sequence[PageVisit], language: Language) -> dict[str, Any]:
    found = concerns(looked)
    return {
        "sentence": insights.help_wanted(language, customer, found),
        "functions": [
            {
                "function": concern.function,
                "times": len(concern.sights),
                "last_at": from_us(concern.sights[0].us),
                "events": [
                    {
                        "id": s.event_id,
                        "source": s.source,
                        "type": s.type,
                        "occurred_at": from_us(s.us),
                    }
                    for s in concern.sights[:EVENTS_NAMED]
                ],
            }
            for concern in found
        ],
    }
