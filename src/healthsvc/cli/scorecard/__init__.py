"""The commands `scorecard …`: check, compare, preview and publish what the score is made of."""

import typer

from healthsvc.cli.scorecard.preview import preview
from healthsvc.cli.scorecard.publishing import publish
from healthsvc.cli.scorecard.shadow import shadow
from healthsvc.cli.scorecard.versions import diff, list_versions, status, validate

group = typer.Typer(
    help=(
        "Scorecards: what the score is made of. FILE is YAML or JSON; schemas/scorecard.json"
        " describes it."
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
)
group.command()(validate)
group.command()(diff)
group.command("list")(list_versions)
group.command()(status)
group.command()(preview)
group.command()(publish)
group.command()(shadow)
