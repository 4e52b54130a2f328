"""The catalogue of event types, and bytes to typed events: decoding, CloudEvents, refusals that say
why.

Nothing here does I/O or knows a scorecard.
"""
