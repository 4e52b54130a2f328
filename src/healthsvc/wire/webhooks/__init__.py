"""Bodies and JSON Schemas of the webhooks that go out; the only maker of bodies."""
