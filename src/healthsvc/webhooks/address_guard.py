"""Where webhooks may go: the check when an endpoint is saved, and the same check when a connection
is made.

A name is resolved once; if any of its addresses is denied nothing is dialled, else exactly these
addresses are. The host's name stays in the request and in TLS. Errors don't tell an address that is
blocked from one that doesn't answer.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal, TypeAlias

import httpcore
import httpx

from healthsvc.core.errors import InvalidInput
from healthsvc.webhooks.networks import (
    Address,
    Network,
    canonical,
    is_denied_name,
    is_special,
    within,
)

PORTS: Final = frozenset({443, 80, 8443})
URL_LIMIT: Final = 2048
RESOLVE_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 5.0  # per address

UNREACHABLE: Final = "The host can't be reached at a permitted address."
NUMBERLIKE: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)
NAME: Final = re.compile(
    r"(?=.{1,254}$)[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*\.?", re.IGNORECASE
)

Scheme: TypeAlias = Literal["http", "https"]
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator permits beyond https to public addresses.

    `allowed` networks win over the built-in lists, on any port and with plain http; `denied` ones
    win over all.
    """

    allowed: tuple[Network, ...] = ()
    denied: tuple[Network, ...] = ()
    ports: frozenset[int] = PORTS
    plain_http: bool = False

    @classmethod
    def of(
        cls,
        *,
        allowed: Iterable[str] = (),
        denied: Iterable[str] = (),
        ports: Iterable[int] = (),
        plain_http: bool = False,
    ) -> "Policy":
        """From texts: CIDRs (host bits may be set), and ports beyond the usual ones. Raises
        ValueError."""
        return cls(
            allowed=tuple(ip_network(cidr, strict=False) for cidr in allowed),
            denied=tuple(ip_network(cidr, strict=False) for cidr in denied),
            ports=PORTS | frozenset(ports),
            plain_http=plain_http,
        )

    def objection(self, address: Address, scheme: Scheme, port: int) -> str | None:
        """Why this address must not be dialled; None: it may. Only of a public address it says more
        than UNREACHABLE."""
        if within(address, self.denied):
            return UNREACHABLE
        if within(address, self.allowed):
            return None
        if is_special(address):
            return UNREACHABLE
        if scheme == "http" and not self.plain_http:
            return "The URL must begin with https://."
        if port not in self.ports:
            return f"The port must be one of {', '.join(map(str, sorted(self.ports)))}."
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a URL leads, before any name is resolved. `host` is a name, or an address without
    brackets."""

    scheme: Scheme
    host: str
    port: int


class TargetError(InvalidInput):
    """The URL isn't one that we would post to; `reason` is for the one who typed it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def target(url: str) -> Target:
    """Read a URL with the parser that will be used to post. Raises TargetError for forms that only
    attackers need."""
    if len(url) > URL_LIMIT:
        raise TargetError(f"The URL is longer than {URL_LIMIT} characters.")
    if not url.isprintable() or any(letter in url for letter in ' \\"<>^`{|}'):
        raise TargetError("The URL contains characters that must be escaped.")
    try:
        parsed = httpx.URL(url)
        host, port = parsed.raw_host.decode("ascii").lower(), parsed.port
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise TargetError("This isn't a URL.") from None
    if parsed.scheme not in ("https", "http"):
        raise TargetError("The URL must begin with https://.")
    if parsed.userinfo or "@" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]:
        raise TargetError("The URL must not contain a user name or password.")
    scheme: Scheme = "https" if parsed.scheme == "https" else "http"
    if port is None:
        port = 443 if scheme == "https" else 80
    if not 0 < port < 65536:
        raise TargetError("The port must be between 1 and 65535.")
    if not _is_host(host):
        raise TargetError("The host must be a domain name, or an IP address in its usual form.")
    return Target(scheme=scheme, host=host, port=port)


def _is_host(host: str) -> bool:
    """A name, a dotted IPv4 of four decimals, or an IPv6 with nothing hidden in it.

    What resolvers take for an address without looking like one (127.1, 2130706433, 0x7f000001, 0)
    isn't a host here.
    """
    if ":" in host:
        try:
            address = IPv6Address(host)
        except ValueError:
            return False
        return address.ipv4_mapped is None and address.scope_id is None
    if NUMBERLIKE.fullmatch(host):
        try:
            IPv4Address(host)
        except ValueError:
            return False
        return True
    return NAME.fullmatch(host) is not None


async def admit(to: Target, policy: Policy, resolve: Resolve) -> list[Address]:
    """The addresses to dial, in the resolver's order. Raises TargetError if there is none, or any
    is denied."""
    literal = _literal(to.host)
    if literal is not None:
        addresses = [literal]
    else:
        addresses = await _resolved(to, resolve)
    if (
        literal is None
        and is_denied_name(to.host)
        and not all(within(each, policy.allowed) for each in addresses)
    ):
        raise TargetError(UNREACHABLE)
    for address in addresses:
        objection = policy.objection(address, to.scheme, to.port)
        if objection is not None:
            raise TargetError(objection)
    return addresses


def _literal(host: str) -> Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return canonical(str(address))


async def _resolved(to: Target, resolve: Resolve) -> list[Address]:
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            answers = await resolve(to.host, to.port)
        addresses = list(dict.fromkeys(canonical(answer) for answer in answers))
    except (OSError, UnicodeError, ValueError):
        raise TargetError(UNREACHABLE) from None
    if not addresses:
        raise TargetError(UNREACHABLE)
    return addresses


async def check_url(url: str, policy: Policy, resolve: Resolve) -> list[str]:
    """What is wrong with an endpoint's URL, before it is saved; empty: nothing. Nothing is
    dialled."""
    try:
        to = target(url)
        await admit(to, policy, resolve)
    except TargetError as refusal:
        return [refusal.reason]
    return []


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Dials only the addresses that `admit` has checked."""

    def __init__(self, scheme: Scheme, policy: Policy, resolve: Resolve) -> None:
        self._scheme = scheme
        self._policy = policy
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Dial the addresses in turn until one takes the connection. Raises httpcore.ConnectError
        with one text."""
        host = host.lower()
        if not _is_host(host):
            raise httpcore.ConnectError(UNREACHABLE)
        try:
            addresses = await admit(
                Target(scheme=self._scheme, host=host, port=port), self._policy, self._resolve
            )
        except TargetError:
            raise httpcore.ConnectError(UNREACHABLE) from None
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    str(address), port, CONNECT_SECONDS, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout, OSError):
                continue
        raise httpcore.ConnectError(UNREACHABLE)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError(UNREACHABLE)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
