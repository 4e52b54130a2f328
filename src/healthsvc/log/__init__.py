"""The log's two inputs, the table and Kafka, under one contract (`ports.Input`); aiokafka lives in
`kafka` only.

What must not live here: the meaning of a record (bytes in, bytes out), and the truth about offsets,
which the owner of a partition keeps in PostgreSQL and gives to `assign`.
"""
