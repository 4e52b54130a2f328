"""Steps of items, many at once, as if one after another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from healthsvc.core.arrays import Floats, Int64s, Mask
from healthsvc.core.folding.items.kind import MOST
from healthsvc.core.folding.items.packed import FIELDS, KIND_BITS, LIMIT, Items
from healthsvc.core.folding.items.registry import BY_NUMBER, STEPS

_TYPES: Final = tuple(STEPS)
TYPE_CODE: Final = {name: code for code, name in enumerate(_TYPES)}
_KIND: Final = (1 << KIND_BITS) - 1


class Limit(NamedTuple):
    """The newest item of a kind that is no longer kept: what isn't newer counts as settled."""

    us: float
    hash: int


Limits = dict[int, Limit]
"""By group: of customers that have had more items of a kind than are kept."""


@dataclass(frozen=True, slots=True)
class ItemSteps:
    """Events about an item each, (n,), in log order."""

    group: Int64s
    """As of `Items`."""
    hash: Int64s
    type: Int64s
    """Of `TYPE_CODE`."""
    events: Sequence[Any]
    us: Floats


def split_limits(items: Items) -> tuple[Items, Limits]:
    """The items, and the limits that stand among them."""
    is_limit = items.kind == LIMIT
    if not is_limit.any():
        return items, {}
    found = items.take(is_limit)
    limits = {
        owner << KIND_BITS | int(kind): Limit(us, hash)
        for owner, hash, (us, kind) in zip(
            (found.group >> KIND_BITS).tolist(),
            found.hash.tolist(),
            found.numbers[:, :2].tolist(),
            strict=True,
        )
    }
    return items.take(~is_limit), limits


def join_limits(items: Items, limits: Limits) -> Items:
    """The items and limits, in their order."""
    if not limits:
        return items
    numbers = np.zeros((len(limits), FIELDS))
    numbers[:, :2] = [(limit.us, group & _KIND) for group, limit in limits.items()]
    group = np.array([group & ~_KIND | LIMIT for group in limits])
    hashes = np.array([limit.hash for limit in limits.values()])
    joined = Items(
        np.concatenate([items.group, group]),
        np.concatenate([items.hash, hashes]),
        np.concatenate([items.numbers, numbers]),
    )
    return joined.take(np.lexsort((joined.hash, joined.group)))


def add(items: Items, limits: Limits, steps: ItemSteps) -> Items:
    """The items after the steps; limits are written.

    Steps of one item are taken in turns, of which each has at most one of each item. Where a
    customer may get more items of a kind than are kept, a turn has at most one of that kind, and
    the oldest is settled after it.
    """
    merged, of_item, of_step = _merge(items, steps)
    first = np.searchsorted(merged.group, steps.group)
    end = np.searchsorted(merged.group, steps.group, "right")
    is_crowded = end - first > MOST
    is_kept = np.zeros(len(merged), bool)
    is_kept[of_item] = True
    turn = _turns(np.where(is_crowded, len(merged) + first, of_step))
    order = np.lexsort((steps.type, turn))
    differs = (np.diff(turn[order]) != 0) | (np.diff(steps.type[order]) != 0)
    for together in np.split(order, np.flatnonzero(differs) + 1):
        _add_some(merged, of_step[together], steps, together)
        is_kept[of_step[together]] = True
        for i in together[is_crowded[together]].tolist():
            _settle_oldest(merged, is_kept, slice(first[i], end[i]), limits)
    return merged if is_kept.all() else merged.take(is_kept)


def _merge(items: Items, steps: ItemSteps) -> tuple[Items, Int64s, Int64s]:
    """The items, new ones of the steps among them; the place of each item, and that of the item of
    each step."""
    group = np.concatenate([items.group, steps.group])
    hashes = np.concatenate([items.hash, steps.hash])
    order = np.lexsort((hashes, group))
    group, hashes = group[order], hashes[order]
    is_other = (np.diff(group) != 0) | (np.diff(hashes) != 0)
    is_first = np.append(True, is_other)
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(is_first) - 1
    numbers = np.zeros((int(is_first.sum()), FIELDS))
    of_item, of_step = place[: len(items)], place[len(items) :]
    numbers[of_item] = items.numbers
    return Items(group[is_first], hashes[is_first], numbers), of_item, of_step


def _turns(key: Int64s) -> Int64s:
    """How many steps of the same key come before each."""
    order = np.argsort(key, kind="stable")
    is_first = np.append(True, np.diff(key[order]) != 0)
    at = np.arange(len(key))
    turn = np.empty(len(key), np.int64)
    turn[order] = at - np.maximum.accumulate(np.where(is_first, at, 0))
    return turn


def _add_some(merged: Items, places: Int64s, steps: ItemSteps, together: Int64s) -> None:
    """Steps of one type, each of another item."""
    rules, _, moment = STEPS[_TYPES[steps.type.item(together[0])]]
    numbers = merged.numbers[places, : rules.fields]
    rules.add(numbers, moment, [steps.events[i] for i in together.tolist()], steps.us[together])
    merged.numbers[places, : rules.fields] = numbers


def _settle_oldest(merged: Items, is_kept: Mask, of_kind: slice, limits: Limits) -> None:
    """Let go of the oldest item of a kind of which a customer has more than are kept.

    Which ones stay depends only on the newest instant of each, so not on the order of events.
    """
    kept = of_kind.start + np.flatnonzero(is_kept[of_kind])
    if len(kept) <= MOST:
        return
    group = merged.group.item(of_kind.start)
    rules = BY_NUMBER[group & _KIND]
    newest = rules.newest(merged.numbers[kept, : rules.fields])
    oldest = int(kept[newest.argmin()])  # of the same instant the lowest hash: they come first
    limit = Limit(float(newest.min()), merged.hash.item(oldest))
    limits[group] = max(limits.get(group, limit), limit)
    is_kept[oldest] = False
    merged.numbers[oldest] = 0.0
