"""Errors on the command line: one sentence on standard error, and an exit code. The only table of
exit codes."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NoReturn

import typer

from healthsvc.cli.outputs import OutputTargetError
from healthsvc.client.errors import ApiError
from healthsvc.core.errors import (
    Busy,
    Conflict,
    Forbidden,
    HealthsvcError,
    InternalFault,
    InvalidInput,
    NotInstalled,
    OwnershipLost,
    Unavailable,
)
from healthsvc.demo.history import OtherFleetError
from healthsvc.runtime.embedded import DataFolderInUseError
from healthsvc.runtime.serving import AddressTakenError
from healthsvc.settings import SettingsError

FAILED: Final = 1
"""Nothing was done, or all of it was refused."""
USAGE: Final = 2
"""The command or the configuration is wrong."""
UNAVAILABLE: Final = 69
"""EX_UNAVAILABLE of sysexits.h: something that is needed isn't there."""
FAULT: Final = 70
"""EX_SOFTWARE: a mistake of ours."""
TEMPORARY: Final = 75
"""EX_TEMPFAIL: try again later."""
INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells have it."""

EXIT_CODES: Final[Mapping[type[HealthsvcError], int]] = {
    SettingsError: USAGE,
    OutputTargetError: USAGE,
    InvalidInput: FAILED,
    OtherFleetError: USAGE,
    DataFolderInUseError: USAGE,
    AddressTakenError: USAGE,
    Conflict: FAILED,
    Forbidden: FAILED,
    NotInstalled: FAILED,
    Busy: TEMPORARY,
    Unavailable: UNAVAILABLE,
    OwnershipLost: TEMPORARY,
    InternalFault: FAULT,
    ApiError: FAILED,
}
"""Each kind of error and its exit code; the nearest ancestor counts."""


def exit_code_of(error: type[HealthsvcError]) -> int | None:
    """The exit code of errors of this class; None where the table has none."""
    return next((EXIT_CODES[each] for each in error.__mro__ if each in EXIT_CODES), None)


@contextmanager
def errors_reported(interrupted: str = "Interrupted.") -> Iterator[None]:
    """End the command with one sentence and an exit code for errors that can be expected; others
    pass."""
    try:
        yield
    except HealthsvcError as error:
        refuse(str(error), exit_code_of(type(error)) or FAULT)
    except KeyboardInterrupt:
        refuse(interrupted, INTERRUPTED)
    except Exception as error:
        words, code = _foreign(error)
        if code is None:
            raise
        refuse(words, code)


def _foreign(error: Exception) -> tuple[str, int | None]:
    """The sentence and the exit code of an error that isn't ours; no code for a mistake."""
    from healthsvc.store.database.outage import is_outage

    if isinstance(error, OSError) and error.filename is not None:
        return str(error), FAILED
    if is_outage(error):
        return f"The database can't be used: {error}", UNAVAILABLE
    return "", None


def refuse(words: str, code: int = USAGE) -> NoReturn:
    """End the command with a sentence on standard error."""
    typer.echo(words, err=True)
    raise typer.Exit(code)


def leave(code: int) -> NoReturn:
    """End with this code at once: a thread that hangs must not keep the process, and everything is
    closed by now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
