"""The kinds of items, and which event is which moment of an item."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from healthsvc.core.events import EVENT_TYPES, Moment
from healthsvc.core.folding.items.complaint import Complaint
from healthsvc.core.folding.items.invoice import Invoice
from healthsvc.core.folding.items.kind import ItemRules
from healthsvc.core.folding.items.subscription import Subscription
from healthsvc.core.folding.items.ticket import Ticket
from healthsvc.core.folding.items.voice import Voice

KINDS: Final[tuple[ItemRules, ...]] = (
    Ticket(),
    Complaint(),
    Invoice(),
    Voice(),
    Subscription(),
)
BY_NUMBER: Final[Mapping[int, ItemRules]] = {rules.number: rules for rules in KINDS}
_BY_KIND: Final = {rules.kind: rules for rules in KINDS}

Step = tuple[ItemRules, Callable[[Any], str | None], Moment]
STEPS: Final[Mapping[str, Step]] = {
    event_type.name: (
        _BY_KIND[event_type.item.kind],
        _BY_KIND[event_type.item.kind].id_of,
        event_type.item.moment,
    )
    for event_type in EVENT_TYPES
    if event_type.item is not None
}
"""Event type → the rules of the item, the item's id in an event, and the moment that it is."""
