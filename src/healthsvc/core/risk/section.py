"""The `risk` section of a scorecard: horizon, what types are, and the model: the prior, or one with
its terms as data.

Read with the same care as the rest of the document (path of the fault, nearest known name), written
by the lab's fit.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Final

from healthsvc.core.events import BUILTIN_TYPES
from healthsvc.core.instants import DAY_US
from healthsvc.core.levels import MIN_HALF_LIFE_US
from healthsvc.core.risk import features, mapping, model
from healthsvc.core.risk.event_types import with_builtin
from healthsvc.core.risk.features import Feature
from healthsvc.core.risk.levels import CompiledRisk
from healthsvc.core.risk.mapping import Kind, TypeMapping
from healthsvc.core.risk.model import Model, Term, prior
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError, choose

MOST_TERMS: Final = 160
"""A fit has at most 20 features of kinds, 5 of each of 24 types, and 6 pairs."""
MOST_KNOTS: Final = 32


@dataclass(frozen=True, slots=True)
class RiskRules:
    """What a scorecard says of the risk."""

    mapping: TypeMapping
    model: Model

    def program(self, landmark_us: int) -> CompiledRisk:
        """The levels that the model needs, and what feeds them."""
        judge = self.mapping.judge
        return CompiledRisk(
            self.model.levels, lambda event_type: judge(event_type).kind, landmark_us
        )


def risk_rules(data: object, types: TypeMapping | None = None) -> RiskRules | None:
    """The rules of a section as plain data; None where there is none. Raises ScorecardError with
    the path.

    types: the scorecard's table of event types, where it has one; the section's own mapping may
    then speak of built-in types alone.
    """
    if data is None:
        return None
    r = MappingReader(data, "/risk")
    horizon_us = r.days("horizon_days", 28)
    rules = RiskRules(
        _mapping(r.get("mapping"), types), _model(r.get("model", "prior"), horizon_us)
    )
    r.done()
    if (
        min(level.half_life_us for level in rules.model.levels or prior(horizon_us).levels)
        < MIN_HALF_LIFE_US
    ):
        raise ScorecardError(
            "/risk/horizon_days", f"half-lives must be at least {MIN_HALF_LIFE_US // DAY_US} days"
        )
    return rules


def as_data(rules: RiskRules) -> dict[str, Any]:
    """The section as plain data; `risk_rules` of it gives the same rules."""
    document: dict[str, Any] = {"horizon_days": rules.model.horizon_us / DAY_US}
    if rules.mapping.kinds or rules.mapping.default != "act":
        names = {
            k: sorted(t for t, of in rules.mapping.kinds.items() if of == k) for k in mapping.KINDS
        }
        document["mapping"] = {k: types for k, types in names.items() if types} | {
            "default": rules.mapping.default
        }
    is_prior = rules.model == prior(rules.model.horizon_us)
    return document | {"model": "prior" if is_prior else _model_data(rules.model)}


def model_key(rules: RiskRules) -> str:
    """A digest of the section: two documents with the same key score the risk alike."""
    document = json.dumps(as_data(rules), sort_keys=True, ensure_ascii=False)
    return blake2b(document.encode(), digest_size=16).hexdigest()


def _mapping(data: object, table: TypeMapping | None) -> TypeMapping:
    if data is None:
        return TypeMapping() if table is None else table
    if table is None:
        return _read_mapping(data)
    mapping = _read_mapping(data, allowed=BUILTIN_TYPES)
    return with_builtin(table, mapping)


def _read_mapping(data: object, allowed: Container[str] | None = None) -> TypeMapping:
    """allowed: the only types that it may name, without a default; None: it may name any."""
    r = MappingReader(data, "/risk/mapping")
    kinds: dict[str, Kind] = {}
    for kind in mapping.KINDS:
        types = r.get(kind, [])
        if not isinstance(types, list):
            raise ScorecardError(f"/risk/mapping/{kind}", "must be a list of event types")
        own = [t for t in types if allowed is not None and str(t) not in allowed]
        if own:
            raise ScorecardError(
                f"/risk/mapping/{kind}",
                f"{own[0]!r} is a type of your own: say in /event_types what it is",
            )
        kinds.update({str(t): kind for t in types})
    if allowed is not None and r.get("default") is not None:
        raise ScorecardError("/risk/mapping/default", "stands in /event_types")
    default = choose(r.get("default", "act"), mapping.KINDS, "/risk/mapping/default")
    r.done()
    return TypeMapping(kinds=kinds, default=default)  # type: ignore[arg-type]  # checked by choose


def _model(data: object, horizon_us: int) -> Model:
    if data == "prior":
        return prior(horizon_us)
    if not isinstance(data, Mapping):
        raise ScorecardError("/risk/model", "must be `prior`, or a model with its terms")
    r = MappingReader(data, "/risk/model")
    name = r.choice("name", model.MODELS)
    kind = r.choice("kind", model.KINDS)
    intercept = r.number("intercept", 0.0, low=-1e3, high=1e3)
    entries = r.get("terms", [])
    if not isinstance(entries, list) or len(entries) > MOST_TERMS:
        raise ScorecardError("/risk/model/terms", f"must be a list of at most {MOST_TERMS} terms")
    terms = tuple(_term(term, f"/risk/model/terms/{i}") for i, term in enumerate(entries))
    r.done()
    return Model(name, kind, horizon_us, intercept, terms)


def _term(data: object, path: str) -> Term:
    r = MappingReader(data, path)
    feature = _feature(r)
    at, gives = _numbers(r, "at"), _numbers(r, "gives")
    if len(at) != len(gives) or any(b <= a for a, b in pairwise(at)):
        raise ScorecardError(f"{path}/at", "must rise, one knot for each number of `gives`")
    reference = r.number("reference", 0.0, low=-1e3, high=1e3)
    r.done()
    return Term(feature, at, gives, reference)


def _feature(r: MappingReader) -> Feature:
    kind = r.choice("feature", features.KINDS)
    if kind == "product":
        return Feature("product", of=_factors(r.need("of"), f"{r.path}/of"))
    return Feature(
        kind=kind,
        source=_source(r.get("source", "act"), f"{r.path}/source"),
        half_life_us=_span(r, "half_life_days") if kind not in ("tenure", "recency") else 0,
        long_us=_span(r, "long_days") if kind == "trend" else 0,
        scale=r.number("scale", 1.0, low=1e-12, high=1e15),
    )


def _factors(entries: object, path: str) -> tuple[Feature, ...]:
    """The two features of a product; products of products there are none."""
    if not isinstance(entries, list) or len(entries) != 2:
        raise ScorecardError(path, "must be a list of two features")
    factors = []
    for i, data in enumerate(entries):
        r = MappingReader(data, f"{path}/{i}")
        factors.append(_feature(r))
        r.done()
        if factors[-1].kind == "product":
            raise ScorecardError(f"{path}/{i}/feature", "must not be a product itself")
    return tuple(factors)


def _span(r: MappingReader, key: str) -> int:
    r.need(key)
    span = r.days(key, 0)
    if span < MIN_HALF_LIFE_US:
        raise ScorecardError(
            f"{r.path}/{key}", f"must be at least {MIN_HALF_LIFE_US // DAY_US} days"
        )
    return span


def _source(value: object, path: str) -> str:
    if not isinstance(value, str) or not (
        value in ("act", "neutral", "trouble", "any") or value.startswith("type:")
    ):
        raise ScorecardError(path, "must be act, neutral, trouble, any, or type: and an event type")
    return value


def _numbers(r: MappingReader, key: str) -> tuple[float, ...]:
    entries = r.need(key)
    good = isinstance(entries, list) and 1 <= len(entries) <= MOST_KNOTS
    if not good or any(
        isinstance(x, bool) or not isinstance(x, int | float) or not abs(x) < 1e15 for x in entries
    ):
        raise ScorecardError(f"{r.path}/{key}", f"must be a list of 1 to {MOST_KNOTS} numbers")
    return tuple(float(x) for x in entries)


def _model_data(model: Model) -> dict[str, Any]:
    terms = [_term_data(term) for term in model.terms]
    return {"name": model.name, "kind": model.kind, "intercept": model.intercept, "terms": terms}


def _term_data(term: Term) -> dict[str, Any]:
    return _feature_data(term.feature) | {
        "at": list(term.at),
        "gives": list(term.gives),
        "reference": term.reference,
    }


def _feature_data(feature: Feature) -> dict[str, Any]:
    if feature.kind == "product":
        return {"feature": "product", "of": [_feature_data(one) for one in feature.of]}
    document: dict[str, Any] = {"feature": feature.kind, "source": feature.source}
    if feature.half_life_us:
        document["half_life_days"] = feature.half_life_us / DAY_US
    if feature.long_us:
        document["long_days"] = feature.long_us / DAY_US
    if feature.scale != 1.0:
        document["scale"] = feature.scale
    return document
