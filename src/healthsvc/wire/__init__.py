"""The shapes at the border: bytes in become typed events or refusals that say why; nothing here
does I/O.

`decode` is the way in (own JSON and CloudEvents), `events` are the types, `schemas` publishes them
as JSON Schema.
"""
