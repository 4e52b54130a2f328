"""Bytes in, typed events or refusals out: a batch at a time, quick for what is good and thorough
for what isn't.

Checks that can be made on the whole batch at once (encoding, U+0000, times) are; only a batch that
fails one is searched for its culprits, and only a record that failed is explained field by field.
Never raises for bad input.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

from healthsvc.wire.events import cloudevents
from healthsvc.wire.events.catalogue import Envelope
from healthsvc.wire.events.decode_record import (
    MAX_BYTES,
    decode_builtin,
    first_look,
    own_bytes,
    second_look,
    within_size,
    without_nul,
)
from healthsvc.wire.events.deep_decode import on_an_empty_stack
from healthsvc.wire.events.explain import (
    control_characters,
)
from healthsvc.wire.events.rejects import FieldError, Reject, refuse
from healthsvc.wire.events.time_zones import unknown_zones, with_iana_zones
from healthsvc.wire.events.times import SECOND, is_naive, parse_instants

__all__ = ["DecodedBatch", "FieldError", "Reject", "decode_batch", "decode_one"]

EARLIEST_US: Final = 631_152_000 * SECOND  # 1990-01-01T00:00:00Z
CLOCK_SKEW_SECONDS: Final = 300

Headers = Sequence[tuple[str, bytes | None]]
_T = TypeVar("_T")


class _Versioned(msgspec.Struct):
    """What tells a CloudEvent; the rest of a record is passed over."""

    specversion: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode_version = msgspec.json.Decoder(_Versioned).decode


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """The valid events of a batch, column by column in the order received, and the refusals."""

    events: list[Envelope]
    index: list[int]  # position of each event in the batch as given
    raws: list[
        bytes
    ]  # own-envelope JSON of each event: the bytes received where they are that already
    occurred_us: NDArray[np.int64]
    digests: NDArray[np.uint64]  # (n, 2): xxh3_128 of customer_id NUL source NUL id as high, low
    rejects: list[Reject]


def decode_batch(
    values: Sequence[bytes],
    *,
    now_us: int,
    headers: Sequence[Headers | None] | None = None,
    is_intake: bool = False,
) -> DecodedBatch:
    """Decode and check records; `headers` are Kafka's, one entry per record. A bad record doesn't
    spoil the others.

    is_intake: the records come in now; of those that were accepted before, no time zone is refused.
    """
    rejects: list[Reject] = []
    inputs, index, plain = _readable(values, headers, rejects)
    events, raws, index = _decode_all(inputs, index, plain, rejects)
    if b'"timezone"' in b"".join(raws):
        events, raws, index = _zones(events, raws, index, rejects if is_intake else None)
    occurred_us, good = _times(events, index, now_us, rejects)
    if good is not None:
        events, raws, index = _picked(events, good), _picked(raws, good), _picked(index, good)
    rejects.sort(key=lambda reject: reject.index)
    worded = [
        _in_its_own_terms(r, values[r.index], headers[r.index] if headers else None)
        for r in rejects
    ]
    return DecodedBatch(events, index, raws, occurred_us, digests_of(events), worded)


def decode_one(value: bytes, now_us: int) -> Envelope | Reject:
    """One record by the same rules; CloudEvents in structured form are known by their
    `specversion`."""
    batch = decode_batch([value], now_us=now_us)
    return batch.rejects[0] if batch.rejects else batch.events[0]


def digests_of(events: Sequence[Envelope]) -> NDArray[np.uint64]:
    """The identity of an event for dedupe: (n, 2) of 128-bit hashes over customer, source and
    id."""
    packed = b"".join(
        [xxh3_128_digest(f"{e.customer_id}\0{e.source}\0{e.id}".encode()) for e in events]
    )
    return np.frombuffer(packed, ">u8").astype(np.uint64).reshape(-1, 2)


def _readable(
    values: Sequence[bytes], headers: Sequence[Headers | None] | None, rejects: list[Reject]
) -> tuple[list[bytes], list[int], bool]:
    """The records that may be decoded: sized, UTF-8, without U+0000, binary CloudEvents as own
    envelopes.

    And whether all of them are plain: without escapes, DEL, or anything beyond ASCII.
    """
    inputs, index = list(values), list(range(len(values)))
    joined = b"\n".join(inputs)
    if headers is not None and any(headers):
        inputs, index = _sift(
            inputs, index, rejects, lambda value, i: _from_headers(value, headers[i])
        )
        joined = b"\n".join(inputs)
    if b"" in inputs or len(max(inputs, key=len, default=b"")) > MAX_BYTES:
        inputs, index = _sift(inputs, index, rejects, within_size)
    plain = _is_plain(joined)
    if not plain and (not joined.isascii() or b"\\u0000" in joined):
        inputs, index = _sift(inputs, index, rejects, without_nul)
    return inputs, index, plain


def _is_plain(raw: bytes) -> bool:
    return raw.isascii() and b"\\" not in raw and b"\x7f" not in raw


def _sift(
    inputs: list[bytes],
    index: list[int],
    rejects: list[Reject],
    step: Callable[[bytes, int], bytes | Reject],
) -> tuple[list[bytes], list[int]]:
    """Take each record through a step that changes, keeps or refuses it."""
    candidates: list[bytes] = []
    kept_index: list[int] = []
    for value, i in zip(inputs, index, strict=True):
        outcome = step(value, i)
        if isinstance(outcome, Reject):
            rejects.append(outcome.at(i))
        else:
            candidates.append(outcome)
            kept_index.append(i)
    return candidates, kept_index


def _from_headers(value: bytes, headers: Headers | None) -> bytes | Reject:
    if not headers or not cloudevents.is_binary(headers, "ce_"):
        return value
    if len(value) > MAX_BYTES:
        return within_size(value, 0)
    return own_bytes(cloudevents.from_binary(headers, value, "ce_"))


def _in_its_own_terms(reject: Reject, value: bytes, headers: Headers | None) -> Reject:
    """The refusal; of a CloudEvent, pointing at the CloudEvent's attributes instead of the
    envelope's fields."""
    if headers and cloudevents.is_binary(headers, "ce_"):
        return cloudevents.translated(reject)
    if b'"specversion"' not in value or len(value) > MAX_BYTES:
        return reject
    try:
        structured = _decode_version(value).specversion is not msgspec.UNSET
    except (ValueError, RecursionError):
        return reject
    return cloudevents.translated(reject) if structured else reject


def _decode_all(
    inputs: list[bytes], index: list[int], plain: bool, rejects: list[Reject]
) -> tuple[list[Envelope], list[bytes], list[int]]:
    """Typed events of the inputs; what fails goes to `rejects`. plain: none of the inputs needs a
    look at its ids."""
    events: list[Envelope] = []
    dropped: set[int] = set()
    decode = decode_builtin
    for i, value in enumerate(inputs):
        try:
            events.append(decode(value))
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            deep = isinstance(error, RecursionError)
            outcome = on_an_empty_stack(first_look, value) if deep else second_look(value, error)
            if isinstance(outcome, Reject):
                rejects.append(outcome.at(index[i]))
                dropped.add(i)
            else:
                events.append(outcome[0])
                inputs[i] = outcome[1]
                plain = plain and (outcome[1] is value or _is_plain(outcome[1]))
    if dropped:
        inputs = [value for i, value in enumerate(inputs) if i not in dropped]
        index = [place for i, place in enumerate(index) if i not in dropped]
    return (events, inputs, index) if plain else _without_controls(events, inputs, index, rejects)


def _without_controls(
    events: list[Envelope], raws: list[bytes], index: list[int], rejects: list[Reject]
) -> tuple[list[Envelope], list[bytes], list[int]]:
    """Refuse ids with control characters, which stand in JSON as escapes, as DEL or beyond
    ASCII."""
    positions: list[int] = []
    for i, raw in enumerate(raws):
        reject = None if _is_plain(raw) else control_characters(events[i])
        if reject is None:
            positions.append(i)
        else:
            rejects.append(reject.at(index[i]))
    if len(positions) == len(events):
        return events, raws, index
    return _picked(events, positions), _picked(raws, positions), _picked(index, positions)


def _zones(
    events: list[Envelope], raws: list[bytes], index: list[int], rejects: list[Reject] | None
) -> tuple[list[Envelope], list[bytes], list[int]]:
    """Time zones by their IANA names; unknown ones are refused, unless there is nowhere to say
    so."""
    events = with_iana_zones(events)
    unknown = {} if rejects is None else unknown_zones(events, index)
    if rejects is None or not unknown:
        return events, raws, index
    rejects += unknown.values()
    valid_places = [place for place in range(len(events)) if place not in unknown]
    return _picked(events, valid_places), _picked(raws, valid_places), _picked(index, valid_places)


def _picked(column: list[_T], places: list[int]) -> list[_T]:
    return [column[place] for place in places]


def _times(
    events: list[Envelope], index: list[int], now_us: int, rejects: list[Reject]
) -> tuple[NDArray[np.int64], list[int] | None]:
    """When each event happened, and which to keep (None: all of them)."""
    texts = [event.occurred_at for event in events]
    us, parsed = parse_instants(texts)
    ok = parsed & (us >= EARLIEST_US) & (us <= now_us + CLOCK_SKEW_SECONDS * SECOND)
    if ok.all():
        return us, None
    for i in np.flatnonzero(~ok).tolist():
        fault = _time_fault(texts[i], int(us[i]) if parsed[i] else None)
        rejects.append(refuse("invalid_time", fault, "/occurred_at", index[i]))
    return us[ok], np.flatnonzero(ok).tolist()


def _time_fault(text: str, us: int | None) -> str:
    if is_naive(text):
        return f'must say its offset from UTC, or Z: "{text}" could be any of 24 hours'
    if us is None:
        return "must be an RFC 3339 time with an offset or Z, such as 2026-05-04T09:30:00Z"
    if us < EARLIEST_US:
        return "must be in 1990 or later"
    minutes = CLOCK_SKEW_SECONDS // 60
    return (
        "must not be in the future: "
        f"the clock of the sender is ahead by more than {minutes} minutes"
    )
