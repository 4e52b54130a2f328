"""How both clients reach the service: address, key, language, person, time limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from healthsvc import __version__
from healthsvc.client.calls import Call
from healthsvc.client.errors import ServiceAddressError

TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
"""An answer may take as long as a poll of the change feed waits, and some more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccess:
    """Where requests go, and what each carries.

    language: of the texts in answers, such as `pt-BR`. actor: the person on whose behalf the key
    acts.
    """

    url: str
    key: str
    language: str | None = None
    actor: str | None = None

    def __post_init__(self) -> None:
        try:
            parsed = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise ServiceAddressError(f"{self.url!r} isn't an address: {error}") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ServiceAddressError(
                f"{self.url!r} isn't an address like https://health.example.com"
            )

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of httpx's clients. No proxy of the environment and no redirect is followed:
        the key goes nowhere else."""
        return {
            "base_url": self.url,
            "headers": self._headers(),
            "timeout": TIMEOUT,
            "trust_env": False,
        }

    def _headers(self) -> Mapping[str, str | bytes]:
        headers: dict[str, str | bytes] = {
            "authorization": f"Bearer {self.key}".encode(),
            "user-agent": f"healthsvc-client/{__version__}",
        }
        if self.language is not None:
            headers["accept-language"] = self.language.encode()
        if self.actor is not None:
            headers["x-actor"] = self.actor.encode()
        return headers


def arguments(call: Call[Any]) -> dict[str, Any]:
    """Arguments of `httpx.Client.request`."""
    return {
        "method": call.method,
        "url": call.path,
        "params": call.parameters,
        "json": call.body,
        "headers": dict(call.headers),
    }
