"""The demo: a synthetic fleet's last months, made from a seed and an end instant, as lines that a
replay can send."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from healthsvc.core.errors import Conflict
from healthsvc.demo.generate import fleet
from healthsvc.demo.roster import Archetype, roster
from healthsvc.wire.files.csv_events import encode_event
from healthsvc.wire.files.file_lines import Group, Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Which fleet: the same values give the same events, byte for byte."""

    seed: int
    customers: int
    end_us: int


class OtherFleetError(Conflict):
    """The seed has made a fleet of another size already."""

    def __init__(self, first: Demo) -> None:
        self.kept = first
        super().__init__(
            f"fleet {first.seed} has {first.customers} customers already: "
            f"--customers {first.customers}, or another --seed"
        )


def lines(demo: Demo) -> list[bytes]:
    """All events as lines of NDJSON, without newlines, in time order."""
    events = fleet(_chance(demo), customers=demo.customers, end_us=demo.end_us, seed=demo.seed)
    return [
        encode_event(
            id=event.id,
            source=event.source,
            type=event.type,
            customer_id=event.customer_id,
            occurred_us=event.occurred_us,
            contact_id=event.contact_id,
            data=event.data,
        )
        for event in events
    ]


def groups(lines: list[bytes], limit: int, *, after: int = 0) -> Iterator[Group]:
    """The lines after number `after`, in groups for a replay."""
    for start in range(after, len(lines), limit):
        yield [
            Line(number, line)
            for number, line in enumerate(lines[start : start + limit], start + 1)
        ]


def write(demo: list[bytes], path: Path) -> None:
    """Write the lines to a file."""
    with open(path, "wb") as file:
        file.writelines(line + b"\n" for line in demo)


def examples(demo: Demo, lines: Iterable[bytes]) -> dict[Archetype, str]:
    """One customer of each behaviour, to look at first: one that hasn't left, where leaving isn't
    the behaviour. lines: the fleet's."""
    members = roster(_chance(demo), customers=demo.customers, end_us=demo.end_us, seed=demo.seed)
    ends = [line for line in lines if b'"subscription.cancelled"' in line]
    left = {str(json.loads(line)["customer_id"]) for line in ends}
    stayed_last = sorted(
        members, key=lambda member: (member.customer_id not in left, -member.number)
    )
    return {member.archetype: member.customer_id for member in stayed_last}


def remembered(path: Path, demo: Demo) -> Demo:
    """The fleet of this seed as it was first made, kept in the file: each run gives the same
    events; else `wanted`.

    Raises OtherFleetError when it had another number of customers: two fleets would share their
    customers' ids.
    """
    try:
        first = Demo(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(demo)))
        return demo
    if first.customers != demo.customers:
        raise OtherFleetError(first)
    return first


def _chance(demo: Demo) -> np.random.Generator:
    return np.random.default_rng(demo.seed)
