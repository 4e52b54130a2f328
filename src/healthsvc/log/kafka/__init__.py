"""Kafka: `input` reads the events topic under our own leases, `output` produces into it; aiokafka
lives here alone.

`input` reads by way of `reader`, asks by way of `questions`, and keeps in `ends` how far the
partitions are known to reach; `stalls` is its watchdog, `client` what both directions have in
common.
"""
