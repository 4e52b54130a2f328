"""Why a projection can't be built, or no longer by this builder."""

from healthsvc.core.errors import Conflict, OwnershipLost


class CannotBuild(Conflict):
    """The projection can't be built from the archive; the message says why, and what helps."""


class UnreadableArchive(CannotBuild):
    """An archived event isn't understood any more."""

    def __init__(self, partition: int, sequence: int, detail: str) -> None:
        super().__init__(
            f"Event {sequence:,} of partition {partition} in the archive can't be read: {detail}"
        )


class IncompleteArchive(CannotBuild):
    """The archive doesn't have every event that was counted, so the live state can't be built from
    it."""

    def __init__(self, partition: int, expected: int, present: int | None) -> None:
        self.partition, self.expected, self.found = partition, expected, present
        instead = "nothing more" if present is None else f"only event {present:,} and later"
        super().__init__(
            f"The archive lacks events that were counted: partition {partition} should go on with"
            f" event {expected:,} and has {instead}. The archive was off, or its retention dropped"
            " those days. Publish with gaps, and the new version knows only what the archive still"
            " has."
        )


class Overtaken(OwnershipLost):
    """Another builder has taken over, or the building was cancelled."""
