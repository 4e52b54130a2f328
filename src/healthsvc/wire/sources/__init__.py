"""Sources: declarative mappings from the JSON of other systems to events, their signatures, and the
protocols of their SDKs.

Nothing here does I/O.
"""
