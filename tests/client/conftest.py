"""The API of `tests/api`, for its clients."""

from tests.api.conftest import app, draining, url_checker

__all__ = ["app", "draining", "url_checker"]
