"""The database itself: engines, COPY, NOTIFY, schema versions, secrets, keyset pages.

No table of a capability is read or written here.
"""
