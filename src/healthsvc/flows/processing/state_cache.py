"""Which customers are in memory: brought in when an event or a timer needs them, let go when others
need the room."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from healthsvc.core.arrays import Rows
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import StoredMany
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import customer_homes
from healthsvc.store.processing import states as stored

FOREIGN_REMEMBERED: Final = 200_000


class StateCache:
    """The customers of the partitions `held` (a live view) in `states`, and the homes of others
    that were met."""

    def __init__(
        self, engine: AsyncEngine, projection: int, states: States, owned: Mapping[int, object]
    ) -> None:
        self._engine, self._projection, self._states, self._owned = (
            engine,
            projection,
            states,
            owned,
        )
        self._foreign: dict[str, int] = {}

    def home(self, customer_id: str) -> int:
        """The home of a customer that `bring` found to live elsewhere."""
        return self._foreign[customer_id]

    def forget_homes(self, partitions: Mapping[int, object] | None = None) -> None:
        """Forget who lives in these partitions, which are ours now; or everybody."""
        self._foreign = {
            c: p for c, p in self._foreign.items() if partitions is not None and p not in partitions
        }

    async def bring(self, ids: Sequence[str], rows: Rows, read_in: Rows, keep: Rows) -> None:
        """Make every customer of a batch either resident or known to live elsewhere.

        rows: -1 where it isn't resident; read_in: the partition each event was read in, which an
        unseen customer gets as its home; keep: rows that must stay.
        """
        if len(self._foreign) > FOREIGN_REMEMBERED:
            self._foreign = {}
        missing: dict[str, int] = {}
        for i in np.flatnonzero(rows < 0).tolist():
            if ids[i] not in self._foreign:
                missing.setdefault(ids[i], int(read_in[i]))
        if not missing:
            return
        self._make_room(len(missing), np.concatenate([keep, rows[rows >= 0]]))
        async with self._engine.connect() as conn:
            stored_states = await stored.many_by_ids(conn, self._projection, list(missing))
        self._settle(stored_states)
        unseen = missing.keys() - set(stored_states.customer_ids)
        if unseen:
            await self._claim([(c, missing[c]) for c in missing if c in unseen])

    async def bring_keys(self, keys: Sequence[int], keep: Rows) -> Rows:
        """Rows of the customers with these keys, ascending; those that aren't ours are left out."""
        states = self._states
        resident = np.flatnonzero(
            np.isin(states.key, np.array(keys, np.int64)) & (states.partition >= 0)
        )
        rows: list[int] = resident.tolist()
        absent = list(set(keys) - set(states.key[resident].tolist()))
        if absent:
            self._make_room(len(absent), np.concatenate([keep, resident]))
            async with self._engine.connect() as conn:
                stored_states = await stored.many_by_keys(conn, self._projection, absent)
            self._settle(stored_states)
            rows += [
                row for c in stored_states.customer_ids if (row := states.row_of.get(c)) is not None
            ]
        return np.array(sorted(rows), np.int64)

    def _settle(self, loaded: StoredMany) -> None:
        ours = np.isin(loaded.partitions, list(self._owned))
        self._states.load_many(loaded.only(ours))
        if not ours.all():
            away = loaded.only(~ours)
            self._remember(dict(zip(away.customer_ids, away.partitions.tolist(), strict=True)))

    async def _claim(self, unknown: Sequence[tuple[str, int]]) -> None:
        async with self._engine.begin() as conn:
            homes = await customer_homes.claim(conn, unknown, all_unseen=True)
        self._remember({c: h.partition for c, h in homes.items() if h.partition not in self._owned})
        self._states.admit(
            [(c, h.key, h.partition) for c, h in homes.items() if h.partition in self._owned]
        )

    def _remember(self, homes: Mapping[str, int]) -> None:
        self._foreign.update(homes)

    def _make_room(self, needed: int, keep: Rows) -> None:
        if self._states.room() < needed:
            count = max(needed - self._states.room(), self._states.capacity // 20)
            self._states.drop(self._states.coldest(count, keep).tolist())
