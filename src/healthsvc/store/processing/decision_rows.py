"""What the owner decided, encoded as rows of the customer summary and of history."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from healthsvc.store.database.copying import (
    NULL,
    Block,
    begin,
    block,
    fixed,
    floats,
    instants,
    optional_instants,
    pieces,
    texts,
)
from healthsvc.store.database.copying import text as encoded

STANDINGS: Final = (
    *(
        "projection",
        "customer_key",
        "partition",
        "decided_at",
        "score",
        "risk",
        "loyalty",
        "band",
        "flags",
        "band_since",
    ),
    *("customer_id", "name", "owner", "segment", "tier", "stage", "parent_id", "icp_fit"),
    *("mrr", "currency", "renewal_at"),
)


MOVED: Final = (
    *(
        "projection",
        "customer_key",
        "decided_at",
        "score",
        "risk",
        "loyalty",
        "band",
        "flags",
        "band_since",
        "stage",
    ),
)


HISTORY: Final = (
    *(
        "projection",
        "customer_key",
        "scorecard_version",
        "decided_at",
        "score",
        "risk",
        "band",
        "flags",
        "cause",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedColumns:
    """What lists and history say alike, one entry a customer in each; scores and risks NaN without
    evidence."""

    keys: NDArray[np.int64]
    partitions: NDArray[np.int32]
    band_since_us: NDArray[np.float64]
    """0 where no band is known."""
    decided_us: NDArray[np.int64]
    scores: NDArray[np.float64]
    risks: NDArray[np.float64]
    bands: Sequence[str | None]
    flags: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyColumns:
    """What lists say of a customer's subscriptions, one entry a customer in each."""

    mrr: NDArray[np.float64]
    """Monthly; NaN: nobody told it."""
    currencies: Sequence[str | None]
    renewal_us: NDArray[np.float64]
    """NaN or 0: nobody told it."""


class SummaryProfile(NamedTuple):
    """What lists say of a customer's profile."""

    fields: tuple[str | None, ...]
    """name, owner, segment, tier, stage, parent_id"""
    icp_fit: float | None


def standings_rows(
    projection: int,
    decided: DecidedColumns,
    loyalties: NDArray[np.float64],
    customer_ids: Sequence[str],
    profiles: Sequence[SummaryProfile],
    money: MoneyColumns,
) -> Block:
    """Encode what lists sort and filter by; loyalties: NaN where they aren't known."""
    at = instants(decided.decided_us)
    head = fixed(
        len(decided.keys),
        projection,
        decided.keys,
        decided.partitions,
        at,
        lead=begin(len(STANDINGS)),
    )
    bands_and_flags = list(map(_band_and_flags, decided.bands, decided.flags))
    profile = list(map(_profile, profiles))
    return block(
        pieces(head),
        floats(decided.scores, decided.risks, loyalties),
        bands_and_flags,
        optional_instants(decided.band_since_us),
        list(map(encoded, customer_ids)),
        profile,
        floats(money.mrr),
        list(map(encoded, money.currencies)),
        optional_instants(money.renewal_us),
    )


def moved_rows(
    projection: int, decided: DecidedColumns, loyalties: NDArray[np.float64], stages: Sequence[str]
) -> Block:
    """Encode the same of customers of whose profile lists say already what they should."""
    at = instants(decided.decided_us)
    head = fixed(len(decided.keys), projection, decided.keys, at, lead=begin(len(MOVED)))
    bands_and_flags = list(map(_band_and_flags, decided.bands, decided.flags))
    return block(
        pieces(head),
        floats(decided.scores, decided.risks, loyalties),
        bands_and_flags,
        optional_instants(decided.band_since_us),
        list(map(_word, stages)),
    )


def history_rows(
    projection: int, version: int, decided: DecidedColumns, causes: Sequence[str]
) -> Block:
    """Encode recorded decisions; causes: what made the service decide."""
    at = instants(decided.decided_us)
    head = fixed(len(decided.keys), projection, decided.keys, version, at, lead=begin(len(HISTORY)))
    bands_and_flags = list(map(_band_and_flags, decided.bands, decided.flags))
    return block(
        pieces(head),
        floats(decided.scores, decided.risks),
        bands_and_flags,
        list(map(_word, causes)),
    )


@lru_cache(maxsize=4096)
def _band_and_flags(band: str | None, flags: tuple[str, ...]) -> bytes:
    return encoded(band) + texts(flags)


@lru_cache(maxsize=4096)
def _profile(placed: SummaryProfile) -> bytes:
    fit = NULL if placed.icp_fit is None else pieces(fixed(1, np.array([placed.icp_fit])))[0]
    return b"".join(map(encoded, placed.fields)) + fit


@lru_cache(maxsize=64)
def _word(value: str) -> bytes:
    return encoded(value)
