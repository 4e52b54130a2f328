"""Use cases: each loads, lets the core decide, and saves in one transaction that only its top
commits.

What a flow needs from outside (a log to read, a way to send, the time) is a Protocol here, given by
`wiring`. What must not live here: SQL, HTTP, Kafka, and knowledge of the configuration.
"""
