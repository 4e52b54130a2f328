"""Shadows: a version that scores beside the live one."""

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from healthsvc.wire.rest.publications import PUBLICATION, Publication
from healthsvc.wire.rest.shapes import ListAnswer, Paging, ShortText, Switch, Told, example

_LIVE: JsonDict = {"score": 71.0, "risk": 0.12, "band": "healthy"}
_SHADOW: JsonDict = {"score": 58.0, "risk": 0.31, "band": "watch"}
_BESIDE: JsonDict = {"customer_id": "acme", "segment": "mid", "live": _LIVE, "shadow": _SHADOW}
_TOTAL: JsonDict = {
    "segment": None,
    "customers": 400,
    "changed": 31,
    "healthy_live": 0.71,
    "healthy_shadow": 0.66,
}


class ShadowsAsked(Paging):
    """Which customers."""

    moved: Annotated[Switch, Field(description="Only those whose band would be another.")] = False
    customer_id: Annotated[ShortText | None, Field(description="This one alone.")] = None


class VersionTold(Told):
    """What one version tells of a customer, as last decided."""

    model_config = example(**_LIVE)

    score: float | None
    risk: float | None
    band: Annotated[str | None, Field(description="Null: not enough evidence.")]


class Beside(Told):
    """A customer by the live version and by the shadow."""

    model_config = example(**_BESIDE)

    customer_id: str
    segment: str | None
    live: VersionTold
    shadow: VersionTold


class Besides(ListAnswer[Beside]):
    """Customers by both versions."""

    model_config = example(items=[_BESIDE], next_cursor=None, prev_cursor=None)


class BandMove(Told):
    """Customers in a band by the live version, and in the same or another one by the shadow."""

    live: str | None
    shadow: str | None
    customers: int


class HealthyShare(Told):
    """How many customers would change band, and the share in the best one, of those who are in
    any."""

    segment: str | None
    customers: int
    changed: int
    healthy_live: float | None
    healthy_shadow: float | None


class ShadowSkill(Told):
    """How well risks foretold who left."""

    auc: float
    auc_error: Annotated[float, Field(description="One standard error, customers as the units.")]
    brier_skill: Annotated[float | None, Field(description="Null where the risk is a ranking.")]


class ShadowOutcomes(Told):
    """What came of the customers whom both judged, once a week, when the shadow's horizon was
    over."""

    horizon_days: float
    rows: Annotated[int, Field(description="Judgements whose horizon is over.")]
    left: Annotated[
        int, Field(description="Of these, those followed by subscription.cancelled within it.")
    ]
    live: Annotated[ShadowSkill | None, Field(description="Null until some left and some stayed.")]
    shadow: ShadowSkill | None
    auc_gain: Annotated[
        float | None,
        Field(description="The shadow's AUC less the live version's, on the same rows."),
    ]
    auc_gain_error: float | None


class Shadow(Told):
    """The shadow as it stands."""

    model_config = example(
        publication={**PUBLICATION, "state": "shadow", "reason": "shadow", "phase": "beside"},
        ready=True,
        customers=400,
        moves=[{"live": "healthy", "shadow": "watch", "customers": 31}],
        total=_TOTAL,
        segments=[{**_TOTAL, "segment": "mid"}],
        rank_agreement=0.93,
        furthest=[_BESIDE],
        outcomes={
            "horizon_days": 28.0,
            "rows": 0,
            "left": 0,
            "live": None,
            "shadow": None,
            "auc_gain": None,
            "auc_gain_error": None,
        },
    )

    publication: Publication
    ready: Annotated[
        bool,
        Field(description="It keeps up with the live version; until then only some are in it."),
    ]
    customers: Annotated[int, Field(description="Customers decided by both.")]
    moves: list[BandMove]
    total: HealthyShare
    segments: list[HealthyShare]
    rank_agreement: Annotated[
        float | None, Field(description="Spearman's correlation of the two risks.")
    ]
    furthest: Annotated[list[Beside], Field(description="Customers whose score would differ most.")]
    outcomes: ShadowOutcomes
