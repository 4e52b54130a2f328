"""The filter of changes: what webhooks, the change feed and its stream are narrowed by, and what a
key may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFacts:
    """What a filter looks at of a customer, as of the change."""

    owner: str | None = None
    segment: str | None = None
    tier: str | None = None
    band: str | None = None
    flags: Sequence[str] = ()
    """Those that hold, and those that the change is about."""
    mrr: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFilter:
    """Which changes; a part that is empty lets all through, and all parts must agree.

    Names of owners, segments and tiers are compared in any case. What is about no customer passes
    only where nothing is asked of customers.
    """

    types: frozenset[str] = frozenset()
    bands: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    mrr_from: float | None = None
    """Least monthly recurring revenue, in the customer's own currency: amounts are not converted.
    Customers whose MRR nobody told don't pass."""

    @property
    def is_about_customers(self) -> bool:
        """Whether it asks anything of customers."""
        parts = (self.bands, self.flags, self.tiers, self.segments, self.owners)
        return any(parts) or self.mrr_from is not None

    def allows(self, type: str, customer: CustomerFacts | None) -> bool:
        """Whether a change of this type passes; None: it is about no customer."""
        if self.types and type not in self.types:
            return False
        if not self.is_about_customers:
            return True
        return customer is not None and self.allows_customer(customer)

    def allows_customer(self, customer: CustomerFacts) -> bool:
        """Whether changes of this customer pass, whatever their type."""
        return (
            (not self.bands or customer.band in self.bands)
            and (not self.flags or not self.flags.isdisjoint(customer.flags))
            and _has(self.tiers, customer.tier)
            and _has(self.segments, customer.segment)
            and _has(self.owners, customer.owner)
            and (self.mrr_from is None or _reaches(customer.mrr, self.mrr_from))
        )

    def as_data(self) -> dict[str, list[str] | float]:
        """The filter as JSON says it, without the parts that are empty."""
        lists: Mapping[str, frozenset[str]] = {name: getattr(self, name) for name in LISTS}
        data: dict[str, list[str] | float] = {
            name: sorted(values) for name, values in lists.items() if values
        }
        if self.mrr_from is not None:
            data["mrr_from"] = self.mrr_from
        return data


LISTS: Final = ("types", "bands", "flags", "tiers", "segments", "owners")
"""The parts that are sets of names."""
NO_FILTER: Final = ChangeFilter()


def folded(name: str) -> str:
    """A name as owners, segments and tiers are compared."""
    return name.strip().casefold()


def _has(names: frozenset[str], name: str | None) -> bool:
    """names: folded."""
    return not names or (name is not None and folded(name) in names)


def _reaches(mrr: float | None, least: float) -> bool:
    return mrr is not None and mrr >= least
