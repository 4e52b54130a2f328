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
from healthsvc.cli.reading.tables import Column, day, number, print_json, print_rows, text
from healthsvc.client.calls import QueryValue
from healthsvc.wire.rest.customers.customer_list import Standing

COLUMNS: Final = (
    Column[Standing](title="Customer", text=lambda row: row.customer_id),
    Column[Standing](title="Name", text=lambda row: text(row.name)),
    Column[Standing](title="Band", text=lambda row: text(row.band)),
    Column[Standing](title="Score", text=lambda row: number(row.score), is_number=True),
    Column[Standing](title="Risk", text=lambda row: number(row.risk, 2), is_number=True),
    Column[Standing](title="MRR", text=lambda row: _money(row), is_number=True),
    Column[Standing](title="Renewal", text=lambda row: day(row.renewal_at)),
    Column[Standing](title="Owner", text=lambda row: text(row.owner)),
    Column[Standing](title="Reason", text=lambda row: text(row.reason), may_wrap=True),
)
Names = list[str] | None


def customers(
    band: Annotated[Names, typer.Option(help="Only this band, repeatable.")] = None,
    flag: Annotated[Names, typer.Option(help="Only with this flag, repeatable.")] = None,
    owner: Annotated[Names, typer.Option(help="Only of this owner, repeatable.")] = None,
    segment: Annotated[Names, typer.Option(help="Only this segment, repeatable.")] = None,
    tier: Annotated[Names, typer.Option(help="Only this touch tier: high, low, tech.")] = None,
    search: Annotated[
        str | None, typer.Option(help="Only with this in the name or the id.", metavar="TEXT")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="Order: risk, mrr, renewal_at, …; with a minus the reverse.")
    ] = None,
    where: Where = None,
    limit: Limit = 50,
    everything: Everything = False,
    as_json: AsJson = False,
    url: ServiceUrl = None,
    key: ServiceKey = None,
    language: Language = None,
) -> None:
    """List customers of a running service, the riskiest first."""
    query: dict[str, QueryValue] = {
        "band": band,
        "flag": flag,
        "owner": owner,
        "segment": segment,
        "tier": tier,
        "q": search,
        "sort": sort,
    }
    with service(url, key, language) as client:
        rows = items(client.customers, with_others(query, where), None if everything else limit)
    if as_json:
        print_json(rows)
    else:
        print_rows(COLUMNS, rows, "No customer matches.")


def _money(row: Standing) -> str:
    return number(row.mrr) if row.currency is None else f"{number(row.mrr)} {row.currency}"
