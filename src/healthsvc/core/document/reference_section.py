"""The reference of a scorecard, and what is judged by it, read from the plain data of the
document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from healthsvc.core.scorecard.distributions import (
    EVERYBODY,
    Distributions,
    at_percentile,
    distributions,
)
from healthsvc.core.scorecard.model import LargeAccount
from healthsvc.core.scorecard.reader import MappingReader, ScorecardError

LEAST, MOST = 2, 101
"""How many quantiles a distribution may be given as."""
MOST_SEGMENTS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What is frozen with a version."""

    measures: Mapping[str, Distributions] = field(default_factory=dict)
    mrr: tuple[float, ...] | None = None


def reference(data: object) -> Reference:
    """The `reference` of a document; None gives an empty one."""
    if data is None:
        return Reference()
    r = MappingReader(data, "/reference")
    r.get("taken_at")
    r.get("customers")
    measures, mrr = r.get("measures", {}), r.get("mrr")
    r.done()
    if not isinstance(measures, Mapping):
        raise ScorecardError(
            "/reference/measures", "must map measures to their quantiles by segment"
        )
    return Reference(
        measures={
            str(name): _of_measure(entry, f"/reference/measures/{name}")
            for name, entry in measures.items()
        },
        mrr=None if mrr is None else _quantiles(mrr, "/reference/mrr"),
    )


def _of_measure(data: object, path: str) -> Distributions:
    if not isinstance(data, Mapping) or len(data) > MOST_SEGMENTS:
        raise ScorecardError(path, f"must map at most {MOST_SEGMENTS} segments to their quantiles")
    if EVERYBODY not in data:
        raise ScorecardError(
            f"{path}/{EVERYBODY}", "is missing: the quantiles of all customers, for new segments"
        )
    return distributions(
        {str(segment): _quantiles(entry, f"{path}/{segment}") for segment, entry in data.items()}
    )


def _quantiles(data: object, path: str) -> tuple[float, ...]:
    numbers = isinstance(data, list) and all(
        isinstance(q, int | float) and not isinstance(q, bool) for q in data
    )
    if (
        not isinstance(data, list)
        or not numbers
        or not LEAST <= len(data) <= MOST
        or data != sorted(data)
        or data[0] < 0
    ):
        raise ScorecardError(
            path,
            f"must be a list of {LEAST} to {MOST} rising numbers from 0, evenly spaced quantiles",
        )
    return tuple(float(q) for q in data)


def large_account(data: object, mrr: tuple[float, ...] | None) -> LargeAccount:
    """Which accounts are large. mrr: its quantiles among the customers, as frozen with the
    version."""
    if data is None:
        return LargeAccount()
    r = MappingReader(data, "/large_account")
    percentile = (
        None if r.get("percentile") is None else r.number("percentile", 90.0, low=1, high=99.9)
    )
    amount = r.number("mrr", LargeAccount().mrr, high=1e12)
    r.done()
    line = None if percentile is None or mrr is None else at_percentile(mrr, percentile)
    return LargeAccount(mrr=amount, percentile=percentile, line=line)
