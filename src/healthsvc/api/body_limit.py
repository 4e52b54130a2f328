"""How large a request's body may be, and the error of one that is larger."""

from typing import Final

from starlette.exceptions import HTTPException

from healthsvc.core.errors import InvalidInput

MAX_BODY_BYTES: Final = 4 * 1024 * 1024


class BodyTooLargeError(HTTPException, InvalidInput):
    """The body is larger than we read; an HTTPException, since FastAPI turns any other one into a bad request."""

    def __init__(self) -> None:
        super().__init__(413, f"The body has more than {MAX_BODY_BYTES // 1024 // 1024} MiB.")

    def __str__(self) -> str:
        return self.detail
