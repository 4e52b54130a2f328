"""Distinguishes an outage of the database, which passes, from a mistake in a statement, which
doesn't; and names the kind of outage."""

from enum import StrEnum
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

AWAY = (
    OSError,
    TimeoutError,
    PoolTimeoutError,
    OperationalError,
    InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,  # a full disk, no memory, too many connections
    asyncpg.PostgresIOError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    # A query was sent after the server said that it stops and before the connection closed.
    asyncpg.InternalClientError,
)


class Outage(StrEnum):
    """What keeps the database from doing its work."""

    DISK_FULL = "disk_full"
    IO_ERROR = "io_error"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    READ_ONLY = "read_only"
    UNREACHABLE = "unreachable"


_BY_SQLSTATE: Final = {
    "53100": Outage.DISK_FULL,
    "58030": Outage.IO_ERROR,
    "53200": Outage.OUT_OF_MEMORY,
    "53300": Outage.TOO_MANY_CONNECTIONS,
    "25006": Outage.READ_ONLY,
}


def outage_of(error: BaseException) -> Outage | None:
    """The kind of outage behind `error`; None if it is a mistake in a statement."""
    if not is_outage(error):
        return None
    return _BY_SQLSTATE.get(getattr(cause_of(error), "sqlstate", None) or "", Outage.UNREACHABLE)


def cause_of(error: BaseException) -> BaseException:
    """The driver's error inside of SQLAlchemy's, or the error itself."""
    inner = (
        error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else None
    )
    return error if inner is None else inner


def is_outage(error: BaseException) -> bool:
    """Whether `error` says that the database can't be reached, is starting, stopping, failing over
    or too busy."""
    if isinstance(error, AWAY):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or is_outage_of_driver(error)
    return False


def is_outage_of_driver(error: DBAPIError) -> bool:
    """The same, for the driver's error inside of SQLAlchemy's."""
    cause = error.orig.__cause__ if error.orig is not None else None
    return cause is not None and isinstance(cause, AWAY)


CONTENT_CLASSES: Final = ("22", "23", "54")
"""Classes of SQLSTATE that blame what was sent: data exceptions, violated constraints, limits of
the program."""


def is_content(error: BaseException) -> bool:
    """Whether the database refuses what it was sent, and would again: a value is at fault, not the
    database."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return cause is not None and is_content(cause)
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "").startswith(CONTENT_CLASSES)
    return isinstance(error, asyncpg.InterfaceError) and isinstance(
        error, ValueError
    )  # asyncpg's own DataError
