"""The kinds of items, and which event is which moment of an item."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from healthsvc.core.events import EVENT_TYPES, Moment
from healthsvc.core.folding.items.complaint import Complaint
from healthsvc.core.folding.items.invoice import Invoice
from healthsvc.core.folding.items.kind import ItemRules
from healthsvc.core.folding.items.subscription import Subscription
from healthsvc.core.folding.items.ticket import Ticket
from healthsvc.core.folding.items.voice import Voice

VOICE: Final = Voice()
KINDS: Final[tuple[ItemRules, ...]] = (
    Ticket(),
    Complaint(),
    Invoice(),
    VOICE,
    Subscription(),
)
BY_NUMBER: Final[Mapping[int, ItemRules]] = {rules.number: rules for rules in KINDS}
_BY_KIND: Final = {rules.kind: rules for rules in KINDS}


class ItemEvent(NamedTuple):
    """What an event is to an item."""

    rules: ItemRules
    id_of: Callable[[Any], str | None]
    """The id of the item in an event; None: it is about none."""
    moment: Moment


STEPS: Final[Mapping[str, ItemEvent]] = {
    event_type.name: ItemEvent(
        _BY_KIND[event_type.item.kind],
        _BY_KIND[event_type.item.kind].id_of,
        event_type.item.moment,
    )
    for event_type in EVENT_TYPES
    if event_type.item is not None
}
"""By event type."""
