"""The commands `pages test` and `pages suggest`: which kind of page an address leads to, by which
rule, and rules for pages that none knows."""

import asyncio
from typing import Annotated, Final

import typer

from healthsvc.cli.options import AsJson, configured
from healthsvc.cli.scorecard.documents import documents_of
from healthsvc.settings import Settings
from healthsvc.wire.pages.rules import PageRules
from healthsvc.wire.pages.suggestions import Suggestions
from healthsvc.wire.rest.pages import PageMatch, PageMatches, to_match, to_suggestions
from healthsvc.wire.scorecards.document import compile_document
from healthsvc.wiring.database import any_database
from healthsvc.wiring.pages import page_suggestions

SHOWN: Final = 100
"""Characters of a pattern that are shown to people."""

group: Final = typer.Typer(
    no_args_is_help=True,
    help="Try the scorecard's page rules; propose rules for unknown pages.",
    add_completion=False,
    rich_markup_mode="markdown",
)
Scorecard = Annotated[
    str | None,
    typer.Option(
        "--scorecard",
        help="A file, a version's number, `live` or `default`.  "
        "[default: live where HEALTHSVC_DATABASE_URL is set, else default]",
        metavar="FILE|VERSION",
    ),
]


@group.command("test")
def try_rules(
    urls: Annotated[list[str], typer.Argument(help="Addresses, or paths.", metavar="URL…")],
    title: Annotated[
        str | None, typer.Option(help="Title of the pages, used if no rule matches the address.")
    ] = None,
    scorecard: Scorecard = None,
    as_json: AsJson = False,
) -> None:
    """Show which kind of page each address leads to, and which rule decides."""
    with configured() as settings:
        rules = _rules(settings, scorecard)
    matches = [to_match(rules, url, title) for url in urls]
    if as_json:
        typer.echo(PageMatches(items=matches).model_dump_json())
        return
    for match in matches:
        _show(match)


@group.command()
def suggest(
    limit: Annotated[int, typer.Option(min=1, max=250, help="Largest number of pages.")] = 20,
    scorecard: Annotated[
        str | None,
        typer.Option(
            help="A file, a version's number or `default` in place of the live scorecard.",
            metavar="FILE|VERSION",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Propose rules for the archive's most frequent pages that no rule knows."""
    with configured() as settings:
        rules = None if scorecard is None else _rules(settings, scorecard)
        with any_database(settings) as url:
            suggestions = asyncio.run(page_suggestions(url, settings, limit, rules))
    if as_json:
        typer.echo(to_suggestions(suggestions).model_dump_json())
    else:
        _propose(suggestions)


def _rules(settings: Settings, scorecard: str | None) -> PageRules:
    name = scorecard or ("default" if settings.database is None else "live")
    [document] = documents_of(settings, [name])
    return compile_document(document).pages


def _show(match: PageMatch) -> None:
    typer.echo(f"{match.kind:<8} {match.url}")
    if match.rule is None:
        typer.echo(f"         no rule knows it; simplified: {' or '.join(match.paths) or '-'}")
    else:
        pattern = match.pattern or ""
        shown = pattern if len(pattern) <= SHOWN else f"{pattern[:SHOWN]}…"
        typer.echo(f"         {match.rule}: {shown}")


def _propose(suggestions: Suggestions) -> None:
    """The figures, and rules to paste into a scorecard."""
    views, unknown = suggestions.views, suggestions.unknown
    share = 100 * unknown / views if views else 0
    typer.echo(
        f"# {unknown} of {views} page views ({share:.0f} %) lead to pages that no rule knows"
    )
    if not suggestions.items:
        return
    typer.echo("# `other` marks a page as known, of no interest. Check each kind before you use it")
    typer.echo("page_kinds:")
    for item in suggestions.items:
        typer.echo(f"  # {item.views} views, {item.customers} customers: {item.example[:SHOWN]}")
        typer.echo(f'  - {{kind: {item.kind}, pathname: ["{item.pattern}"]}}')
