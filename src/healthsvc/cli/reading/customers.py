"""The command `customers`."""

from typing import Annotated, Final

import typer

from healthsvc.cli.options import AsJson
from healthsvc.cli.reading.service import (
    Everything,
    Language,
    Limit,
    ServiceKey,
    ServiceUrl,
    Where,
    items,
    service,
    with_others,
)
from healthsvc.cli.reading.tables import Column, number, print_json, print_rows, text
from healthsvc.wire.rest.customers.customer_list import Standing

COLUMNS: Final = (
    Column[Standing](title="Customer", text=lambda row: row.customer_id),
    Column[Standing](title="Name", text=lambda row: text(row.name)),
    Column[Standing](title="Band", text=lambda row: text(row.band)),
    Column[Standing](title="Score", text=lambda row: number(row.score), is_number=True),
    Column[Standing](title="Risk", text=lambda row: number(row.risk, 2), is_number=True),
    Column[Standing](title="Stage", text=lambda row: row.stage),
    Column[Standing](title="Owner", text=lambda row: text(row.owner)),
    Column[Standing](title="Flags", text=lambda row: text(", ".join(row.flags)), may_wrap=True),
)


def customers(
    band: Annotated[str | None, typer.Option(help="Only this band.")] = None,
    flag: Annotated[str | None, typer.Option(help="Only customers with this flag.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only customers of this owner.")] = None,
    segment: Annotated[str | None, typer.Option(help="Only this segment.")] = None,
    tier: Annotated[str | None, typer.Option(help="Only this touch tier: high, low, tech.")] = None,
    sort: Annotated[str | None, typer.Option(help="Order: risk, loyalty, name, …")] = None,
    where: Where = None,
    limit: Limit = 50,
    everything: Everything = False,
    as_json: AsJson = False,
    url: ServiceUrl = None,
    key: ServiceKey = None,
    language: Language = None,
) -> None:
    """List customers of a running service, the riskiest first."""
    query = {
        "band": band,
        "flag": flag,
        "owner": owner,
        "segment": segment,
        "tier": tier,
        "sort": sort,
    }
    with service(url, key, language) as client:
        rows = items(client.customers, with_others(query, where), None if everything else limit)
    if as_json:
        print_json(rows)
    else:
        print_rows(COLUMNS, rows, "No customer matches.")
