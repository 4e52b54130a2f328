"""Shadows: a version scored beside the live one, without alerts, webhooks or history of its own.

It is built as a publication is and then kept up to date (flows.projections.rebuild); publishing its
version lets it take over.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from healthsvc.core.actors import Actor
from healthsvc.core.fit import standard_errors
from healthsvc.core.fit.figures import ObservedRows, calibration
from healthsvc.core.instants import DAY_US
from healthsvc.core.risk.section import RiskRules
from healthsvc.flows.projections import publish
from healthsvc.flows.projections.publish import AnotherBuilding, Begun, Live, Unknown
from healthsvc.store.admin import audit
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.projections import live_projection, publications, shadows
from healthsvc.store.projections.publications import Building, StoredPublication
from healthsvc.store.projections.shadows import Matured, ScorePair
from healthsvc.wire.scorecards.document import compile_document

READY: Final = "beside"
"""The phase of a shadow that keeps up with the live version."""
ENDED: Final = "Ended by {by}."


@dataclass(frozen=True, slots=True, kw_only=True)
class BandMove:
    """How many customers are in one band by the live version and in another (or the same) by the
    shadow."""

    live: str | None
    shadow: str | None
    customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Customers of a segment, and the share of those with a band that is in the best one, by either
    version."""

    segment: str | None
    customers: int
    changed: int
    healthy_live: float | None
    healthy_shadow: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """How well one version's risks foretold who left; Brier skill where they claim to be
    probabilities."""

    auc: float
    auc_error: float
    brier_skill: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowOutcomes:
    """Outcomes of the customers that both versions judged, once the horizon is over."""

    horizon_days: float
    rows: int
    left: int
    live: Skill | None
    shadow: Skill | None
    auc_gain: float | None
    auc_gain_error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A shadow as it stands."""

    publication: StoredPublication
    ready: bool
    customers: int
    moves: Sequence[BandMove]
    total: Share
    segments: Sequence[Share]
    rank_agreement: float | None
    furthest: Sequence[ScorePair]
    outcomes: ShadowOutcomes


async def begin(
    engine: AsyncEngine, version: int, *, by: Actor, now: datetime, with_gaps: bool = False
) -> Begun | Unknown | Live | AnotherBuilding:
    """Have a version scored beside the live one; Busy while another is being built or in shadow."""
    if await publish.find(engine, version) is None:
        return Unknown()
    async with engine.begin() as conn:
        if (await live_projection.live(conn)).scorecard_version == version:
            return Live()
        return await publish.ask(
            conn, version, reason="shadow", by=by, now=now, with_gaps=with_gaps
        )


async def end(engine: AsyncEngine, *, by: Actor, now: datetime) -> bool:
    """Delete the shadow; False if there is none. Its rows go in the background."""
    async with engine.begin() as conn:
        shadow = await _shadow(conn)
        if shadow is None or not await publications.give_up(
            conn, shadow.id, ENDED.format(by=by.by)
        ):
            return False
        await audit.record(
            conn, now, actor=by, action="scorecard.shadow_ended", target=str(shadow.version)
        )
    return True


async def summary(engine: AsyncEngine, now: datetime) -> Summary | None:
    """How the shadow's scores compare with the live version's; None if there is no shadow."""
    async with engine.connect() as conn:
        shadow = await _shadow(conn)
        if shadow is None:
            return None
        publication = next(p for p in await publications.publications(conn) if p.id == shadow.id)
        moves, agreement = await shadows.moves(conn), await shadows.agreement(conn)
        furthest = await shadows.furthest(conn)
        live, new = compile_document(shadow.live_document), compile_document(shadow.document)
        rules = new.program.risk_rules
        horizon_days = rules.model.horizon_us / DAY_US if rules is not None else 28.0
        matured = await shadows.matured(conn, shadow.id, horizon_days, now)
    best = live.scorecard.bands[0].name, new.scorecard.bands[0].name
    bands: Counter[tuple[str | None, str | None]] = Counter()
    for _, was, would, customers in moves:
        bands[was, would] += customers
    segments = sorted({segment for segment, *_ in moves}, key=str)
    return Summary(
        publication=publication,
        ready=publication.phase == READY,
        customers=bands.total(),
        moves=[
            BandMove(live=was, shadow=would, customers=n) for (was, would), n in bands.most_common()
        ],
        total=_share(None, ((a, b, n) for _, a, b, n in moves), best),
        segments=[
            _share(s, ((a, b, n) for of, a, b, n in moves if of == s), best) for s in segments
        ],
        rank_agreement=agreement,
        furthest=furthest,
        outcomes=_outcomes(matured, horizon_days, live.program.risk_rules, rules),
    )


async def _shadow(conn: AsyncConnection) -> Building | None:
    current = await publications.building(conn)
    return current if current is not None and current.reason == "shadow" else None


def _share(
    segment: str | None, moves: Iterable[tuple[str | None, str | None, int]], best: tuple[str, str]
) -> Share:
    rows = list(moves)

    def healthy(side: int) -> float | None:
        banded = sum(row[2] for row in rows if row[side] is not None)
        return sum(row[2] for row in rows if row[side] == best[side]) / banded if banded else None

    changed = sum(n for was, would, n in rows if was != would)
    return Share(
        segment=segment,
        customers=sum(n for _, _, n in rows),
        changed=changed,
        healthy_live=healthy(0),
        healthy_shadow=healthy(1),
    )


def _outcomes(
    matured: Sequence[Matured],
    horizon_days: float,
    live: RiskRules | None,
    shadow: RiskRules | None,
) -> ShadowOutcomes:
    churned = sum(m.churned for m in matured)
    none = ShadowOutcomes(
        horizon_days=horizon_days,
        rows=len(matured),
        left=churned,
        live=None,
        shadow=None,
        auc_gain=None,
        auc_gain_error=None,
    )
    if not 0 < churned < len(matured):
        return none
    y = np.array([m.churned for m in matured], np.float64)
    customer = np.unique([m.customer_key for m in matured], return_inverse=True)[1].astype(np.int64)
    rows = ObservedRows(y, np.zeros(len(y), np.int64), customer, np.full(len(y), -1, np.int64))

    def skill(risks: Iterable[float], rules: RiskRules | None) -> Skill:
        risk = np.array(list(risks))
        auc = standard_errors.auc(y, risk, customer)
        claims = rules is not None and rules.model.kind == "churn_probability"
        brier = calibration(rows, risk)["brier_skill"] if claims else None
        return Skill(auc=auc.value, auc_error=auc.error, brier_skill=brier)

    gain = standard_errors.auc_gain(
        y,
        np.array([m.shadow_risk for m in matured]),
        np.array([m.live_risk for m in matured]),
        customer,
    )
    return ShadowOutcomes(
        horizon_days=horizon_days,
        rows=len(matured),
        left=churned,
        live=skill((m.live_risk for m in matured), live),
        shadow=skill((m.shadow_risk for m in matured), shadow),
        auc_gain=gain.value,
        auc_gain_error=gain.error,
    )
