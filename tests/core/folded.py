"""A whole fold in memory for tests of the core: events in log order, ids left out that were
counted, states, and restarts."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from healthsvc.core.folding import dedupe
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.dedupe import IdWindow
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from healthsvc.core.folding.ties import tie_breakers
from healthsvc.core.instants import DAY_US, from_us
from healthsvc.core.scoring.evaluate import Evaluation, evaluate
from healthsvc.core.scoring.view import View
from healthsvc.wire.events.catalogue import type_of
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.scorecards.document import compile_document

PROGRAM = compile_document("").program
CARD = PROGRAM.scorecard
START_US = 1_772_442_000_000_000
"""2026-03-02T09:00:00Z."""
FOREVER_US = 1 << 62
Event = dict[str, Any]


def at(days: float) -> str:
    """An instant so many days after the start, as a sender writes it."""
    return from_us(START_US + round(days * DAY_US)).isoformat()


def us(days: float) -> int:
    return START_US + round(days * DAY_US)


class Fold:
    """States of a few customers and the ids counted, as an owner holds them."""

    def __init__(self, capacity: int = 64, program: CompiledScorecard = PROGRAM) -> None:
        self.program = program
        self.states = States(program, capacity)
        self.ids = IdWindow()
        self._capacity = capacity
        self._recent: list[bytes] = []

    def feed(self, events: Sequence[Event]) -> int:
        """Fold a batch; answers how many were new."""
        batch = decode_batch([json.dumps(e).encode() for e in events], now_us=FOREVER_US)
        assert not batch.rejects, batch.rejects
        if not batch.events:
            return 0
        hours = dedupe.hours_of(batch.occurred_us)
        new = np.flatnonzero(self.ids.take(hours, batch.digests, START_US))
        self._recent.append(dedupe.pack_recent(hours[new], batch.digests[new]))
        folded = [batch.events[i] for i in new.tolist()]
        extract = self.program.extract([type_of(e) for e in folded], folded)
        unseen = list(
            dict.fromkeys(e.customer_id for e in folded if e.customer_id not in self.states.row_of)
        )
        self.states.admit([(c, len(self.states) + i + 1, 0) for i, c in enumerate(unseen)])
        rows = self.states.rows([e.customer_id for e in folded])
        ties = tie_breakers(batch.digests[new])
        self.states.fold(rows, extract, batch.occurred_us[new], ties)
        return len(new)

    def restart(self) -> None:
        """Everything through the database's form and back."""
        stored = [
            Stored(
                customer_id=c,
                key=int(self.states.key[row]),
                partition=0,
                state=state,
                decision=decision,
                profile=profile,
            )
            for c, row, state, decision, profile in self._rows()
        ]
        recent, self.ids, self._recent = self._recent, IdWindow(), []
        for sequence, packed in enumerate(recent):
            self.ids.restore(sequence, START_US, *dedupe.unpack_recent(packed))
            self._recent.append(packed)
        self.states = States(self.program, self._capacity)
        self.states.load(stored)

    def _rows(self) -> list[tuple[str, int, bytes, bytes, str | None]]:
        order = sorted(self.states.row_of.items())
        rows = np.array([row for _, row in order], np.int64)
        packed, decisions = (
            list(map(bytes, self.states.pack(rows))),
            [self.states.decisions.packed_row(row) for row in rows.tolist()],
        )
        return [
            (
                c,
                row,
                packed[i],
                decisions[i],
                self.states.profile_json(row) if self.states.has_profile(row) else None,
            )
            for i, (c, row) in enumerate(order)
        ]

    def packed(self) -> dict[str, tuple[bytes, Any]]:
        """By customer: its packed state and profile."""
        return {
            c: (state, profile and json.loads(profile)) for c, _, state, _, profile in self._rows()
        }

    def view(self, now_us: int | Sequence[int], customers: Sequence[str] | None = None) -> View:
        """The customers (all, by name) as of an instant, or as of one each."""
        rows = self.states.rows(customers if customers is not None else sorted(self.states.row_of))
        instants = np.broadcast_to(np.asarray(now_us, np.int64), len(rows)).copy()
        return View(
            self.program,
            self.states.cells[rows],
            self.states.facts[rows],
            instants,
            self.states.risk[rows],
        )

    def evaluate(
        self, now_us: int | Sequence[int], customers: Sequence[str] | None = None
    ) -> Evaluation:
        return evaluate(self.view(now_us, customers))


def bits(found: Evaluation, row: int) -> bytes:
    """Everything that an evaluation says of one row, to the bit."""
    standing = found.flags
    arrays = (
        *(
            found.score,
            found.raw,
            found.coverage,
            found.cap,
            found.churned,
            found.slot_expiry_us,
            found.stages.stage,
            found.stages.change_us,
            found.weight,
            found.value,
        ),
        *(standing.holds, standing.onset_us, standing.change_us),
    )
    return b"|".join(np.ascontiguousarray(a[row]).tobytes() for a in arrays)


def flags(found: Evaluation, row: int = 0) -> set[str]:
    return {rule.name for f, rule in enumerate(CARD.flags) if found.flags.holds[row, f]}
