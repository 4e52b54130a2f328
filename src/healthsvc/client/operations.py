"""The operations that the clients offer, each declared once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import NoneType
from typing import Any, Final

from healthsvc.client.calls import Call, ListCall, QueryValue, segment
from healthsvc.wire.rest.alerts import Alert, Alerts
from healthsvc.wire.rest.changes import Changes
from healthsvc.wire.rest.customers.customer import Customer
from healthsvc.wire.rest.customers.customer_list import Standing, Standings
from healthsvc.wire.rest.customers.diffs import Diff
from healthsvc.wire.rest.customers.explanations import Explanation
from healthsvc.wire.rest.customers.features import CustomerFeatures
from healthsvc.wire.rest.endpoints import (
    Endpoint,
    EndpointCreated,
    Endpoints,
    EndpointSecret,
    TestSent,
)
from healthsvc.wire.rest.events import EventResults
from healthsvc.wire.rest.keys import Me
from healthsvc.wire.rest.portfolio import Portfolio
from healthsvc.wire.rest.portfolio_series import PortfolioSeries
from healthsvc.wire.rest.unused_features import CustomersWithUnused, CustomerWithUnused
from healthsvc.wire.rest.worklist import WorkItem, Worklist

ENDPOINTS_PATH: Final = "/v1/webhooks/endpoints"
CUSTOMERS: Final = ListCall(path="/v1/customers", page=Standings, item=Standing)
ALERTS: Final = ListCall(path="/v1/alerts", page=Alerts, item=Alert)
WORKLIST: Final = ListCall(path="/v1/worklist", page=Worklist, item=WorkItem)
FOLLOW_SECONDS: Final = 25.0
"""How long a client that follows the changes waits for the next one with each request."""
UNUSED_FEATURES: Final = ListCall(
    path="/v1/features/unused", page=CustomersWithUnused, item=CustomerWithUnused
)
ENDPOINTS: Final = ListCall(path=ENDPOINTS_PATH, page=Endpoints, item=Endpoint)


def me() -> Call[Me]:
    """Whose key it is, and what it may do."""
    return Call(path="/v1/me", answer=Me)


def customer(customer_id: str) -> Call[Customer]:
    """A customer's health, evaluated now."""
    return Call(path=f"/v1/customers/{segment(customer_id)}", answer=Customer)


def explanation(customer_id: str, at: datetime | None = None) -> Call[Explanation]:
    """Why a customer's score is what it is, or was at an instant."""
    path = f"/v1/customers/{segment(customer_id)}/health/explanation"
    return Call(path=path, answer=Explanation, query={"at": at})


def difference(
    customer_id: str, start: datetime | None = None, end: datetime | None = None
) -> Call[Diff]:
    """What moved a customer's score between two instants."""
    path = f"/v1/customers/{segment(customer_id)}/health/diff"
    return Call(path=path, answer=Diff, query={"from": start, "to": end})


def features(customer_id: str, idle_days: int | None = None) -> Call[CustomerFeatures]:
    """What a customer pays for and what of it is used."""
    path = f"/v1/customers/{segment(customer_id)}/features"
    return Call(path=path, answer=CustomerFeatures, query={"idle_days": idle_days})


def portfolio(
    start: datetime | None = None,
    end: datetime | None = None,
    by: str | None = None,
    trials: bool | None = None,
) -> Call[Portfolio]:
    """Retention, revenue and satisfaction of a period. by: segment, tier or owner."""
    query = {"from": start, "to": end, "by": by, "trials": trials}
    return Call(path="/v1/portfolio", answer=Portfolio, query=query)


def portfolio_series(
    start: datetime | None = None,
    end: datetime | None = None,
    step: str | None = None,
    by: str | None = None,
    trials: bool | None = None,
) -> Call[PortfolioSeries]:
    """Customers, revenue and bands step by step. step: day, week or month. by: as for
    `portfolio`."""
    query = {"from": start, "to": end, "step": step, "by": by, "trials": trials}
    return Call(path="/v1/portfolio/series", answer=PortfolioSeries, query=query)


def alert(alert_id: str) -> Call[Alert]:
    """One alert."""
    return Call(path=f"/v1/alerts/{segment(alert_id)}", answer=Alert)


def acknowledge_alert(alert_id: str, revision: int | None = None) -> Call[Alert]:
    """Take an alert on. revision: refused with ConflictAnswer if it has changed since that one."""
    return _settling(alert_id, "acknowledge", revision, None)


def resolve_alert(
    alert_id: str, note: str | None = None, revision: int | None = None
) -> Call[Alert]:
    """Declare an alert done. revision: as for `acknowledge_alert`."""
    return _settling(alert_id, "resolve", revision, {"note": note})


def changes(
    cursor: str | None = None, wait: float | None = None, **filters: QueryValue
) -> Call[Changes]:
    """What was decided behind a cursor; `now`: from now on; without one, from the oldest that is
    kept. wait: seconds to wait for the next change, 30 at most. filters: types, bands, flags,
    tiers, segments, owners, mrr_from, and limit."""
    query = {**filters, "cursor": cursor, "wait": wait}
    return Call(path="/v1/changes", answer=Changes, query=query)


def send_events(events: Sequence[Mapping[str, Any]]) -> Call[EventResults]:
    """Send up to 1,000 events; the answer says of each whether it was accepted.

    Safe to repeat: an event that was counted isn't counted again.
    """
    return Call(
        path="/v1/events",
        answer=EventResults,
        method="POST",
        body=list(events),
        headers={"prefer": "handling=lenient"},
    )


def endpoint(endpoint_id: str) -> Call[Endpoint]:
    """One webhook endpoint."""
    return Call(path=f"{ENDPOINTS_PATH}/{segment(endpoint_id)}", answer=Endpoint)


def create_endpoint(
    url: str, event_types: Sequence[str] = (), description: str = ""
) -> Call[EndpointCreated]:
    """Subscribe a URL; no event types: to everything. The secret is in this answer alone."""
    return Call(
        path=ENDPOINTS_PATH,
        answer=EndpointCreated,
        method="POST",
        body={"url": url, "event_types": list(event_types), "description": description},
        repeatable=False,
    )


def delete_endpoint(endpoint_id: str) -> Call[None]:
    """Remove a webhook endpoint."""
    path = f"{ENDPOINTS_PATH}/{segment(endpoint_id)}"
    return Call(path=path, answer=NoneType, method="DELETE", repeatable=False)


def enable_endpoint(endpoint_id: str) -> Call[Endpoint]:
    """Switch a webhook endpoint on again."""
    return Call(
        path=f"{ENDPOINTS_PATH}/{segment(endpoint_id)}/enable", answer=Endpoint, method="POST"
    )


def rotate_secret(endpoint_id: str) -> Call[EndpointSecret]:
    """Give a webhook endpoint a new secret; the old one holds for a day beside it."""
    return Call(
        path=f"{ENDPOINTS_PATH}/{segment(endpoint_id)}/rotate-secret",
        answer=EndpointSecret,
        method="POST",
        repeatable=False,
    )


def send_test(endpoint_id: str) -> Call[TestSent]:
    """Send a test message to a webhook endpoint."""
    return Call(
        path=f"{ENDPOINTS_PATH}/{segment(endpoint_id)}/test",
        answer=TestSent,
        method="POST",
        repeatable=False,
    )


def _settling(alert_id: str, step: str, revision: int | None, body: Any) -> Call[Alert]:
    headers = {} if revision is None else {"if-match": f'"{revision}"'}
    return Call(
        path=f"/v1/alerts/{segment(alert_id)}/{step}",
        answer=Alert,
        method="POST",
        body=body,
        headers=headers,
    )
