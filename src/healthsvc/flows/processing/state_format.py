"""Whether the stored states have a form that this version reads."""

from healthsvc.core.errors import InternalFault
from healthsvc.core.folding.compiled_scorecard import CompiledScorecard
from healthsvc.core.folding.packing import IS_FORMER, OtherFormat
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored


class UnreadableStates(InternalFault):
    """The database holds states in the unsupported format of another version of the service."""


def try_to_read(program: CompiledScorecard, some: Stored | None) -> None:
    """Better to stop before the first event than to find each customer's state unreadable. Raises
    UnreadableStates."""
    if some is not None:
        try:
            States(program, 1).load([some])
        except OtherFormat as error:
            raise UnreadableStates(
                f"The stored states can't be read by this version ({error}): another one wrote"
                " them. `healthsvc rebuild` builds them anew from the archive."
            ) from error


def is_former(some: Stored | None) -> bool:
    """Whether a former version wrote it: readable, without what that version didn't keep."""
    return some is not None and (some.state or b"").startswith(IS_FORMER)
