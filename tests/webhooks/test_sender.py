"""One POST to a real receiver on loopback: what comes of good, slow, huge, rude and broken
answers."""

import asyncio
import gzip
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from healthsvc.core.delivery import Answer, NoAnswer, Outcome, Outgoing, Silence
from healthsvc.store.database.secrets import new_signing_secret
from healthsvc.webhooks.address_guard import Policy
from healthsvc.webhooks.sender import Sender
from tests.support.ports import deaf_port
from tests.support.waiting import PATIENCE_SECONDS
from tests.webhooks.receiver import HangUpError, Received, Write, receiving, replying

SECRET = new_signing_secret()
LOOPBACK = Policy.of(allowed=["127.0.0.0/8"])


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with Sender(LOOPBACK, deadline_seconds=PATIENCE_SECONDS) as made:
        yield made


def outgoing(url: str, body: bytes = b'{"type":"test.sent"}', *secrets: str) -> Outgoing:
    return Outgoing(
        url=url, message_id="msg_1", body=body, secrets=secrets or (SECRET,), at=datetime.now(UTC)
    )


def answered(outcome: Outcome) -> Answer:
    assert isinstance(outcome, Answer), outcome
    return outcome


def reason(outcome: Outcome) -> Silence:
    assert isinstance(outcome, NoAnswer), outcome
    return outcome.reason


async def test_a_message_arrives_signed_with_its_id_and_its_exact_bytes(sender: Sender) -> None:
    async with receiving(replying(202, b"thanks")) as receiver:
        outcome = answered(
            await sender.send(outgoing(receiver.url, '{"type":"test.sent","data":"é"}'.encode()))
        )

    (got,) = receiver.received
    assert (outcome.status, outcome.text) == (202, "thanks")
    assert got.id == "msg_1"
    assert got.verified(SECRET) == {"type": "test.sent", "data": "é"}
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("healthsvc/")


async def test_during_a_rotation_both_secrets_verify(sender: Sender) -> None:
    new, old = new_signing_secret(), new_signing_secret()
    async with receiving() as receiver:
        await sender.send(outgoing(receiver.url, b"{}", new, old))

    assert receiver.received[0].verified(new) == {}
    assert receiver.received[0].verified(old) == {}


async def test_connections_are_kept_warm(sender: Sender) -> None:
    async with receiving() as receiver:
        for _ in range(5):
            answered(await sender.send(outgoing(receiver.url)))

    assert len(receiver.received) == 5
    assert receiver.connections == 1


async def test_a_warm_connection_that_breaks_as_it_is_used_is_replaced_within_the_try(
    sender: Sender,
) -> None:
    async def hang_up(received: Received, write: Write) -> None:
        raise HangUpError

    async with receiving(script=[replying(), hang_up]) as receiver:
        answered(await sender.send(outgoing(receiver.url)))
        outcome = await sender.send(outgoing(receiver.url))

    assert answered(outcome).status == 200
    assert receiver.connections == 2


async def test_a_fresh_connection_that_breaks_is_a_failure(sender: Sender) -> None:
    async def hang_up(received: Received, write: Write) -> None:
        raise HangUpError

    async with receiving(hang_up) as receiver:
        outcome = await sender.send(outgoing(receiver.url))

    assert reason(outcome) == Silence.PROTOCOL
    assert len(receiver.received) == 1


async def test_a_redirect_is_not_followed(sender: Sender) -> None:
    async with receiving() as elsewhere, receiving() as receiver:
        receiver.always = replying(307, location=elsewhere.url)
        outcome = answered(await sender.send(outgoing(receiver.url)))

    assert outcome.status == 307
    assert elsewhere.connections == 0


async def test_cookies_are_not_kept(sender: Sender) -> None:
    async with receiving(replying(200, set_cookie="a=b; Path=/")) as receiver:
        await sender.send(outgoing(receiver.url))
        await sender.send(outgoing(receiver.url))

    assert all("cookie" not in each.headers for each in receiver.received)


async def test_what_the_receiver_wishes_is_passed_on(sender: Sender) -> None:
    async with receiving(
        replying(503, retry_after="7", webhook_delivery="abort-message")
    ) as receiver:
        outcome = answered(await sender.send(outgoing(receiver.url)))

    assert (outcome.status, outcome.retry_after, outcome.wish) == (503, "7", "abort-message")


async def test_a_huge_body_is_read_and_kept_up_to_a_limit(sender: Sender) -> None:
    sent = 0

    async def endless(received: Received, write: Write) -> None:
        nonlocal sent
        await write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            await write(b"x" * 8192)
            sent += 8192

    async with receiving(endless) as receiver:
        outcome = answered(await sender.send(outgoing(receiver.url)))
        again = answered(await sender.send(outgoing(receiver.url)))

    assert (outcome.status, again.status) == (200, 200)
    assert outcome.text == "x" * 16 * 1024
    assert sent < 20_000_000, "the rest stayed in sockets' buffers"
    assert receiver.connections == 2, "a connection with unread bytes is dropped"


async def test_a_compressed_body_is_never_unfolded(sender: Sender) -> None:
    bomb = gzip.compress(b"\0" * 30_000_000)
    async with receiving(replying(200, bomb, content_encoding="gzip")) as receiver:
        outcome = answered(await sender.send(outgoing(receiver.url)))

    assert len(outcome.text) <= 16 * 1024
    assert "\0" not in outcome.text


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"],
    ids=["nothing", "headers", "body"],
)
async def test_a_receiver_that_trickles_for_ever_is_cut_off_at_the_deadline(
    beginning: bytes,
) -> None:
    async def trickle(received: Received, write: Write) -> None:
        await write(beginning)
        while True:
            await asyncio.sleep(0.05)
            await write(b"x" if beginning else b"")

    async with receiving(trickle) as receiver, Sender(LOOPBACK, deadline_seconds=1.0) as sender:
        began = time.monotonic()
        outcome = await sender.send(outgoing(receiver.url))

    assert reason(outcome) == Silence.TIMEOUT
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"\0" * 300_000,
    ],
)
async def test_an_answer_that_isnt_http_is_a_failure(sender: Sender, garbage: bytes) -> None:
    async def babble(received: Received, write: Write) -> None:
        await write(garbage)
        raise HangUpError

    async with receiving(babble) as receiver:
        assert reason(await sender.send(outgoing(receiver.url))) == Silence.PROTOCOL


async def test_headers_without_end_are_a_failure(sender: Sender) -> None:
    async def endless(received: Received, write: Write) -> None:
        await write(b"HTTP/1.1 200 OK\r\n")
        while True:
            await write(b"x-more: " + b"x" * 8000 + b"\r\n")

    async with receiving(endless) as receiver:
        assert reason(await sender.send(outgoing(receiver.url))) == Silence.PROTOCOL


async def test_a_port_where_nobody_listens_is_unreachable(sender: Sender) -> None:
    with deaf_port() as port:
        assert (
            reason(await sender.send(outgoing(f"http://127.0.0.1:{port}/hook")))
            == Silence.UNREACHABLE
        )


async def test_a_dead_name_server_counts_into_the_deadline() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        await asyncio.sleep(2 * PATIENCE_SECONDS)
        return []

    async with Sender(LOOPBACK, resolve=resolve, deadline_seconds=0.2) as sender:
        async with asyncio.timeout(PATIENCE_SECONDS):
            outcome = await sender.send(outgoing("https://hooks.example.com/"))

    assert isinstance(outcome, NoAnswer)


async def test_cancelling_leaves_no_trace_behind(sender: Sender) -> None:
    async def never(received: Received, write: Write) -> None:
        await asyncio.sleep(60)

    async with receiving(script=[never]) as receiver:
        task = asyncio.create_task(sender.send(outgoing(receiver.url)))
        await receiver.got(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert answered(await sender.send(outgoing(receiver.url))).status == 200


# ---------------------------------------------------------------------------------------------- TLS


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own for `names`, and a client's that trusts
    it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    alternatives: list[x509.GeneralName] = [
        x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
        for name in names
    ]
    start_at = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start_at)
        .not_valid_after(start_at + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    client = ssl.create_default_context(
        cadata=made.public_bytes(serialization.Encoding.PEM).decode()
    )
    return server, client


async def resolve_to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_tls_is_checked_against_the_name_while_the_checked_address_is_dialled(
    tmp_path: Path,
) -> None:
    server, client = certificate(tmp_path, "hooks.example.com")

    async with (
        receiving(tls=server) as receiver,
        Sender(LOOPBACK, resolve=resolve_to_loopback, tls=client) as sender,
    ):
        right = await sender.send(outgoing(f"https://hooks.example.com:{receiver.port}/"))
        wrong = await sender.send(outgoing(f"https://other.example.com:{receiver.port}/"))

    assert answered(right).status == 200
    assert reason(wrong) == Silence.TLS


async def test_a_certificate_that_nobody_vouches_for_is_a_failure(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path, "hooks.example.com")

    async with (
        receiving(tls=server) as receiver,
        Sender(LOOPBACK, resolve=resolve_to_loopback) as sender,
    ):
        outcome = await sender.send(outgoing(f"https://hooks.example.com:{receiver.port}/"))

    assert reason(outcome) == Silence.TLS
    assert receiver.received == []
