"""Authenticates and authorises requests: API keys with scopes, cached for a few seconds."""

import base64
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from healthsvc.api.problem_types import KEY_INVALID, KEY_REQUIRED, SCOPE_MISSING
from healthsvc.api.problems import ProblemError, RequestFault, invalid
from healthsvc.core.actors import NAME_LENGTH, Actor
from healthsvc.flows.admin import keys
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.api_keys import SCOPES, Scope

REMEMBERED_FOR: Final = timedelta(seconds=5)
REMEMBERED_KEYS: Final = 10_000
CHALLENGE: Final = {"www-authenticate": "Bearer"}
REFUSED: Final = {"www-authenticate": 'Bearer error="invalid_token"'}

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="apiKey",
    description=(
        "An API key: `Authorization: Bearer hsk_…`. Basic authentication with the key as its user"
        " opens the same."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who holds the key that came with a request."""

    id: str
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None = None
    person: str | None = None
    """Who acts, as the request asserts in `X-Actor`."""

    @property
    def actor(self) -> Actor:
        """Who acts: the person that the request names, else the key itself."""
        if self.person is None:
            return Actor(kind="key", id=self.id, name=self.name)
        return Actor(kind="person", name=self.person, via_key=self.id, key_name=self.name)

    def may(self, scope: Scope) -> bool:
        """Whether its scopes hold this one: `admin` holds all."""
        return scope in self.scopes or "admin" in self.scopes


class Authenticator:
    """Finds the holder of a key; caches it for a few seconds, so a revocation may take as long."""

    def __init__(
        self,
        engine: AsyncEngine,
        now: Callable[[], datetime],
        *,
        pepper: bytes,
        admin_key: str | None,
    ) -> None:
        self._engine, self._now, self._pepper = engine, now, pepper
        self._admin_digest = keys.digest(admin_key, pepper) if admin_key else None
        self._known: OrderedDict[bytes, tuple[datetime, Principal | None]] = OrderedDict()

    async def principal(self, opener: str) -> Principal | None:
        """Who holds this key now; None if it opens nothing."""
        digest = keys.digest(opener, self._pepper)
        if self._admin_digest is not None and hmac.compare_digest(digest, self._admin_digest):
            return Principal(id="admin-key", name="admin key", scopes=frozenset(SCOPES))
        now = self._now()
        until, principal = self._known.get(digest, (now, None))
        if until <= now:
            principal = await self._look_up(opener)
            self._remember(digest, now + REMEMBERED_FOR, principal)
        if (
            principal is not None
            and principal.expires_at is not None
            and principal.expires_at <= now
        ):
            return None
        return principal

    def forget(self) -> None:
        """Forget cached keys: one was made or revoked."""
        self._known.clear()

    async def _look_up(self, opener: str) -> Principal | None:
        key = await keys.recognise(self._engine, self._now(), opener, self._pepper)
        if key is None:
            return None
        return Principal(
            id=key.id, name=key.name, scopes=frozenset(key.scopes), expires_at=key.expires_at
        )

    def _remember(self, digest: bytes, until: datetime, principal: Principal | None) -> None:
        self._known[digest] = (until, principal)
        self._known.move_to_end(digest)
        while len(self._known) > REMEMBERED_KEYS:
            self._known.popitem(last=False)


Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def authenticated(request: Request, credentials: Credentials) -> Principal:
    """The holder of the request's key. Raises ProblemError 401."""
    opener = _user_of_basic(request) if credentials is None else credentials.credentials
    if opener is None:
        raise ProblemError(
            KEY_REQUIRED, "Send an API key as `Authorization: Bearer KEY`.", headers=CHALLENGE
        )
    authenticator: Authenticator = request.app.state.authenticator
    principal = await authenticator.principal(opener)
    if principal is None:
        raise ProblemError(
            KEY_INVALID, "The API key is unknown, expired or revoked.", headers=REFUSED
        )
    person = asserted_person(request)
    return principal if person is None else replace(principal, person=person)


def _user_of_basic(request: Request) -> str | None:
    """The user of Basic authentication (RFC 7617), whatever its password; None without one."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, _ = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return user or None


def asserted_person(request: Request) -> str | None:
    """The person that `X-Actor` names, in UTF-8; None without the header. Raises ProblemError
    422."""
    header = request.headers.get("x-actor")
    if header is None:
        return None
    try:
        name = (
            header.encode("latin-1").decode().strip()
        )  # headers are bytes; the framework reads them as Latin-1
    except UnicodeDecodeError:
        name = ""
    if not 0 < len(name) <= NAME_LENGTH or not name.isprintable():
        detail = f"must be the name of who acts: 1 to {NAME_LENGTH} printable characters in UTF-8"
        raise invalid(RequestFault(pointer="X-Actor", detail=detail))
    return name


async def may_still(request: Request, scope: Scope) -> bool:
    """Whether the key of a request that takes long opens this still."""
    try:
        principal = await authenticated(request, await bearer(request))
    except ProblemError:
        return False
    return principal.may(scope)


def require(*any_of: Scope) -> Any:
    """A dependency: the holder of a key with one of these scopes. Raises ProblemError 401 or
    403."""

    async def check(principal: Annotated[Principal, Depends(authenticated)]) -> Principal:
        if not any(principal.may(scope) for scope in any_of):
            scopes = " or ".join(f"`{scope}`" for scope in any_of)
            raise ProblemError(SCOPE_MISSING, f"This needs an API key with the scope {scopes}.")
        return principal

    return Depends(check)
