"""Ports of 127.0.0.1 that stay as a test needs them, whatever else runs on the machine."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that refuses connections: taken, so that nobody else gets it, and never listened
    to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """Ports for a server that comes and goes.

    They lie below those that the system gives to outgoing connections, which would take them while
    the server is away.
    """
    lowest = int(
        Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0]
    )
    chance, found = random.SystemRandom(), set[int]()
    while len(found) < count:
        port = chance.randrange(lowest // 2, lowest)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.add(port)
    return sorted(found)
