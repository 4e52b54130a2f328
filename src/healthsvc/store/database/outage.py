"""Telling an outage of the database, which passes, from a mistake of ours, which doesn't."""

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
