"""How large a request's body may be and how long it may take, and the errors of one that exceeds
it."""

from typing import Final

from starlette.exceptions import HTTPException

from healthsvc.core.errors import InvalidInput

KIB: Final = 1024
MAX_BODY_BYTES: Final = 256 * KIB
LARGER_BODIES: Final = {
    "/v1/events": 4096 * KIB,
    "/v1/scorecards": 512 * KIB,
    "/v1/scorecards/validate": 512 * KIB,
}
"""Paths that take larger bodies, in bytes; as sent, and as decompressed."""
SDK_PATHS: Final = frozenset(
    f"/v1/{name}"
    for name in (
        "batch",
        "track",
        "identify",
        "group",
        "page",
        "screen",
        "alias",
        "import",
        "b",
        "t",
        "i",
        "g",
        "p",
        "s",
        "a",
    )
) | {"/batch", "/batch/", "/capture", "/capture/", "/e/", "/i/v0/e", "/i/v0/e/"}
"""Where the SDKs of Segment, RudderStack and PostHog send to."""
SDK_BYTES: Final = 8192 * KIB
SOURCE_BYTES: Final = 1024 * KIB
SOURCES: Final = "/v1/sources/"
BODY_SECONDS: Final = 30.0


def limit_of(path: str) -> int:
    """Bytes that a body sent to this path may have."""
    if path in SDK_PATHS:
        return SDK_BYTES
    if path.startswith(SOURCES):
        return SOURCE_BYTES
    return LARGER_BODIES.get(path, MAX_BODY_BYTES)


class BodyError(HTTPException, InvalidInput):
    """A body that isn't read to its end; an HTTPException, since FastAPI turns any other one into a
    bad request."""

    def __str__(self) -> str:
        return self.detail


class BodyTooLargeError(BodyError):
    """The body is larger than we read."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body has more than {limit // KIB} KiB.")


class BodyTimeoutError(BodyError):
    """The body didn't arrive in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(408, f"The body didn't come within {seconds:g} s.")
