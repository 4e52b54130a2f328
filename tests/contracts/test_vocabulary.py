"""The core and the border speak of the same event types."""

from healthsvc.core.scorecard import model
from healthsvc.wire.events import catalogue


def test_the_core_knows_the_built_in_types_that_the_border_decodes():
    assert catalogue.BUILTIN_TYPES.keys() == model.BUILTIN_TYPES
