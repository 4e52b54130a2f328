"""The commands `lab …`: scores, fits and judgements by replay of a history, before anything goes
live."""

import typer

from healthsvc.cli.lab.replay import replay
from healthsvc.cli.lab.risk import backtest, compare, drift, fit, preview, score

group = typer.Typer(
    help="Replay a history: score, fit and judge before anything goes live.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
)
for command in (score, backtest, fit, compare, preview, drift, replay):
    group.command()(command)
