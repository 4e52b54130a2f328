"""The core and the border speak of the same event types."""

from healthsvc.core import scorecard
from healthsvc.wire import events


def test_the_core_knows_the_built_in_types_that_the_border_decodes():
    assert events.BUILTIN_TYPES.keys() == scorecard.BUILTIN_TYPES
