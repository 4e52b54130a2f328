"""A real Apache Kafka broker (KRaft, one node), started from Maven's jars; a test may stop, kill
and restart it."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.cimpl import NewPartitions

from tests.support import shared
from tests.support.ports import free_ports
from tests.support.waiting import PATIENCE_SECONDS, eventually

ROOT = Path(__file__).resolve().parents[2]
POM = Path(__file__).with_name("kafka") / "pom.xml"
JARS = ROOT / ".kafka" / "libs-4.3.0"
FORMATTED = ROOT / ".kafka" / "formatted-4.3.0"
ADDRESS_VARIABLE = "HEALTHSVC_TEST_KAFKA"
CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAA"
JVM = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=4
broker.session.timeout.ms=3000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class KafkaBroker:
    """One broker on one folder and one pair of ports, the same over restarts."""

    def __init__(self, folder: Path | None = None, *, jvm: tuple[str, ...] = JVM) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="healthsvc-kafka-"))
        self.port, self._controller = free_ports(2)
        self._jvm = jvm
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What clients call bootstrap servers."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker isn't running"
        return self._process.pid

    def start(self) -> str:
        """Start (on a fresh log at first), wait until it answers, and return its address."""
        classpath = f"{fetch_jars()}/*"
        properties = self.folder / "server.properties"
        if not properties.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(_formatted(classpath), self.folder / "data")
            properties.write_text(self._properties())
        with open(self.folder / "broker.log", "ab") as output:
            self._process = subprocess.Popen(
                ["java", *self._jvm, "-cp", classpath, "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self._wait_until_ready()
        return self.address

    def stop(self) -> None:
        """Stop in good order; idempotent."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Stop and forget its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _properties(self) -> str:
        return PROPERTIES.format(
            port=self.port, controller=self._controller, data=self.folder / "data"
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (_answers(self.port) and _knows_brokers(self.address)):
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "broker.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"Kafka did not start:\n{tail}")
            time.sleep(0.1)


def fetch_jars() -> Path:
    """The folder of the broker's jars, fetched once with Maven into .kafka/ and kept."""

    def fetch(fresh: Path) -> None:
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
        subprocess.run(["mvn", "-q", "-B", "-f", str(POM), *goal], check=True)

    return _made_once(JARS, fetch)


def _formatted(classpath: str) -> Path:
    """The log folder of a broker that never ran, made once and kept: each broker begins with a
    copy."""

    def format(fresh: Path) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".properties", encoding="ascii") as properties:
            properties.write(PROPERTIES.format(port=1, controller=2, data=fresh))
            properties.flush()
            tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties.name]
            command = [
                "java",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                classpath,
                *tool,
            ]
            subprocess.run(command, check=True, capture_output=True)

    return _made_once(FORMATTED, format)


def _made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made beside its place and then renamed unless it is there; one process at a
    time."""
    folder.parent.mkdir(exist_ok=True)
    with open(folder.parent / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            fresh = folder.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            make(fresh)
            fresh.rename(folder)
    return folder


def shared_broker() -> str:
    """The session's broker: the one that HEALTHSVC_TEST_KAFKA names, else one started by the first
    to ask."""
    return os.environ.get(ADDRESS_VARIABLE) or shared.shared("kafka", _start_shared)


def _start_shared() -> tuple[int, str]:
    broker = KafkaBroker(shared.folder() / "kafka")
    broker.start()
    return broker.pid, broker.address


def create_topic(
    address: str, name: str, *, partitions: int, config: Mapping[str, str] | None = None
) -> None:
    """Make a topic and wait until it can be used."""
    admin = AdminClient({"bootstrap.servers": address})
    topic = NewTopic(
        name, num_partitions=partitions, replication_factor=1, config=dict(config or {})
    )
    for future in admin.create_topics([topic]).values():
        future.result(PATIENCE_SECONDS)
    _wait_until_led(admin, name, partitions)


def grow_topic(address: str, name: str, *, partitions: int) -> None:
    """Raise a topic's number of partitions, and wait until they can be used."""
    admin = AdminClient({"bootstrap.servers": address})
    for future in admin.create_partitions([NewPartitions(name, partitions)]).values():
        future.result(PATIENCE_SECONDS)
    _wait_until_led(admin, name, partitions)


def _wait_until_led(admin: AdminClient, name: str, partitions: int) -> None:
    """The controller has them at once; the broker hears of them, leads them and tells clients a
    moment later."""

    def led() -> int:
        found = admin.list_topics(name, timeout=PATIENCE_SECONDS).topics[name].partitions.values()
        return sum(each.leader >= 0 for each in found)

    eventually(
        led,
        lambda count: count == partitions,
        what=f"{partitions} partitions of {name} have a leader",
    )


def delete_topic(address: str, name: str) -> None:
    """Delete a topic; a broker that is away or a topic that is gone are no matter."""
    admin = AdminClient({"bootstrap.servers": address})  # must live as long as its futures
    for future in admin.delete_topics([name]).values():
        with suppress(KafkaException, TimeoutError):
            future.result(10)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _knows_brokers(address: str) -> bool:
    quiet = {"bootstrap.servers": address, "log_level": 0, "socket.timeout.ms": 3000}
    try:
        return bool(AdminClient(quiet).list_topics(timeout=3).brokers)
    except KafkaException:
        return False
