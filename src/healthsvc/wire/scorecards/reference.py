"""The reference that is frozen with a scorecard, written into its document."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import yaml

from healthsvc.wire.scorecards.document import default_document


def with_reference(
    document: str,
    measures: Mapping[str, Mapping[str, Sequence[float]]],
    mrr: Sequence[float] | None,
    *,
    customers: int,
    taken_at: datetime,
) -> str:
    """The document with a reference; measures: quantiles by segment. What the document says itself
    stays."""
    data = yaml.safe_load(document or default_document())
    declared = data.get("reference") or {}
    own = declared.get("measures") or {}
    reference = {
        "taken_at": taken_at.isoformat(timespec="seconds"),
        "customers": customers,
        "measures": {
            **{name: {k: list(v) for k, v in by.items()} for name, by in measures.items() if by},
            **own,
        },
    }
    money = declared.get("mrr", mrr)
    if money is not None:
        reference["mrr"] = list(money)
    frozen: str = yaml.safe_dump(
        {**data, "reference": reference}, sort_keys=False, allow_unicode=True
    )
    return frozen
