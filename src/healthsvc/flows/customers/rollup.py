"""A customer's parent, and how the customers below it do together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from healthsvc.core.folding.contract import recurring_revenue
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from healthsvc.core.insights.rollup import MOST, Child, rollup
from healthsvc.core.scoring.evaluate import evaluate
from healthsvc.core.scoring.view import View
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer
from healthsvc.store.customers import rollup as rollup_reads
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.processing import states


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentLink:
    """The customer that the profile's `parent_id` names."""

    customer_id: str
    known: bool
    in_a_circle: bool
    """The parents lead back to this customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstDescendant:
    """The customer below with the lowest score."""

    customer_id: str
    name: str | None
    score: float | None
    band: str | None
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildrenSummary:
    """The customers below, each evaluated at the same instant."""

    count: int
    descendants: int
    depth: int
    complete: bool
    left: int
    score: float | None
    weighted_by: Literal["mrr", "none"]
    worst_band: str | None
    worst: WorstDescendant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What is above and below one customer; None: nothing is."""

    parent: ParentLink | None
    children: ChildrenSummary | None


NO_FAMILY: Final = Family(parent=None, children=None)


async def families(
    conn: AsyncConnection, customers: Mapping[str, EvaluatedCustomer]
) -> dict[str, Family]:
    """By customer id; one question for all that are nobody's parent or child."""
    parents = await rollup_reads.parents(conn, list(customers))
    return {
        customer_id: await family(conn, customer, customer_id)
        if customer_id in parents or customer.profile.get("parent_id")
        else NO_FAMILY
        for customer_id, customer in customers.items()
    }


async def family(conn: AsyncConnection, customer: EvaluatedCustomer, customer_id: str) -> Family:
    """Parent and roll-up of one customer, as of the instant of its evaluation."""
    below = await rollup_reads.below(conn, customer_id)
    depths = {row.customer_key: row.depth for row in below[:MOST]}
    stored = await states.by_keys(conn, below[0].projection, list(depths)) if below else []
    children = _children(customer, stored, depths)
    parent_id = customer.profile.get("parent_id") or None
    parent = None
    if parent_id is not None:
        descendants = {customer_id, *(child.customer_id for child in children)}
        parent = ParentLink(
            customer_id=parent_id,
            known=await rollup_reads.is_known(conn, parent_id),
            in_a_circle=parent_id in descendants,
        )
    return Family(parent=parent, children=_summary(customer, children, complete=len(below) <= MOST))


def _children(
    customer: EvaluatedCustomer, stored: Sequence[Stored], depths: dict[int, int]
) -> list[Child]:
    """Those below, each evaluated as of the same instant."""
    if not stored:
        return []
    table = States(customer.compiled.program, len(stored))
    rows = table.load(list(stored))
    now_us = np.full(len(rows), customer.view.now_us[customer.row], np.int64)
    view = View(
        customer.compiled.program, table.cells[rows], table.facts[rows], now_us, table.risk[rows]
    )
    evaluation = evaluate(view)
    return [
        _child(
            table,
            row,
            depth=depths[int(table.key[row])],
            score=float(evaluation.score[i]),
            churned=bool(evaluation.churned[i]),
        )
        for i, row in enumerate(rows.tolist())
    ]


def _child(table: States, row: int, *, depth: int, score: float, churned: bool) -> Child:
    mrr = float(recurring_revenue(table.facts[row : row + 1])[0])
    band = table.decisions.band_index(row)
    name = table.profile_values(row).get("name") if table.has_profile(row) else None
    return Child(
        customer_id=table.ids[row],
        name=name if isinstance(name, str) and name else None,
        depth=depth,
        score=None if score != score else score,
        band=band if band >= 0 else None,
        mrr=None if mrr != mrr else mrr,
        churned=churned,
    )


def _summary(
    customer: EvaluatedCustomer, below: Sequence[Child], *, complete: bool
) -> ChildrenSummary | None:
    rolled_up = rollup(below)
    if rolled_up is None:
        return None
    bands = customer.compiled.scorecard.bands
    worst_band = None if rolled_up.worst_band is None else bands[rolled_up.worst_band].name
    worst = None
    if rolled_up.worst is not None:
        child = rolled_up.worst
        worst = WorstDescendant(
            customer_id=child.customer_id,
            name=child.name,
            score=child.score,
            band=None if child.band is None else bands[child.band].name,
            depth=child.depth,
        )
    return ChildrenSummary(
        count=rolled_up.children,
        descendants=rolled_up.descendants,
        depth=rolled_up.depth,
        complete=complete,
        left=rolled_up.left,
        score=rolled_up.score,
        weighted_by="mrr" if rolled_up.weighted else "none",
        worst_band=worst_band,
        worst=worst,
    )
