"""Settings, in the words of the parts that they are for."""

import gc
import os
import secrets
import socket
from datetime import UTC, datetime, timedelta

from healthsvc.flows.processing import owned_partition
from healthsvc.flows.processing.flush_policy import FlushPolicy
from healthsvc.flows.readiness.progress import InputProgress
from healthsvc.log.kafka.client import KafkaSecurity
from healthsvc.log.kafka.input import KafkaInput
from healthsvc.settings import Settings
from healthsvc.webhooks.address_guard import Policy
from healthsvc.webhooks.sender import Sender


def utc_now() -> datetime:
    """The service's clock."""
    return datetime.now(UTC)


def worker_id() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def webhook_sender(settings: Settings) -> Sender:
    policy = Policy(allowed=settings.webhook_allowed_networks)
    return Sender(policy, deadline_seconds=settings.webhook_timeout_seconds)


def flush_policy(settings: Settings) -> FlushPolicy:
    return FlushPolicy(
        flush_events=settings.flush_events,
        flush_seconds=settings.flush_seconds,
        lease_seconds=settings.lease_seconds,
    )


def memory(settings: Settings) -> owned_partition.MemoryLimits:
    return owned_partition.MemoryLimits(
        state_bytes=settings.state_memory_mib << 20,
        dedupe_bytes=settings.dedupe_memory_mib << 20,
        dedupe_window=timedelta(days=settings.dedupe_window_days),
        archive=settings.archive,
    )


def building_memory(settings: Settings) -> owned_partition.MemoryLimits:
    """Memory limits of a builder: a part, since it works beside the live projection."""
    return owned_partition.MemoryLimits(state_bytes=settings.state_memory_mib << 18)


def kafka_security(settings: Settings) -> KafkaSecurity:
    password = settings.kafka_sasl_password
    return KafkaSecurity(
        protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_username=settings.kafka_sasl_username,
        sasl_password=password.get_secret_value() if password else None,
        ssl_cafile=str(settings.kafka_ssl_cafile) if settings.kafka_ssl_cafile else None,
    )


def kafka_input(settings: Settings, progress: InputProgress) -> KafkaInput:
    return KafkaInput(
        bootstrap_servers=settings.kafka_bootstrap_servers or "",
        topic=settings.events_topic,
        partitions=settings.partitions,
        security=kafka_security(settings),
        now=utc_now,
        progress=progress,
    )


def calm_collector() -> None:
    """Have Python look for cycles more seldom: folding and decoding make many objects, and hardly a
    cycle.

    What is there by now isn't looked at again; a full search took 0.1 s, in which the process did
    nothing else.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
