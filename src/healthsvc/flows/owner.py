"""What a worker holds of its partitions in memory: states, ids, offsets; folds what is read and hands out flushes.

It reads the database to load what it needs and never writes to it, but for claiming unseen customers. After any
error all of it is
dropped: the database is the truth.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core import decide, dedupe, facts, memory
from healthsvc.core.dedupe import IdWindow
from healthsvc.core.instants import SECOND_US, from_us, to_us
from healthsvc.core.states import Rows, States, Stored
from healthsvc.flows.flush import Flush, Rotated
from healthsvc.flows.ports import Chunk
from healthsvc.flows.verdicts import Judge
from healthsvc.store import archive, customers
from healthsvc.store import dedupe as stored_ids
from healthsvc.store import states as stored_states
from healthsvc.store.engine import AsyncEngine
from healthsvc.store.partitions import Move, Ownership
from healthsvc.store.set_aside import NewDeadLetter
from healthsvc.telemetry import EVENTS
from healthsvc.wire.decode import DecodedBatch, decode_batch
from healthsvc.wire.events import types_of
from healthsvc.wire.rejects import FieldError, Reject
from healthsvc.wire.scorecards import Compiled

IMPORT_QUIET_US: Final = 10 * SECOND_US
"""An import is over when no old event has come for so long …"""
IMPORT_LONGEST_US: Final = 900 * SECOND_US
"""… or has lasted so long that the customers waiting for its end are decided all the same, and again later."""
LETTER_BYTES: Final = 65_536
LETTERS_PER_FLUSH: Final = 200
"""Dead letters of one flush that keep their bytes; a flood keeps the first ones' and every one's reason."""
FOREIGN_REMEMBERED: Final = 200_000
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the owner may use and keep."""

    state_bytes: int = 768 << 20
    least_customers: int = 20_000
    """Customers that are kept in memory, whatever `state_bytes` says."""
    dedupe_bytes: int = 256 << 20
    dedupe_window: timedelta = timedelta(days=7)
    archive: bool = True


@dataclass(slots=True, kw_only=True)
class Held:
    """A partition in memory: where the database has it, and how far we have gone since."""

    ownership: Ownership
    table_offset: int
    kafka_offset: int
    applied: int
    ids: IdWindow
    as_of_us: int
    """Everything logged up to here has been read; decisions are made as of this instant."""
    through_us: dict[str, int] = field(default_factory=dict)
    """The same, by input."""
    seen_us: int = 0
    """When the newest record read here entered the log."""
    stored: tuple[int, int, int] = (0, 0, 0)
    import_since_us: int = 0
    import_until_us: int = 0
    """While old events keep coming, customers that have nothing newer wait for the end to be decided."""

    def importing(self, now_us: int) -> None:
        """An old event has come."""
        if now_us > self.import_until_us:
            self.import_since_us = now_us
        self.import_until_us = min(now_us + IMPORT_QUIET_US, self.import_since_us + IMPORT_LONGEST_US)

    def move(self, partition: int) -> Move:
        table, kafka, applied = self.stored
        return Move(
            partition=partition,
            epoch=self.ownership.epoch,
            table_from=table,
            table_to=self.table_offset,
            kafka_from=kafka,
            kafka_to=self.kafka_offset,
            applied_from=applied,
            applied_to=self.applied,
            read_through_at=from_us(self.as_of_us) if self.as_of_us else None,
        )


@dataclass(slots=True)
class Pending:
    """What was folded since the last flush."""

    events: int = 0
    records: int = 0
    touched: list[Rows] = field(default_factory=list)
    fired: list[Rows] = field(default_factory=list)
    moved: set[int] = field(default_factory=set)
    archived: list[archive.Events] = field(default_factory=list)
    letters: list[NewDeadLetter] = field(default_factory=list)
    handovers: list[tuple[int, str]] = field(default_factory=list)
    ids: dict[int, list[tuple[dedupe.Hours, dedupe.Digests]]] = field(default_factory=dict)
    oldest_logged_us: int = 0

    def __bool__(self) -> bool:
        return bool(self.moved or self.fired)


class Owner:
    """The memory of one worker, for one projection."""

    def __init__(
        self, engine: AsyncEngine, projection: int, version: int, compiled: Compiled, owner: str, limits: Limits
    ) -> None:
        self._engine = engine
        self._projection = projection
        self._owner = owner
        self._limits = limits
        capacity = max(limits.least_customers, limits.state_bytes // States.row_bytes(compiled.program))
        self.states = States(compiled.program, capacity)
        self._judge = Judge(self.states, projection, version)
        self.held: dict[int, Held] = {}
        self.pending = Pending()
        self._in_flight: Rows = np.zeros(0, np.int64)
        self._logged_us = np.zeros(capacity, np.int64)
        self._foreign: dict[str, int] = {}
        self._stamp = 0

    async def take(self, acquired: Mapping[int, Ownership], now: datetime) -> None:
        """Begin to own partitions: their ids are loaded, their customers come on demand."""
        self._foreign = {c: p for c, p in self._foreign.items() if p not in acquired}
        async with self._engine.connect() as conn:
            for partition, ownership in acquired.items():
                window = IdWindow()
                hours = await stored_ids.hours(conn, self._projection, partition)
                horizon = to_us(now - self._limits.dedupe_window)
                window.know_stored(
                    {h: dedupe.Stored(to_us(at), ids) for h, (at, ids) in hours.items() if to_us(at) >= horizon}
                )
                for row in await stored_ids.recent(conn, self._projection, partition):
                    window.restore(row.sequence, to_us(row.logged_at), *dedupe.unpack_recent(row.ids))
                through = ownership.read_through_at
                self.held[partition] = Held(
                    ownership=ownership,
                    table_offset=ownership.table_offset,
                    kafka_offset=ownership.kafka_offset,
                    applied=ownership.applied,
                    ids=window,
                    as_of_us=to_us(through) if through else 0,
                    stored=(ownership.table_offset, ownership.kafka_offset, ownership.applied),
                )

    def forget(self, partitions: Sequence[int]) -> None:
        """Stop owning partitions; nothing of theirs may be pending."""
        for partition in partitions:
            self.held.pop(partition, None)
            self.states.drop(np.flatnonzero(self.states.partition == partition).tolist())

    def forget_everything(self) -> None:
        """After an error: all memory is dropped, nothing is retried from it."""
        self.states.drop(list(self.states.row_of.values()))
        self._logged_us[:] = 0
        self.held.clear()
        self.pending = Pending()
        self._in_flight = np.zeros(0, np.int64)
        self._foreign.clear()

    def read_through(self, source: str, through: Mapping[int, int], assigned: Mapping[str, set[int]]) -> None:
        """An input has been read up to these instants (microseconds), by partition; `assigned`: partitions by input."""
        for partition, us in through.items():
            held = self.held.get(partition)
            if held is not None:
                held.through_us[source] = max(us, held.through_us.get(source, 0))
                inputs = [name for name, partitions in assigned.items() if partition in partitions]
                if inputs and all(name in held.through_us for name in inputs):
                    held.as_of_us = max(held.as_of_us, min(held.through_us[name] for name in inputs))

    def as_of(self) -> dict[int, datetime]:
        """Up to when each partition has been read; missing while unknown."""
        return {p: from_us(h.as_of_us) for p, h in self.held.items() if h.as_of_us}

    async def fold(
        self,
        source: str,
        topic: str,
        chunks: Sequence[Chunk],
        now: datetime,
        unfoldable: Mapping[tuple[str, int, int], str] | None = None,
    ) -> None:
        """Fold what one read gave: decode, find each customer's home, leave out what was counted, add the rest.

        Offsets move on in memory; the database follows with the flush. `unfoldable`: records, by (source, partition,
        position), that are known to break the folding; they are set aside.
        """
        now_us = to_us(now)
        values = [v for c in chunks for v in c.values]
        headers: list[Any] | None = None
        if any(c.headers is not None for c in chunks):
            headers = [h for c in chunks for h in (c.headers if c.headers is not None else [()] * len(c.values))]
        batch = decode_batch(values, now_us=now_us, headers=headers)
        if unfoldable:
            batch = _without(batch, source, chunks, unfoldable)
        read_in = np.repeat([c.partition for c in chunks], [len(c.values) for c in chunks])
        logged_us = (
            np.concatenate([np.asarray(c.logged_us, np.int64) for c in chunks]) if chunks else np.zeros(0, np.int64)
        )
        if batch.rejects:
            self._set_aside(source, topic, chunks, values, headers, batch)
        if batch.events:
            await self._fold_events(source, batch, read_in[batch.index], logged_us[batch.index], now)
        for chunk in chunks:
            held = self.held[chunk.partition]
            if source == "kafka":
                held.kafka_offset = chunk.next
            else:
                held.table_offset = chunk.next
            if len(chunk.values):
                held.seen_us = max(held.seen_us, int(max(chunk.logged_us)))
            self.pending.moved.add(chunk.partition)
        self.pending.records += len(values)
        if len(logged_us) and not self.pending.oldest_logged_us:
            self.pending.oldest_logged_us = int(logged_us.min())

    async def _fold_events(
        self, source: str, batch: DecodedBatch, read_in: Int64s, logged_us: Int64s, now: datetime
    ) -> None:
        ids = [e.customer_id for e in batch.events]
        rows = self.states.rows(ids)
        if (rows < 0).any():
            missing = np.flatnonzero(rows < 0)
            await self._bring(ids, rows, read_in)
            rows[missing] = self.states.rows([ids[i] for i in missing.tolist()])
        here = rows >= 0
        if not here.all():
            away = np.flatnonzero(~here).tolist()
            self.pending.handovers += [(self._foreign[ids[i]], batch.raws[i].decode()) for i in away]
            EVENTS.labels(source, "forwarded").inc(len(away))
        at = np.flatnonzero(here)
        if len(at):
            new = await self._new(batch, at, rows[at], to_us(now))
            EVENTS.labels(source, "duplicate").inc(len(at) - len(new))
            if len(new):
                self._count(source, batch, new, rows[new], logged_us[new], now)

    async def _bring(self, ids: Sequence[str], rows: Rows, read_in: Int64s) -> None:
        """Make every customer of the batch either resident or known to live elsewhere."""
        wanted: dict[str, int] = {}
        for i in np.flatnonzero(rows < 0).tolist():
            if ids[i] not in self._foreign:
                wanted.setdefault(ids[i], int(read_in[i]))
        if not wanted:
            return
        self._make_room(len(wanted), rows[rows >= 0])
        async with self._engine.begin() as conn:
            await conn.exec_driver_sql("select 1")
            found = await stored_states.by_ids(conn, self._projection, list(wanted))
        self._settle(found)
        unseen = wanted.keys() - {f.customer_id for f in found}
        if unseen:
            await self._claim([(c, wanted[c]) for c in wanted if c in unseen])

    def _settle(self, found: Sequence[stored_states.Found]) -> None:
        mine = [f for f in found if f.partition in self.held]
        self._remember_foreign({f.customer_id: f.partition for f in found if f.partition not in self.held})
        self.states.load(
            [
                Stored(
                    customer_id=f.customer_id,
                    key=f.key,
                    partition=f.partition,
                    state=f.state,
                    decision=f.decision,
                    profile=f.profile,
                )
                for f in mine
                if f.state is not None and f.decision is not None
            ]
        )
        self.states.admit([(f.customer_id, f.key, f.partition) for f in mine if f.state is None])

    async def _claim(self, wanted: Sequence[tuple[str, int]]) -> None:
        async with self._engine.begin() as conn:
            homes = await customers.claim(conn, wanted)
        mine = [(c, h.key, h.partition) for c, h in homes.items() if h.partition in self.held]
        self._remember_foreign({c: h.partition for c, h in homes.items() if h.partition not in self.held})
        self.states.admit(mine)

    def _remember_foreign(self, homes: Mapping[str, int]) -> None:
        if len(self._foreign) + len(homes) > FOREIGN_REMEMBERED:
            self._foreign.clear()
        self._foreign.update(homes)

    def _make_room(self, wanted: int, needed: Rows) -> None:
        if self.states.room() >= wanted:
            return
        keep = np.concatenate([needed, self._in_flight, *self.pending.touched, *self.pending.fired])
        count = max(wanted - self.states.room(), self.states.capacity // 20)
        self.states.drop(self.states.coldest(count, keep).tolist())

    async def _new(self, batch: DecodedBatch, at: Int64s, rows: Rows, now_us: int) -> Int64s:
        """The indices of `at` whose events weren't counted before, ascending."""
        hours = dedupe.hours_of(batch.occurred_us[at])
        digests = batch.digests[at]
        homes = self.states.partition[rows]
        fresh = np.zeros(len(at), bool)
        for partition in np.unique(homes).tolist():
            members = np.flatnonzero(homes == partition)
            window = self.held[partition].ids
            found = await self._in_stored_ids(partition, window, hours[members], digests[members])
            new = window.take(hours[members], digests[members], now_us, found)
            fresh[members] = new
            kept = members[new]
            if len(kept):
                self.pending.ids.setdefault(partition, []).append((hours[kept], digests[kept]))
                self.pending.moved.add(partition)
        return at[fresh]

    async def _in_stored_ids(
        self, partition: int, window: IdWindow, hours: dedupe.Hours, digests: dedupe.Digests
    ) -> NDArray[np.bool_] | None:
        """Which ids stand in the buckets of their hours, which are loaded as the budget allows; None: all are in
        memory."""
        budget = self._id_budget()
        groups = window.missing(hours, budget)
        if not groups:
            return None
        found = window.found(hours, digests)
        for group in groups:
            window.make_room(group, budget)
            async with self._engine.connect() as conn:
                stored = await stored_ids.buckets(conn, self._projection, partition, group)
            for hour in group:
                window.load(hour, dedupe.unpack_bucket(stored.get(hour, b"")))
            found |= window.found(hours, digests)
        return found

    def _id_budget(self) -> int:
        """Bytes for the ids of one partition."""
        return self._limits.dedupe_bytes // max(1, len(self.held))

    def _count(
        self, source: str, batch: DecodedBatch, new: Int64s, rows: Rows, logged_us: Int64s, now: datetime
    ) -> None:
        states, everything = self.states, len(new) == len(batch.events)
        events = batch.events if everything else [batch.events[i] for i in new.tolist()]
        raws = batch.raws if everything else [batch.raws[i] for i in new.tolist()]
        occurred_us = batch.occurred_us[new]
        ties = (batch.digests[new, 0] >> np.uint64(11)).astype(np.float64)
        states.fold(rows, types_of(events), events, occurred_us, ties)
        self._stamp += 1
        states.touched_at[rows] = self._stamp
        np.maximum.at(self._logged_us, rows, logged_us)
        self.pending.touched.append(np.unique(rows))
        self.pending.events += len(new)
        sequences = self._number(states.partition[rows])
        if self._limits.archive:
            homes = states.partition[rows]
            day = now.astimezone(UTC).date()
            self.pending.archived.append(archive.Events(day, states.key[rows], occurred_us, homes, sequences, raws))
        EVENTS.labels(source, "applied").inc(len(new))

    def _number(self, homes: NDArray[np.int32]) -> Int64s:
        """The place of each event in its partition's fold order."""
        sequences = np.empty(len(homes), np.int64)
        for partition in np.unique(homes).tolist():
            held, members = self.held[partition], np.flatnonzero(homes == partition)
            sequences[members] = held.applied + np.arange(len(members))
            held.applied += len(members)
        return sequences

    def _set_aside(
        self,
        source: str,
        topic: str,
        chunks: Sequence[Chunk],
        values: Sequence[bytes],
        headers: list[Any] | None,
        batch: DecodedBatch,
    ) -> None:
        where = [(c.partition, c.position(i)) for c in chunks for i in range(len(c.values))]
        for reject in batch.rejects:
            partition, position = where[reject.index]
            value = values[reject.index]
            keep = len(self.pending.letters) < LETTERS_PER_FLUSH and len(value) <= LETTER_BYTES
            kept_headers = (
                {k: v.decode("utf-8", "backslashreplace").replace("\0", "\\0") for k, v in headers[reject.index]}
                if headers
                else {}
            )
            self.pending.letters.append(
                NewDeadLetter(
                    origin=source,
                    topic=topic,
                    partition=partition,
                    position=position,
                    raw=value if keep else None,
                    raw_bytes=len(value),
                    headers=json.dumps(kept_headers),
                    reason=reject.reason,
                    errors=json.dumps([{"pointer": e.pointer, "detail": e.detail} for e in reject.errors]),
                )
            )
        EVENTS.labels(source, "rejected").inc(len(batch.rejects))

    async def fire(self, keys: Sequence[int]) -> None:
        """Bring the customers of due timers into memory and have them decided by the next flush."""
        resident = np.flatnonzero(np.isin(self.states.key, np.array(keys, np.int64)) & (self.states.partition >= 0))
        rows: list[int] = resident.tolist()
        absent = list(set(keys) - set(self.states.key[resident].tolist()))
        if absent:
            self._make_room(len(absent), np.array(rows, np.int64))
            async with self._engine.begin() as conn:
                await conn.exec_driver_sql("select 1")
                found = await stored_states.by_keys(conn, self._projection, absent)
            self._settle(found)
            rows += [row for f in found if (row := self.states.row_of.get(f.customer_id)) is not None]
        if rows:
            fired = np.array(sorted(rows), np.int64)
            self.pending.fired.append(fired)
            self.pending.moved.update(np.unique(self.states.partition[fired]).tolist())

    def flush(self, now: datetime) -> Flush:
        """Decide what is pending and encode it; the pending is empty afterwards, and folding may go on."""
        pending, self.pending = self.pending, Pending()
        none = np.zeros(0, np.int64)
        fired = np.unique(np.concatenate(pending.fired)) if pending.fired else none
        rows = np.unique(np.concatenate([*pending.touched, fired])) if pending.touched or pending.fired else none
        flush = Flush(
            projection=self._projection,
            owner=self._owner,
            moves=[self.held[p].move(p) for p in sorted(pending.moved)],
            archive=archive.blocks(pending.archived),
            letters=pending.letters,
            handovers=pending.handovers,
            events=pending.events,
        )
        self._write_ids(flush, pending, now)
        if len(rows):
            self._decide(flush, rows, fired, now)
            self._encode(flush, rows)
        self._in_flight = rows
        for partition in pending.moved:
            held = self.held[partition]
            held.stored = (held.table_offset, held.kafka_offset, held.applied)
        return flush

    def flushed(self) -> None:
        """The last flush is committed."""
        self._in_flight = np.zeros(0, np.int64)
        for held in self.held.values():
            held.ids.shrink(self._id_budget())

    def _decide(self, flush: Flush, rows: Rows, fired: Rows, now: datetime) -> None:
        as_of = np.zeros(max(self.held) + 1, np.int64)
        for partition, held in self.held.items():
            as_of[partition] = held.as_of_us or min(held.seen_us, to_us(now)) or to_us(now)
        now_us = as_of[self.states.partition[rows]]
        old = self.states.facts[rows, facts.LAST_SEEN] < now_us - decide.ALERT_MAX_AGE_US
        postponed = self._postpone(flush, rows, old, fired, to_us(now))
        ready = rows[~postponed]
        if len(ready):
            flush.verdicts.append(self._judge.decide(ready, now_us[~postponed], self._logged_us[ready]))
            self._logged_us[ready] = 0
        ended = {key for v in flush.verdicts for key, _, _ in v.ended}
        if ended:
            sequence = self.states.memory[ready, memory.SEQUENCE].astype(np.int64)
            flush.sequences = {
                k: s for k, s in zip(self.states.key[ready].tolist(), sequence.tolist(), strict=True) if k in ended
            }

    def _postpone(
        self, flush: Flush, rows: Rows, old: NDArray[np.bool_], fired: Rows, now_us: int
    ) -> NDArray[np.bool_]:
        """Which rows wait while history is imported: what it touches of customers that have nothing newer, and what
        it began."""
        homes = self.states.partition[rows]
        touched = old & ~np.isin(rows, fired)
        waiting = touched | (old & (self.states.memory[rows, memory.DECIDED] == 0))
        postponed = np.zeros(len(rows), bool)
        for partition in np.unique(homes[waiting]).tolist():
            held, here = self.held[partition], waiting & (homes == partition)
            if (touched & here).any():
                held.importing(now_us)
            if held.import_until_us > now_us:
                postponed |= here
                flush.verdicts.append(self._judge.postpone(rows[here], held.import_until_us, now_us))
        return postponed

    def _encode(self, flush: Flush, rows: Rows) -> None:
        states = self.states
        packed, decisions = states.pack(rows), states.pack_memory(rows)
        keys, partitions, stored = (
            states.key[rows].tolist(),
            states.partition[rows].tolist(),
            states.stored[rows].tolist(),
        )
        changed = states.profile_changed
        profiles = {row: states.profile_json(row) for row in changed}
        for row, key, partition, state, decision, known in zip(
            rows.tolist(), keys, partitions, packed, decisions, stored, strict=True
        ):
            encoded = stored_states.Row(self._projection, key, partition, state, decision, profiles.get(row))
            (flush.changed if known else flush.fresh).append(encoded)
        states.stored[rows] = True
        changed.clear()

    def _write_ids(self, flush: Flush, pending: Pending, now: datetime) -> None:
        """Ids of the flush, and, where a generation is full or old, its rotation. `sequence` is the partition's
        applied count."""
        for partition, parts in pending.ids.items():
            held = self.held[partition]
            hours = np.concatenate([h for h, _ in parts])
            digests = np.concatenate([d for _, d in parts])
            packed = dedupe.pack_recent(hours, digests)
            flush.recent_ids.append(
                stored_ids.RecentIds(partition=partition, sequence=held.applied, logged_at=now, ids=packed)
            )
            if held.ids.due(to_us(now), self._generation_ids()):
                self._rotate(flush, partition, held, now)

    def _generation_ids(self) -> int:
        """Two generations take at most half of the budget."""
        return min(dedupe.GENERATION_IDS, max(1, self._id_budget() // (4 * dedupe.ID_BYTES)))

    def _rotate(self, flush: Flush, partition: int, held: Held, now: datetime) -> None:
        rotation = held.ids.rotate(held.applied, to_us(now))
        horizon = now - self._limits.dedupe_window
        held.ids.forget_before(to_us(horizon))
        if rotation is None:
            return
        newest = from_us(rotation.newest_us)
        buckets = [
            stored_ids.BucketIds(
                partition=partition,
                hour=hour,
                sequence=rotation.sequence,
                logged_at=newest,
                ids=dedupe.pack_bucket(digests),
            )
            for hour, digests in rotation.buckets
        ]
        flush.rotated.append(
            Rotated(partition=partition, sequence=rotation.sequence, buckets=buckets, forget_before=horizon)
        )


def _without(
    batch: DecodedBatch, source: str, chunks: Sequence[Chunk], unfoldable: Mapping[tuple[str, int, int], str]
) -> DecodedBatch:
    """The batch with the records that break the folding among its rejects."""
    where = [(source, c.partition, c.position(i)) for c in chunks for i in range(len(c.values))]
    broken = [i for i in batch.index if where[i] in unfoldable]
    if not broken:
        return batch
    kept = [n for n, i in enumerate(batch.index) if where[i] not in unfoldable]
    rejects = [
        Reject(index=i, reason="unfoldable", errors=[FieldError(pointer="", detail=unfoldable[where[i]])])
        for i in broken
    ]
    return DecodedBatch(
        events=[batch.events[n] for n in kept],
        index=[batch.index[n] for n in kept],
        raws=[batch.raws[n] for n in kept],
        occurred_us=batch.occurred_us[kept],
        digests=batch.digests[kept],
        rejects=[*batch.rejects, *rejects],
    )
