"""Telling an outage of the database, which passes, from a mistake of ours, which doesn't."""

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
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server has said that it goes, and a question came before its end was heard
)


def is_outage(error: BaseException) -> bool:
    """Whether `error` says that the database can't be reached, is starting, stopping, failing over or too busy."""
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
"""Classes of SQLSTATE that blame what was sent: data exceptions, violated constraints, limits of the program."""


def is_content(error: BaseException) -> bool:
    """Whether the database refuses what it was sent, and would again: a value is at fault, not the database."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return cause is not None and is_content(cause)
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "").startswith(CONTENT_CLASSES)
    return isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)  # asyncpg's own DataError
