"""A customer's parent, the customers below it, and the people there, ready for JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from healthsvc.core.folding.states import States
from healthsvc.core.insights.contacts import QUIET_US, Person, status
from healthsvc.core.insights.rollup import MOST, Child, rollup
from healthsvc.core.instants import DAY_US, from_us, to_us
from healthsvc.core.scoring.evaluate import evaluate
from healthsvc.core.scoring.view import View
from healthsvc.flows.customers.evaluated_customer import Seen
from healthsvc.store.customers import contacts
from healthsvc.store.customers import rollup as rollup_reads
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.processing import customer_homes, states

YEAR_US: Final = 365 * DAY_US


async def told(conn: AsyncConnection, seen: Seen, customer_id: str) -> dict[str, Any]:
    """Parent and roll-up of one customer, as of when it is seen."""
    profile = seen.table.profile_values(0) if seen.table.has_profile(0) else {}
    parent_id = profile.get("parent_id") or None
    found = await rollup_reads.below(conn, customer_id)
    depths = {row.customer_key: row.depth for row in found[:MOST]}
    stored = await states.by_keys(conn, found[0].projection, list(depths)) if found else []
    below = _children(seen, stored, depths)
    circle = parent_id is not None and parent_id in {
        customer_id,
        *(child.customer_id for child in below),
    }
    parent = None
    if parent_id is not None:
        known = await rollup_reads.is_known(conn, parent_id)
        parent = {"customer_id": parent_id, "known": known, "in_a_circle": circle}
    return {"parent": parent, "children": _rolled_up(seen, below, complete=len(found) <= MOST)}


def _children(seen: Seen, stored: Sequence[Any], depths: dict[int, int]) -> list[Child]:
    """Those below, each evaluated as of the same instant."""
    if not stored:
        return []
    table = States(seen.compiled.program, len(stored))
    rows = table.load(list(stored))
    now_us = np.full(len(rows), seen.view.now_us[0], np.int64)
    view = View(
        seen.compiled.program, table.cells[rows], table.facts[rows], now_us, table.risk[rows]
    )
    found = evaluate(view)
    children = []
    for i, row in enumerate(rows.tolist()):
        score, mrr = float(found.score[i]), view.fact_of("mrr", i)
        band = table.decisions.band_index(row)
        name = table.profile_values(row).get("name") if table.has_profile(row) else None
        children.append(
            Child(
                customer_id=table.ids[row],
                name=name if isinstance(name, str) and name else None,
                depth=depths[int(table.key[row])],
                score=None if score != score else score,
                band=band if band >= 0 else None,
                mrr=None if mrr != mrr else mrr,
                churned=bool(found.churned[i]),
            )
        )
    return children


def _rolled_up(seen: Seen, below: Sequence[Child], *, complete: bool) -> dict[str, Any] | None:
    found = rollup(below)
    if found is None:
        return None
    bands = seen.compiled.scorecard.bands
    worst = found.worst
    return {
        "count": found.children,
        "descendants": found.descendants,
        "depth": found.depth,
        "complete": complete,
        "left": found.left,
        "score": found.score,
        "weighted_by": "mrr" if found.weighted else "none",
        "worst_band": None if found.worst_band is None else bands[found.worst_band].name,
        "worst": None
        if worst is None
        else {
            "customer_id": worst.customer_id,
            "name": worst.name,
            "score": worst.score,
            "band": None if worst.band is None else bands[worst.band].name,
            "depth": worst.depth,
        },
    }


async def people(engine: AsyncEngine, customer_id: str, now: datetime) -> dict[str, Any] | None:
    """The people at a customer; None for an unknown one."""
    now_us = to_us(now)
    async with engine.connect() as conn:
        home = (await customer_homes.find(conn, [customer_id])).get(customer_id)
        if home is None:
            return None
        champion = await contacts.champion(conn, home.key)
        rows = await contacts.people(conn, home.key, now_us - YEAR_US, now_us, now_us - QUIET_US)
    looked_at = rows[0]["looked_at"] if rows else 0
    found = [
        Person(**{name: value for name, value in row.items() if name != "looked_at"})
        for row in rows
    ]
    return {
        "items": [_person(person, now_us, champion) for person in found],
        "next_cursor": None,
        "since": from_us(now_us - YEAR_US),
        "complete": looked_at < contacts.MOST_EVENTS and len(found) < contacts.MOST_PEOPLE,
    }


def _person(person: Person, now_us: int, champion: str | None) -> dict[str, Any]:
    return {
        "contact_id": person.contact_id,
        "status": status(person, now_us),
        "champion": None if champion is None else person.contact_id == champion,
        "events": person.events,
        "events_28_days": person.events_lately,
        "first_seen_at": _instant(person.first_us),
        "last_seen_at": _instant(person.last_us),
        "nps": person.nps,
        "nps_at": _instant(person.nps_us),
        "contacted_at": _instant(person.contacted_us),
        "left_at": _instant(person.left_us),
    }


def _instant(us: int) -> datetime | None:
    return from_us(us) if us else None
