"""The command `worklist`."""

from typing import Annotated, Final

import typer

from healthsvc.cli.options import AsJson
from healthsvc.cli.reading.service import (
    Language,
    ServiceKey,
    ServiceUrl,
    Where,
    service,
    with_others,
)
from healthsvc.cli.reading.tables import Column, instant, number, print_json, print_rows, text
from healthsvc.wire.rest.worklist import WorkItem

COLUMNS: Final = (
    Column[WorkItem](title="Customer", text=lambda row: row.customer_id),
    Column[WorkItem](title="Owner", text=lambda row: text(row.owner)),
    Column[WorkItem](title="Band", text=lambda row: text(row.band)),
    Column[WorkItem](title="MRR", text=lambda row: number(row.briefing.money.mrr), is_number=True),
    Column[WorkItem](title="Call (UTC)", text=lambda row: instant(row.contact.next_window_at)),
    Column[WorkItem](title="Why", text=lambda row: row.summary, may_wrap=True),
)


def worklist(
    owner: Annotated[
        str | None, typer.Option(help="Only customers of this owner; without: everybody's.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, max=250, help="Customers.  [default: HEALTHSVC_CALLS_A_DAY]"
        ),
    ] = None,
    where: Where = None,
    as_json: AsJson = False,
    url: ServiceUrl = None,
    key: ServiceKey = None,
    language: Language = None,
) -> None:
    """List whom to call today, those most worth it first."""
    with service(url, key, language) as client:
        page = client.worklist.page(**with_others({"owner": owner, "limit": limit}, where))
    if as_json:
        print_json(page)
        return
    print_rows(COLUMNS, page.items, "Nobody needs a call.")
    if page.waiting > len(page.items):
        typer.echo(f"{page.waiting} need a call; --limit shows more of them.")
