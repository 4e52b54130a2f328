"""The commands `sources list`, `show`, `validate` and `dry-run`: mappings of other systems' calls,
and what they make of recorded calls."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from healthsvc.cli.errors import FAILED, refuse
from healthsvc.core.instants import to_us
from healthsvc.flows.sources.catalogue import built_in
from healthsvc.wire.events.decode import FieldError, decode_batch
from healthsvc.wire.sources.calls import MalformedCall, items_of
from healthsvc.wire.sources.document import Source, SourceFault, compile_source
from healthsvc.wire.sources.mapping import MappedItem, map_item, own_id

group: Final = typer.Typer(
    no_args_is_help=True,
    help="Check mappings of other systems' calls, and try them on recorded ones.",
    add_completion=False,
    rich_markup_mode="markdown",
)
Mapping = Annotated[
    str, typer.Argument(help="A mapping's file, or a built-in source.", metavar="FILE|NAME")
]


@group.command("list")
def list_sources() -> None:
    """List the built-in sources."""
    for source in built_in().values():
        typer.echo(f"{source.name:<12} {source.authentication:<12} {source.title}")


@group.command()
def show(
    name: Annotated[str, typer.Argument(help="A built-in source.", metavar="NAME")],
) -> None:
    """Print the mapping of a built-in source, to copy and change."""
    typer.echo(_source(name).text, nl=False)


@group.command()
def validate(mapping: Mapping) -> None:
    """Check a mapping; each fault with its place."""
    source = _source(mapping)
    typer.echo(f"{source.name}: {len(source.rules)} rules, no faults")


@group.command("dry-run")
def dry_run(
    mapping: Mapping,
    calls: Annotated[
        Path,
        typer.Option(
            help="Recorded bodies of calls, one JSON a line.", exists=True, dir_okay=False
        ),
    ],
) -> None:
    """Show what a mapping makes of recorded calls: the events, and why others become none. Nothing
    is counted. Ends with 1 if an item is rejected."""
    source, counts = _source(mapping), Counter[str]()
    for line, body in _lines(calls):
        for place, status, shown in _outcomes(source, body):
            counts[status] += 1
            typer.echo(f"{line}{place}\t{status}\t{shown}")
    summary = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    typer.echo(f"# {summary or 'no calls'}")
    if counts["rejected"]:
        raise typer.Exit(FAILED)


def _source(mapping: str) -> Source:
    if mapping in built_in():
        return built_in()[mapping]
    try:
        return compile_source(Path(mapping).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        names = ", ".join(built_in())
        refuse(f"{mapping} is neither a file that can be read nor one of {names}: {error}")
    except SourceFault as error:
        refuse(f"{mapping}: {error}")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip(b"\xef\xbb\xbf \t\r\n"):
                yield number, line


def _outcomes(source: Source, body: bytes) -> Iterator[tuple[str, str, str]]:
    """Place within the call, status and what to show, of each item."""
    now = datetime.now(UTC)
    try:
        items = items_of(source, body, now)
    except MalformedCall as error:
        yield "", "rejected", str(error)
        return
    for index, item in enumerate(items):
        status, shown = _outcome(map_item(source, index, item), to_us(now))
        yield f"/{index}", status, shown


def _outcome(mapped: MappedItem, now_us: int) -> tuple[str, str]:
    if mapped.ignored is not None:
        return "ignored", mapped.ignored
    raws = [event.envelope(own_id(event.names) or "unknown") for event in mapped.events]
    rejects = decode_batch(raws, now_us=now_us, is_intake=True).rejects
    faults = mapped.faults or [fault for reject in rejects for fault in reject.errors]
    if faults:
        return "rejected", _worded(faults)
    events = [
        event.fields | {"customer": [f"{name.namespace}:{name.id}" for name in event.names]}
        for event in mapped.events
    ]
    links = [
        {"link": f"{link.name.namespace}:{link.name.id}", "customer_id": link.customer_id}
        for link in mapped.links
    ]
    return "mapped", " ".join(json.dumps(each, ensure_ascii=False) for each in [*events, *links])


def _worded(faults: Sequence[FieldError]) -> str:
    return "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults)
