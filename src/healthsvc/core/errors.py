"""The tree of errors: what kinds there are, whatever went wrong. Each room declares its own leaves.

An error's docstring is its message unless another is given; ids and figures are attributes. What a
kind means to a client of the API stands in `api/problems.py`, what it means to a shell in
`cli/errors.py`, and nowhere else.
"""


class HealthsvcError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message if message is not None else " ".join((self.__doc__ or "").split()))


class InvalidInput(HealthsvcError):
    """What was given can't be used: a value, a file, a URL. The same again fails again."""


class Conflict(HealthsvcError):
    """The present state doesn't allow it."""


class Forbidden(HealthsvcError):
    """Another service refuses it."""


class Unavailable(HealthsvcError):
    """Something that is needed isn't there at the moment."""


class Busy(Unavailable):
    """Nothing is broken, but it must be tried again. `retry_after` is in seconds, where it is
    known."""

    retry_after: float | None = None


class NotInstalled(Unavailable):
    """There is no database of healthsvc here: run `healthsvc up` or `healthsvc migrate`."""


class InternalFault(HealthsvcError):
    """A mistake of ours, or stored data that nobody can read: a person has to look at it."""


class OwnershipLost(HealthsvcError):
    """Another process has taken over the work; nothing of it was left half done."""
