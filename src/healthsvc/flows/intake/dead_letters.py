"""Dead letters' second chance: decoded anew, and appended to the log in the transaction that marks
them as replayed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from healthsvc.core.actors import Actor
from healthsvc.core.instants import to_us
from healthsvc.flows.intake.append import Position, append_within
from healthsvc.store.admin import audit
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.intake import dead_letters
from healthsvc.store.intake.dead_letters import DeadLetter
from healthsvc.wire.events.dead_letter_text import headers_of
from healthsvc.wire.events.decode import DecodedBatch, FieldError, decode_batch

AT_ONCE: Final = 500
NOT_KEPT: Final = FieldError("", "its bytes weren't kept: send the corrected event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of one letter."""

    id: int
    status: Literal["replayed", "already_replayed", "rejected", "not_found"]
    event_id: str | None = None
    errors: Sequence[FieldError] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterReplay:
    """What became of each letter, where the events stand, and the letter behind which more of them
    wait."""

    results: list[Replayed]
    positions: list[Position]
    next_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterSelection:
    """Which letters: by id, by reason, or both; those behind the letter `after`."""

    ids: Sequence[int] | None = None
    reason: str | None = None
    after: int = 0


async def find(engine: AsyncEngine, letter_id: int) -> DeadLetter | None:
    """One dead letter."""
    async with engine.connect() as conn:
        return await dead_letters.get(conn, letter_id)


async def replay_one(
    engine: AsyncEngine,
    now: datetime,
    letter_id: int,
    corrected: bytes | None,
    *,
    partitions: int,
    actor: Actor,
) -> DeadLetterReplay:
    """Replay one letter, or the corrected event in its place."""
    async with engine.begin() as conn:
        letters = await dead_letters.lock(conn, [letter_id])
        return await _replay(conn, now, [letter_id], letters, corrected, partitions, actor)


async def replay_many(
    engine: AsyncEngine,
    now: datetime,
    selection: DeadLetterSelection,
    *,
    partitions: int,
    actor: Actor,
) -> DeadLetterReplay:
    """Replay up to AT_ONCE letters, oldest first; of those named by id alone each is answered."""
    async with engine.begin() as conn:
        waiting = await dead_letters.waiting(
            conn, selection.reason, selection.ids, selection.after, AT_ONCE + 1
        )
        chosen, more = waiting[:AT_ONCE], len(waiting) > AT_ONCE
        ids = (
            chosen
            if selection.ids is None or selection.reason is not None
            else sorted(set(selection.ids))
        )
        letters = await dead_letters.lock(conn, ids)
        replay = await _replay(conn, now, ids, letters, None, partitions, actor)
    return DeadLetterReplay(
        results=replay.results, positions=replay.positions, next_after=chosen[-1] if more else None
    )


async def _replay(
    conn: AsyncConnection,
    now: datetime,
    ids: Sequence[int],
    letters: Sequence[DeadLetter],
    corrected: bytes | None,
    partitions: int,
    actor: Actor,
) -> DeadLetterReplay:
    """Decode, mark, write down, and append last: the log's heads are held from there to the
    commit."""
    by_id = {letter.id: letter for letter in letters}
    ready = [
        x for x in letters if x.replayed_at is None and (x.raw is not None or corrected is not None)
    ]
    batch = await asyncio.to_thread(
        _decode, ready, corrected, to_us(now)
    )  # up to 32 MB of whatever came
    good = [ready[index].id for index in batch.index]
    await dead_letters.mark_replayed(conn, good, now)
    for letter_id in good:
        await audit.record(
            conn, now, actor=actor, action="dead_letter.replayed", target=str(letter_id)
        )
    events = {letter_id: event.id for letter_id, event in zip(good, batch.events, strict=True)}
    faults = {ready[reject.index].id: reject.errors for reject in batch.rejects}
    results = [_result(letter_id, by_id.get(letter_id), events, faults) for letter_id in ids]
    entries = [
        (event.customer_id, raw.decode())
        for event, raw in zip(batch.events, batch.raws, strict=True)
    ]
    return DeadLetterReplay(
        results=results, positions=await append_within(conn, entries, partitions=partitions)
    )


def _decode(letters: Sequence[DeadLetter], corrected: bytes | None, now_us: int) -> DecodedBatch:
    """The letters as they came, headers and all; a corrected event is an envelope of its own."""
    if corrected is not None:
        return decode_batch([corrected] * len(letters), now_us=now_us, is_intake=True)
    headers = [headers_of(letter.headers) for letter in letters]
    return decode_batch(
        [letter.raw or b"" for letter in letters], now_us=now_us, headers=headers, is_intake=True
    )


def _result(
    letter_id: int,
    letter: DeadLetter | None,
    events: dict[int, str],
    faults: dict[int, list[FieldError]],
) -> Replayed:
    if letter is None:
        return Replayed(id=letter_id, status="not_found")
    if letter_id in events:
        return Replayed(id=letter_id, status="replayed", event_id=events[letter_id])
    if letter.replayed_at is not None:
        return Replayed(id=letter_id, status="already_replayed")
    return Replayed(id=letter_id, status="rejected", errors=faults.get(letter_id, [NOT_KEPT]))
