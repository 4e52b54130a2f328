"""The address guard: no hostile URL gets a TCP connection, and errors tell nothing about what is
within."""

import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.core.delivery import Answer, NoAnswer, Outgoing, Silence
from healthsvc.webhooks.address_guard import UNREACHABLE, Policy, check_url
from healthsvc.webhooks.networks import DENIED, canonical, is_special
from healthsvc.webhooks.resolver import SystemResolver
from healthsvc.webhooks.sender import Sender
from tests.webhooks.receiver import Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PUBLIC = "93.184.215.14"


class Names:
    """A resolver with an answer for each time it is asked; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if not answer:
            raise OSError("Name or service not known")
        return answer


def outgoing(url: str) -> Outgoing:
    return Outgoing(
        url=url, message_id="msg_1", body=b"{}", secrets=(SECRET,), at=datetime.now(UTC)
    )


def any_port(policy: Policy, port: int) -> Policy:
    return Policy.of(
        ports=[port],
        plain_http=True,
        denied=map(str, policy.denied),
        allowed=map(str, policy.allowed),
    )


@pytest.fixture
async def listener() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


HOSTILE_HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "127.00.0.1",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[::ffff:0:127.0.0.1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "ip6-localhost",
    "localhost.localdomain",
    "anything.localhost",
    "metadata",
    "metadata.google.internal",
    "instance-data",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "127.0.0.1%00.example.com",
    "user@127.0.0.1",
    "example.com@127.0.0.1",
]


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
async def test_a_hostile_host_is_refused_at_save_and_never_dialled(
    listener: Receiver, host: str
) -> None:
    # Plain http and this port are permitted, so that nothing but the address stands in the way.
    policy = any_port(Policy(), listener.port)
    url = f"http://{host}:{listener.port}/hook"

    async with Sender(policy, deadline_seconds=5) as sender:
        errors = await sender.check_url(url)
        outcome = await sender.send(outgoing(url))

    assert errors
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason == Silence.UNREACHABLE
    assert listener.connections == 0


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["::1"],
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
        ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:169.254.169.254"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%eth0"],
        ["nonsense"],
        [],
    ],
)
async def test_a_name_with_any_denied_answer_is_never_dialled(
    listener: Receiver, answers: list[str]
) -> None:
    policy, names = any_port(Policy(), listener.port), Names(answers)
    url = f"http://hooks.example.com:{listener.port}/"

    async with Sender(policy, resolve=names) as sender:
        errors = await sender.check_url(url)
        outcome = await sender.send(outgoing(url))

    assert errors == [UNREACHABLE]
    assert isinstance(outcome, NoAnswer)
    assert listener.connections == 0


async def test_a_resolver_that_rebinds_after_the_save_gets_no_connection(
    listener: Receiver,
) -> None:
    policy, names = any_port(Policy(), listener.port), Names([PUBLIC], ["127.0.0.1"])
    url = f"http://rebind.example.com:{listener.port}/"

    async with Sender(policy, resolve=names) as sender:
        assert await sender.check_url(url) == []
        outcome = await sender.send(outgoing(url))

    assert outcome == NoAnswer(reason=Silence.UNREACHABLE, seconds=outcome.seconds)
    assert listener.connections == 0


async def test_the_address_that_was_checked_is_the_one_dialled_with_the_name_kept(
    listener: Receiver,
) -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    policy = Policy.of(allowed=["127.0.0.1/32"])

    async with Sender(policy, resolve=names) as sender:
        outcome = await sender.send(outgoing(f"http://hooks.example.com:{listener.port}/x?y=1"))

    assert isinstance(outcome, Answer)
    assert names.asked == 1
    assert listener.received[0].headers["host"] == f"hooks.example.com:{listener.port}"
    assert listener.received[0].target == "/x?y=1"


async def test_an_allowed_network_may_be_reached_at_any_port_with_plain_http(
    listener: Receiver,
) -> None:
    async with Sender(Policy.of(allowed=["127.0.0.0/8"])) as sender:
        assert await sender.check_url(listener.url) == []
        assert isinstance(await sender.send(outgoing(listener.url)), Answer)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "0"])
async def test_disguised_addresses_are_refused_even_where_the_network_is_allowed(
    listener: Receiver, host: str
) -> None:
    async with Sender(Policy.of(allowed=["127.0.0.0/8", "0.0.0.0/8", "::/0"])) as sender:
        url = f"http://{host}:{listener.port}/"
        assert await sender.check_url(url)
        assert isinstance(await sender.send(outgoing(url)), NoAnswer)
    assert listener.connections == 0


async def test_the_operators_denied_networks_win(listener: Receiver) -> None:
    policy = Policy.of(allowed=["127.0.0.0/8"], denied=["127.0.0.1/32"])

    async with Sender(policy) as sender:
        assert await sender.check_url(listener.url) == [UNREACHABLE]
        await sender.send(outgoing(listener.url))

    assert listener.connections == 0


@pytest.mark.parametrize(
    ("url", "policy"),
    [
        (f"https://{PUBLIC}/hook", Policy()),
        (f"https://{PUBLIC}:8443/hook", Policy()),
        (f"https://{PUBLIC}:80/hook", Policy()),
        ("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/", Policy()),
        ("https://hooks.example.com/a?b=c", Policy()),
        ("https://HOOKS.example.com./", Policy()),
        ("https://bücher.example/", Policy()),
        ("https://hooks.example.com:9443/", Policy.of(ports=[9443])),
        ("http://hooks.example.com/", Policy.of(plain_http=True)),
        ("http://hooks.example.com:81/", Policy.of(allowed=["93.184.0.0/16"])),
    ],
)
async def test_public_addresses_are_fine(url: str, policy: Policy) -> None:
    assert await check_url(url, policy, Names([PUBLIC])) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "//hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
        "https://",
        "https:///hook",
        "https://user:password@hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://@hooks.example.com/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:22/",
        "http://hooks.example.com/",
        "https://hooks example.com/",
        "https://hooks.example.com/\r\nX: y",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://a..example.com/",
        "https://-.example.com/",
        "https://hooks.example.com/" + "x" * 2048,
        "https://hooks.exa\u0000mple.com/",
        "https://[::1",
        "https://999.1.1.1/",
        "https://1.2.3/",
        "https://example.0x7f/",
    ],
)
async def test_what_isnt_an_ordinary_https_url_is_refused_with_a_reason(url: str) -> None:
    (error,) = await check_url(url, Policy(), Names([PUBLIC]))

    assert error.endswith(".")


async def test_errors_dont_tell_blocked_from_refused_from_unknown(listener: Receiver) -> None:
    blocked = f"http://blocked.example.com:{listener.port}/"
    async with receiving() as closed:
        refusing = f"http://refusing.example.com:{closed.port}/"
    names = {"blocked.example.com": ["127.0.0.1"], "refusing.example.com": ["127.0.0.2"]}

    async def resolve(host: str, port: int) -> Sequence[str]:
        if host not in names:
            raise OSError("Name or service not known")
        return names[host]

    policy = any_port(Policy.of(allowed=["127.0.0.2/32"]), listener.port)
    async with Sender(policy, resolve=resolve) as sender:
        outcomes = [
            await sender.send(outgoing(url))
            for url in (blocked, refusing, "https://unknown.example.com/")
        ]
        errors = [await sender.check_url(url) for url in (blocked, "https://unknown.example.com/")]

    assert [outcome.reason for outcome in outcomes if isinstance(outcome, NoAnswer)] == [
        Silence.UNREACHABLE
    ] * 3
    assert errors == [[UNREACHABLE], [UNREACHABLE]]
    assert listener.connections == 0


async def test_the_environments_proxies_are_not_used(
    listener: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with Sender(Policy.of(allowed=["127.0.0.1/32"])) as sender:
            await sender.send(outgoing(listener.url))

        assert proxy.connections == 0
    assert listener.connections == 1


@pytest.mark.parametrize(
    "network", [network for network in DENIED if network.prefixlen > 0], ids=str
)
def test_both_ends_of_every_listed_network_are_special(network: object) -> None:
    assert is_special(network[0])  # type: ignore[index]
    assert is_special(network[-1])  # type: ignore[index]


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450::1", "172.32.0.1"]
)
def test_ordinary_addresses_arent_special(address: str) -> None:
    assert not is_special(canonical(address))


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_what_it_maps(address: object) -> None:
    assert canonical(f"::ffff:{address}") == canonical(str(address)) == address


async def test_the_systems_resolver_knows_this_machine() -> None:
    resolve = SystemResolver()
    try:
        assert "127.0.0.1" in await resolve("localhost", 80) or "::1" in await resolve(
            "localhost", 80
        )
        with pytest.raises(OSError):  # noqa: PT011
            await resolve("no-such-name.invalid", 80)
    finally:
        resolve.close()


def test_the_guard_speaks_modern_tls_only_with_certificates_checked() -> None:
    context = httpx.create_ssl_context(trust_env=False)

    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
