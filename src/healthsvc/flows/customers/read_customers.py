"""Customers read together: evaluated as one batch, with what other tables say of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from healthsvc.core.insights.contact_windows import ContactRules
from healthsvc.flows.customers import (
    contact_windows,
    data_quality,
    response_times,
    rollup,
    staleness,
)
from healthsvc.flows.customers.contact_windows import ContactPlan, HoursCache
from healthsvc.flows.customers.data_quality import RejectionSummary
from healthsvc.flows.customers.evaluated_customer import EvaluatedCustomer, evaluate_customers
from healthsvc.flows.customers.response_times import ResponseTimes
from healthsvc.flows.customers.rollup import Family
from healthsvc.flows.customers.staleness import StaleSince
from healthsvc.store.database.engine import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What other tables than the states say of a customer."""

    family: Family
    support: ResponseTimes
    stale: StaleSince | None
    contact: ContactPlan
    data_quality: RejectionSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCustomer:
    """A customer as of an instant, not yet in words."""

    customer_id: str
    customer: EvaluatedCustomer
    around: Surroundings
    at: datetime

    @property
    def due_us(self) -> float:
        """When time alone changes its band or flags next, as last decided; inf: never."""
        return float(self.customer.table.decisions.due[self.customer.row])


async def read_customers(
    conn: AsyncConnection,
    customer_ids: Sequence[str],
    now: datetime,
    rules: ContactRules,
    hours: HoursCache | None = None,
) -> dict[str, ReadCustomer]:
    """Those of the customers that are known, by id. rules: of contacting them; hours: those that
    were read before."""
    customers = await evaluate_customers(conn, customer_ids, now)
    if not customers:
        return {}
    by_key = {customer.key: customer for customer in customers.values()}
    stale = await staleness.stale_customers(conn, list(customers.values()), now)
    quality = await data_quality.of(conn, list(customers), now)
    support = await response_times.measure(conn, list(by_key), now)
    families = await rollup.families(conn, customers)
    contact = await _contact_plans(conn, by_key, now, rules, hours)
    return {
        customer_id: ReadCustomer(
            customer_id=customer_id,
            customer=customer,
            around=Surroundings(
                family=families[customer_id],
                support=support[customer.key],
                stale=stale.get(customer.key),
                contact=contact[customer.key],
                data_quality=quality[customer_id],
            ),
            at=now,
        )
        for customer_id, customer in customers.items()
    }


async def _contact_plans(
    conn: AsyncConnection,
    customers: Mapping[int, EvaluatedCustomer],
    now: datetime,
    rules: ContactRules,
    hours: HoursCache | None,
) -> dict[int, ContactPlan]:
    names = {
        key: customer.table.profile_field(customer.row, "timezone")
        for key, customer in customers.items()
    }
    zones = {key: contact_windows.own_zone(name, rules) for key, name in names.items()}
    program = next(iter(customers.values())).compiled.program
    known = await contact_windows.known_hours(conn, zones, now, program, hours)
    return {
        key: contact_windows.plan(customer.view, customer.row, names[key], known[key], rules, now)
        for key, customer in customers.items()
    }
