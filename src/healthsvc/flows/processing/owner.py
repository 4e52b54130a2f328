"""What a worker holds of its partitions in memory: states, ids, offsets; folds what is read and
hands out flushes.

It reads the database to load what it needs and never writes to it, but for claiming unseen
customers. After any error all of it is dropped: the database is the truth.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Digests, Hours, Rows
from healthsvc.core.folding import dedupe
from healthsvc.core.folding.dedupe import IdWindow
from healthsvc.core.folding.states import States
from healthsvc.core.folding.ties import tie_breakers
from healthsvc.core.instants import from_us, to_us
from healthsvc.flows.processing.decode import Decoded, decode
from healthsvc.flows.processing.faults.unreadable_ranges import (
    unreadable_letter,
    unreadable_trouble,
)
from healthsvc.flows.processing.flush import Flush
from healthsvc.flows.processing.flush_builder import FlushBuilder
from healthsvc.flows.processing.owned_partition import MemoryLimits, OwnedPartition, Pending
from healthsvc.flows.processing.ports import Chunk
from healthsvc.flows.processing.state_cache import StateCache
from healthsvc.flows.processing.traffic import Traffic
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.processing import archive
from healthsvc.store.processing import dedupe as stored_ids
from healthsvc.store.processing.arena import Arena
from healthsvc.store.processing.dead_letter_writes import NewDeadLetter
from healthsvc.store.processing.partitions import Ownership
from healthsvc.telemetry import EVENTS, UNKNOWN_PAGES
from healthsvc.wire.events.dead_letter_text import errors_json, headers_json
from healthsvc.wire.events.named_customer import customer_of
from healthsvc.wire.scorecards.document import Compiled

LETTER_BYTES: Final = 65_536
LETTERS_PER_FLUSH: Final = 200
"""Dead letters of one flush that keep their bytes; a flood keeps the first ones' and every one's
reason."""
SENT_BYTES: Final = 1_400
"""Of a flush for each of its customers: a state, and two events for the archive."""
Int64s = NDArray[np.int64]


class Owner:
    """The memory of one worker, for one projection."""

    def __init__(
        self,
        engine: AsyncEngine,
        projection: int,
        version: int,
        compiled: Compiled,
        owner: str,
        limits: MemoryLimits,
    ) -> None:
        self._engine = engine
        self._projection = projection
        self._limits = limits
        capacity = limits.customers(States.row_bytes(compiled.program))
        self.states = States(compiled.program, capacity)
        self.owned: dict[int, OwnedPartition] = {}
        self.pending = Pending()
        self._spare = Arena()
        self.traffic = Traffic()
        self._in_flight: Rows = np.zeros(0, np.int64)
        self._logged_us = np.zeros(capacity, np.int64)
        self._state_cache = StateCache(engine, projection, self.states, self.owned)
        self._flush_builder = FlushBuilder(
            self.states,
            self.owned,
            self._logged_us,
            projection=projection,
            version=version,
            owner=owner,
            limits=limits,
        )
        self._stamp = self._cut_stamp = 0
        self.others_us: int | None = None
        """Up to when all partitions have been read, by whomever; None: events come to their homes
        alone."""

    def preallocate(self, fleet: int, flushed_at_once: int) -> None:
        """Have the memory before the work: for the customers of a flush and for as many that are
        folded meanwhile, and for what two flushes send."""
        self.states.preallocate(min(fleet, 2 * flushed_at_once))
        for arena in (self.pending.arena, self._spare):
            arena.preallocate(min(fleet, flushed_at_once) * SENT_BYTES)

    async def take(self, acquired: Mapping[int, Ownership], now: datetime) -> None:
        """Begin to own partitions: their ids are loaded, their customers come on demand."""
        self._state_cache.forget_homes(acquired)
        async with self._engine.connect() as conn:
            for partition, ownership in acquired.items():
                window = IdWindow()
                hours = await stored_ids.hours(conn, self._projection, partition)
                horizon = to_us(now - self._limits.dedupe_window)
                window.know_stored(
                    {
                        h: dedupe.StoredBucket(to_us(at), ids)
                        for h, (at, ids) in hours.items()
                        if to_us(at) >= horizon
                    }
                )
                for row in await stored_ids.recent(conn, self._projection, partition):
                    window.restore(
                        row.sequence, to_us(row.logged_at), *dedupe.unpack_recent(row.ids)
                    )
                through = ownership.read_through_at
                self.owned[partition] = OwnedPartition(
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
            self.owned.pop(partition, None)
            self.states.drop(np.flatnonzero(self.states.partition == partition).tolist())

    def forget_everything(self) -> None:
        """After an error: all memory is dropped, nothing is retried from it."""
        self.states.drop(list(self.states.row_of.values()))
        self._logged_us[:] = 0
        self.owned.clear()
        self.pending.arena.let_go()
        self.pending, self._cut_stamp = Pending(self.pending.arena), self._stamp
        self.traffic.take()  # what wasn't told of it is read again
        self._in_flight = np.zeros(0, np.int64)
        self._state_cache.forget_homes()

    def read_through(
        self, source: str, through: Mapping[int, int], assigned: Mapping[str, set[int]]
    ) -> None:
        """An input has been read up to these instants (microseconds), by partition; `assigned`:
        partitions by input."""
        for partition, us in through.items():
            owned = self.owned.get(partition)
            if owned is not None:
                owned.through_us[source] = max(us, owned.through_us.get(source, 0))
                inputs = [name for name, partitions in assigned.items() if partition in partitions]
                if inputs and all(name in owned.through_us for name in inputs):
                    owned.as_of_us = max(
                        owned.as_of_us, min(owned.through_us[name] for name in inputs)
                    )

    def as_of(self) -> dict[int, datetime]:
        """Up to when each partition has been read; missing while unknown."""
        return {p: from_us(h.as_of_us) for p, h in self.owned.items() if h.as_of_us}

    def timers_as_of(self) -> dict[int, datetime]:
        """Up to when absence can be decided in each partition: until then, all partitions have been
        read as well."""
        bounds = {
            p: h.as_of_us if self.others_us is None else min(h.as_of_us, self.others_us)
            for p, h in self.owned.items()
        }
        return {p: from_us(us) for p, us in bounds.items() if us}

    async def fold(
        self,
        source: str,
        topic: str,
        chunks: Sequence[Chunk],
        now: datetime,
    ) -> None:
        """Fold what one read gave: decode, find each customer's home, leave out what was counted,
        add the rest.

        Offsets move on in memory; the database follows with the flush.
        """
        now_us = to_us(now)
        values = [v for c in chunks for v in c.values]
        headers: list[Any] | None = None
        if any(c.headers is not None for c in chunks):
            headers = [
                h
                for c in chunks
                for h in (c.headers if c.headers is not None else [()] * len(c.values))
            ]
        batch = decode(
            self.states.program, values, headers, now_us, self.states.rows, is_intake=True
        )
        UNKNOWN_PAGES.inc(self.states.program.take_unknown_pages())
        read_in = np.repeat([c.partition for c in chunks], [len(c.values) for c in chunks])
        logged_us = (
            np.concatenate([np.asarray(c.logged_us, np.int64) for c in chunks])
            if chunks
            else np.zeros(0, np.int64)
        )
        if batch.rejects:
            self._set_aside(source, topic, chunks, values, headers, batch)
        for chunk in chunks:
            if chunk.unreadable:
                self._set_unreadable_aside(source, topic, chunk, now)
        if batch.index:
            await self._fold_events(
                source, batch, read_in[batch.index], logged_us[batch.index], now
            )
        for chunk in chunks:
            owned = self.owned[chunk.partition]
            if source == "kafka":
                owned.kafka_offset = chunk.next
            else:
                owned.table_offset = chunk.next
            if len(chunk.values):
                owned.seen_us = max(owned.seen_us, int(chunk.logged_us.max()))
            self.pending.advanced.add(chunk.partition)
        self.pending.records += len(values)
        if len(logged_us) and not self.pending.oldest_logged_us:
            self.pending.oldest_logged_us = int(logged_us.min())

    async def _fold_events(
        self, source: str, batch: Decoded, read_in: Int64s, logged_us: Int64s, now: datetime
    ) -> None:
        ids, rows = batch.customer_ids, batch.rows
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            await self._state_cache.bring(ids, rows, read_in, self._needed())
            rows[missing] = self.states.rows([ids[i] for i in missing.tolist()])
        here = rows >= 0
        if not here.all():
            away = np.flatnonzero(~here).tolist()
            self.pending.forwarded += [
                (self._state_cache.home(ids[i]), batch.raws[i].decode()) for i in away
            ]
            EVENTS.labels(source, "forwarded").inc(len(away))
        at = np.flatnonzero(here)
        if len(at):
            new = await self._new(batch, at, rows[at], to_us(now))
            EVENTS.labels(source, "duplicate").inc(len(at) - len(new))
            if len(new):
                self._count(source, batch, new, rows[new], logged_us[new], now)

    def _needed(self) -> Rows:
        """Rows that hold what isn't committed yet."""
        return np.concatenate([self._in_flight, *self.pending.folded, *self.pending.fired])

    async def _new(self, batch: Decoded, at: Int64s, rows: Rows, now_us: int) -> Int64s:
        """The indices of `at` whose events weren't counted before, ascending."""
        hours = dedupe.hours_of(batch.occurred_us[at])
        digests = batch.digests[at]
        homes = self.states.partition[rows]
        fresh = np.zeros(len(at), bool)
        for partition in np.unique(homes).tolist():
            members = np.flatnonzero(homes == partition)
            window = self.owned[partition].ids
            stored = await self._in_stored_ids(partition, window, hours[members], digests[members])
            new = window.take(hours[members], digests[members], now_us, stored)
            fresh[members] = new
            fresh_members = members[new]
            if len(fresh_members):
                self.pending.ids.setdefault(partition, []).append(
                    (hours[fresh_members], digests[fresh_members])
                )
                self.pending.advanced.add(partition)
        return at[fresh]

    async def _in_stored_ids(
        self, partition: int, window: IdWindow, hours: Hours, digests: Digests
    ) -> NDArray[np.bool_] | None:
        """Which ids stand in the buckets of their hours, which are loaded as the budget allows;
        None: all are in memory."""
        budget = self._limits.id_bytes(len(self.owned))
        groups = window.missing(hours, budget)
        if not groups:
            return None
        matches = window.in_loaded_buckets(hours, digests)
        for group in groups:
            window.make_room(group, budget)
            async with self._engine.connect() as conn:
                stored = await stored_ids.buckets(conn, self._projection, partition, group)
            for hour in group:
                window.load(hour, dedupe.unpack_bucket(stored.get(hour, b"")))
            matches |= window.in_loaded_buckets(hours, digests)
        return matches

    def _count(
        self, source: str, batch: Decoded, new: Int64s, rows: Rows, logged_us: Int64s, now: datetime
    ) -> None:
        states, extract, raws = self.states, batch.extract, batch.raws
        if len(new) < len(batch.index):
            extract, raws = extract.take(new), [raws[i] for i in new.tolist()]
        occurred_us = batch.occurred_us[new]
        digests = batch.digests[new]
        ties = tie_breakers(digests)
        states.fold(rows, extract, occurred_us, ties)
        self.traffic.note(
            logged_us,
            occurred_us,
            digests,
            raws,
            lambda i: states.profile_field(int(rows[i]), "segment"),
        )
        np.maximum.at(self._logged_us, rows, logged_us)
        self.pending.folded.append(self._touch(rows))
        self.pending.events += len(new)
        sequences = self._number(states.partition[rows])
        if self._limits.archive:
            homes = states.partition[rows]
            day = now.astimezone(UTC).date()
            encoded = archive.rows(states.key[rows], occurred_us, homes, sequences, raws)
            self.pending.archived.setdefault(day, []).extend(map(self.pending.arena.keep, encoded))
        EVENTS.labels(source, "applied").inc(len(new))

    def _touch(self, rows: Rows) -> Rows:
        """Stamp the customers of events that were folded; answers each once, by its last event."""
        stamps, before = self._stamp + np.arange(1, len(rows) + 1), self.states.touched_at[rows]
        self._stamp += len(rows)
        self.states.touched_at[rows] = stamps
        last = self.states.touched_at[rows] == stamps
        self.pending.customers += int(np.count_nonzero(last & (before <= self._cut_stamp)))
        once: Rows = rows[last]
        return once

    def _number(self, homes: NDArray[np.int32]) -> Int64s:
        """The place of each event in its partition's fold order."""
        sequences = np.empty(len(homes), np.int64)
        for partition in np.unique(homes).tolist():
            owned, members = self.owned[partition], np.flatnonzero(homes == partition)
            sequences[members] = owned.applied + np.arange(len(members))
            owned.applied += len(members)
        return sequences

    def _set_aside(
        self,
        source: str,
        topic: str,
        chunks: Sequence[Chunk],
        values: Sequence[bytes],
        headers: list[Any] | None,
        batch: Decoded,
    ) -> None:
        where = [(c.partition, c.position(i)) for c in chunks for i in range(len(c.values))]
        for reject in batch.rejects:
            partition, position = where[reject.index]
            value = values[reject.index]
            keep = len(self.pending.letters) < LETTERS_PER_FLUSH and len(value) <= LETTER_BYTES
            of_record = headers[reject.index] if headers else None
            self.pending.letters.append(
                NewDeadLetter(
                    origin=source,
                    topic=topic,
                    partition=partition,
                    position=position,
                    raw=value if keep else None,
                    raw_bytes=len(value),
                    headers=headers_json(of_record),
                    reason=reject.reason,
                    customer_id=customer_of(value, of_record),
                    errors=errors_json((e.pointer, e.detail) for e in reject.errors),
                )
            )
        EVENTS.labels(source, "rejected").inc(len(batch.rejects))

    def _set_unreadable_aside(self, source: str, topic: str, chunk: Chunk, now: datetime) -> None:
        """Turn unreadable records into one dead letter a range, and an alert for the operator."""
        for lost in chunk.unreadable:
            self.pending.letters.append(unreadable_letter(source, topic, chunk.partition, lost))
        self.pending.troubles.append(
            unreadable_trouble(source, topic, chunk.partition, chunk.unreadable, now)
        )
        EVENTS.labels(source, "rejected").inc(len(chunk.unreadable))

    async def fire(self, keys: Sequence[int]) -> None:
        """Bring the customers of due timers into memory and have them decided by the next flush."""
        rows = await self._state_cache.bring_keys(keys, self._needed())
        if len(rows):
            self.pending.fired.append(rows)
            self.pending.advanced.update(np.unique(self.states.partition[rows]).tolist())

    def flush(self, now: datetime) -> Flush:
        """Decide what is pending and encode it; the pending is empty afterwards, and folding may go
        on."""
        pending, self._cut_stamp = self.pending, self._stamp
        self._spare.let_go()  # the flush before is written
        self.pending, self._spare = Pending(self._spare), pending.arena
        self._in_flight = pending.rows()
        return self._flush_builder.prepare_flush(pending, self._in_flight, now, self.others_us)

    def keys_in_flight(self) -> list[int]:
        """The customers that the last flush writes."""
        keys: list[int] = self.states.key[self._in_flight].tolist()
        return keys

    def flushed(self) -> None:
        """The last flush is committed."""
        self._in_flight = np.zeros(0, np.int64)
        for owned in self.owned.values():
            owned.ids.shrink(self._limits.id_bytes(len(self.owned)))
