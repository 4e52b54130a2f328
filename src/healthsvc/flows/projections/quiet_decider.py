"""Decides the customers of a projection under construction quietly: no history, no alerts, no
changes for anybody."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np

from healthsvc.core.arrays import Instants, Rows
from healthsvc.core.decisions import cutover
from healthsvc.core.folding import decision_state
from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.instants import to_us
from healthsvc.core.scorecard.model import Scorecard
from healthsvc.flows.processing.decisions.decider import Decider
from healthsvc.flows.projections.projection_fold import ProjectionFold
from healthsvc.store.database.copying import Block
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.processing import timers
from healthsvc.store.processing.decisions import write_standings
from healthsvc.store.projections import building
from healthsvc.store.projections.building import Reached
from healthsvc.store.projections.publications import Building


class QuietDecider:
    """Carries the live projection's decisions over, and decides anew what the new scorecard or
    later events change."""

    def __init__(
        self,
        building: Building,
        fold: ProjectionFold,
        cards: tuple[Scorecard, Scorecard],
        now: Callable[[], datetime],
    ) -> None:
        """cards: the new one and the live one."""
        self._building, self._fold, self._now = building, fold, now
        self.card, self._old_card = cards
        self._same = building.document == building.live_document
        self._decider = Decider(fold.states, building.id, building.version, announces=False)
        self.is_shadow = building.reason == "shadow"
        """While it is one, it continues its own decisions."""

    async def decide_keys(
        self, conn: AsyncConnection, keys: Sequence[int], reached: dict[int, Reached]
    ) -> None:
        if keys:
            rows = await self._fold.bring(keys)
            await self.decide(conn, rows, reached)
            await self._fold.write(conn, rows)

    async def decide_overtaken(self, conn: AsyncConnection, reached: dict[int, Reached]) -> None:
        """Decide the customers whose timer is due, and those that the live projection has decided
        since."""
        as_of = {p: r.read_through_at for p, r in reached.items() if r.read_through_at is not None}
        most = self._fold.states.capacity // 4
        keys = await building.overtaken(conn, self._building.id, self._building.live, as_of, most)
        await self.decide_keys(conn, sorted(keys), reached)

    async def decide(self, conn: AsyncConnection, rows: Rows, reached: dict[int, Reached]) -> None:
        """Decide quietly: memory, standings and timers; no history, no alerts, no changes.

        Customers that the live projection hasn't decided yet (they wait for the end of an import)
        go on waiting.
        """
        remembered = await self._remembered(conn, rows)
        waiting = remembered.decided_us == 0
        self._fold.states.decisions.put(rows[waiting], remembered.take(waiting))
        await timers.write(conn, self._waits(rows[waiting]))
        rows, remembered = rows[~waiting], remembered.take(~waiting)
        if not len(rows):
            return
        through_us = self._through_us(reached)[self._fold.states.partition[rows]]
        as_of = cutover.decided_as_of(remembered, through_us, same_document=self._same)
        own = self._fold.states.decisions.take(rows)
        continued = self.is_shadow & (own.decided_us > 0)  # a shadow goes on by its own decisions
        carried = cutover.carry_over(remembered, same_document=self._same)
        self._fold.states.decisions.put(
            rows, decision_state.select(continued, cutover.continue_shadow(own), carried)
        )
        decision_rows = self._decider.decide(rows, as_of, np.zeros(len(rows), np.int64))
        after = self._fold.states.decisions.take(rows[~continued])
        cutover.keep_since(self._old_card, self.card, remembered.take(~continued), after)
        self._fold.states.decisions.put(rows[~continued], after)
        await write_standings(conn, decision_rows.standings, decision_rows.moves)
        await timers.delete(conn, self._building.id, self._fold.states.key[rows].tolist())
        await timers.write(conn, decision_rows.timers)

    async def _remembered(self, conn: AsyncConnection, rows: Rows) -> DecisionStates:
        keys: list[int] = self._fold.states.key[rows].tolist()
        stored = await building.decisions(conn, self._building.live, keys)
        return DecisionStates.of_any_version([stored.get(key, b"") for key in keys])

    def _waits(self, rows: Rows) -> Block:
        """Timers of these rows at the instants at which the live projection would decide them."""
        if not len(rows):
            return []
        due = self._fold.states.decisions.due[rows]
        due = np.where(np.isfinite(due), due, float(to_us(self._now())))
        self._fold.states.decisions.due[rows] = due
        return timers.rows(
            self._building.id,
            self._fold.states.key[rows],
            self._fold.states.partition[rows],
            due.astype(np.int64),
        )

    def _through_us(self, reached: dict[int, Reached]) -> Instants:
        """By partition: up to when everything logged has been read; now where that is unknown."""
        now_us = to_us(self._now())
        through = np.full(max(reached, default=0) + 1, now_us, np.int64)
        for partition, r in reached.items():
            if r.read_through_at is not None:
                through[partition] = min(to_us(r.read_through_at), now_us)
        return through
