"""The command `endpoints`."""

from typing import Final

from healthsvc.cli.options import AsJson
from healthsvc.cli.reading.service import ServiceKey, ServiceUrl, items, service
from healthsvc.cli.reading.tables import Column, instant, print_json, print_rows, text
from healthsvc.wire.rest.endpoints import Endpoint

COLUMNS: Final = (
    Column[Endpoint](title="Endpoint", text=lambda row: row.id),
    Column[Endpoint](title="State", text=lambda row: row.state),
    Column[Endpoint](title="Failing since (UTC)", text=lambda row: instant(row.failing_since)),
    Column[Endpoint](title="URL", text=lambda row: row.url),
    Column[Endpoint](
        title="Types", text=lambda row: ", ".join(row.event_types) or "all", may_wrap=True
    ),
    Column[Endpoint](title="Description", text=lambda row: text(row.description), may_wrap=True),
)


def endpoints(as_json: AsJson = False, url: ServiceUrl = None, key: ServiceKey = None) -> None:
    """List webhook endpoints of a running service, newest first."""
    with service(url, key) as client:
        rows = items(client.endpoints, {}, None)
    if as_json:
        print_json(rows)
    else:
        print_rows(COLUMNS, rows, "There are no endpoints.")
