"""The configuration: variables with the prefix HEALTHSVC_, each declared, described and checked
here, at start."""

import difflib
import re
import sys
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from healthsvc.core.errors import InvalidInput

PREFIX = "HEALTHSVC_"
FOR_TESTS = PREFIX + "TEST_"


class SettingsError(InvalidInput, ValueError):
    """A variable has a value that isn't allowed; the message names each, what was given and what is
    allowed."""


def _split(value: object) -> object:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _matching(pattern: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not re.match(pattern, value.get_secret_value()):
            raise ValueError("does not match")
        return value

    return AfterValidator(check)


Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)]
DatabaseUrl = Annotated[SecretStr, _matching(r"postgres(ql)?://")]
AdminKey = Annotated[SecretStr, _matching(r"\S+$")]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError("is not a time zone") from error
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]


def _setting(default: object, meaning: str, allowed: str, **constraints: Any) -> Any:
    return Field(
        default=default, description=meaning, json_schema_extra={"allowed": allowed}, **constraints
    )


class Settings(BaseSettings):
    """All variables. Read once at start by `load`, never changed."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    host: str = _setting(
        "127.0.0.1", "Address that the API listens on.", "a host name or address", min_length=1
    )
    port: int = _setting(
        8000,
        "Port of the API; 0 takes any free one and prints it.",
        "a whole number from 0 to 65535",
        ge=0,
        le=65535,
    )
    request_head_seconds: float = _setting(
        10.0,
        "Time in which the headers of a request must arrive, and a new connection's first.",
        "a number from 1 to 300",
        ge=1,
        le=300,
    )
    request_body_seconds: float = _setting(
        30.0, "Time in which a request's body must arrive.", "a number from 1 to 600", ge=1, le=600
    )
    connections_per_address: int = _setting(
        500,
        "Connections that one client address may hold open; the oldest one without a request makes"
        " room for another.",
        "a whole number from 1 to 100000",
        ge=1,
        le=100_000,
    )
    trusted_proxies: Networks = _setting(
        (),
        "Networks of proxies in front, to which the limit of connections per address doesn't"
        " apply.",
        "networks like 10.0.0.0/8 or fd00::/8, several with commas",
    )
    data_dir: Path = _setting(
        Path("./data"),
        "Folder of the embedded PostgreSQL (used when no database is named).",
        "a path",
    )
    database_url: DatabaseUrl | None = _setting(
        None,
        "PostgreSQL 15 or newer to use instead of the embedded one.",
        "an address like postgresql://user:password@host:5432/name, or …/name?host=/socket/folder",
    )
    kafka_bootstrap_servers: str | None = _setting(
        None,
        "Kafka to read events from as well; without it the API is the only way in.",
        "host:port, several with commas",
        pattern=r"^[^\s,]+:\d+(\s*,\s*[^\s,]+:\d+)*$",
    )
    events_topic: str = _setting(
        "healthsvc.events",
        "Kafka topic of the events; it may exist already, with any number of partitions.",
        "a topic name",
        pattern=r"^[a-zA-Z0-9._-]{1,249}$",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = _setting(
        "PLAINTEXT", "How to talk to the brokers.", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = _setting(
        "PLAIN",
        "How to say who we are, with a SASL protocol.",
        "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
    )
    kafka_sasl_username: str | None = _setting(None, "User name for SASL.", "a name")
    kafka_sasl_password: SecretStr | None = _setting(None, "Password for SASL.", "a password")
    kafka_ssl_cafile: Path | None = _setting(
        None,
        "Certificates (PEM) that the brokers' are signed with; unset: the system's.",
        "the path of a file that exists",
    )
    admin_key: AdminKey | None = _setting(
        None,
        "An API key with all rights that holds from the start, for scripts.",
        "any text without white space",
    )
    api_url: str | None = _setting(
        None,
        "Address of a running service for the commands that read it (customers, alerts, …); unset:"
        " the host and port above.",
        "an address like https://health.example.com",
        pattern=r"^https?://\S+$",
    )
    api_key: AdminKey | None = _setting(
        None,
        "API key for these commands; unset: HEALTHSVC_ADMIN_KEY.",
        "any text without white space",
    )
    secret_key: SecretStr | None = _setting(
        None,
        "Key behind API key hashes and stored webhook secrets; unset: made once and kept in the"
        " database.",
        "at least 32 characters, kept the same for ever",
        min_length=32,
    )
    webhook_allowed_networks: Networks = _setting(
        (),
        "Networks that webhooks may go to although they are private.",
        "networks like 10.0.0.0/8 or fd00::/8, several with commas",
    )
    webhook_timeout_seconds: float = _setting(
        15.0,
        "Time for one webhook attempt, from connecting to the end of the answer.",
        "a number from 1 to 120",
        ge=1,
        le=120,
    )
    partitions: int = _setting(
        4,
        "Partitions of the log at the first start; a higher number later adds some, none is ever"
        " taken away.",
        "a whole number from 1 to 4096",
        ge=1,
        le=4096,
    )
    lease_seconds: float = _setting(
        10.0,
        "Time after which another worker takes the partitions of one that doesn't answer.",
        "a number from 1 to 300",
        ge=1,
        le=300,
    )
    flush_events: int = _setting(
        250_000,
        "Events after which a flush is due at the latest.",
        "a whole number from 1 to 1000000",
        ge=1,
        le=1_000_000,
    )
    flush_seconds: float = _setting(
        0.02,
        "Time after which a flush is due at the latest while events keep coming.",
        "a number from 0 to 10",
        ge=0,
        le=10,
    )
    archive: bool = _setting(
        True,
        "Keep every event: the timeline, the explanation's events and rebuilding need it.",
        "true or false",
    )
    archive_retention_days: int | None = _setting(
        None,
        "Days after which archived events are dropped; unset: never.",
        "a whole number from 1",
        ge=1,
    )
    log_retention_days: int = _setting(
        7,
        "Days that entries of the table log are kept after they were folded.",
        "a whole number from 1",
        ge=1,
    )
    dedupe_window_days: int = _setting(
        7,
        "An event that comes again is counted once within this window.",
        "a whole number from 1 to 90",
        ge=1,
        le=90,
    )
    dedupe_memory_mib: int = _setting(
        256,
        "Memory for the ids of that window, for each processing role.",
        "a whole number from 16",
        ge=16,
    )
    state_memory_mib: int = _setting(
        768,
        "Memory for customers' states, for each processing role; colder ones stay in the database.",
        "a whole number from 32",
        ge=32,
    )
    scorecard: Path | None = _setting(
        None,
        "Scorecard (YAML) to start a fresh database with; unset: the default one.",
        "the path of a file that exists",
    )
    changes_retention_days: int = _setting(
        30,
        "Days for which the change feed keeps a change; who was away longer reads the lists anew.",
        "a whole number from 1 to 3650",
        ge=1,
        le=3650,
    )
    timezone: TimeZone = _setting(
        "UTC",
        "Time zone of customers whose profile names none: for the hours at which to call.",
        "a name like Europe/Berlin",
    )
    calls_a_day: int = _setting(
        5,
        "Customers that somebody speaks with in a day: the length of a worklist.",
        "a whole number from 1 to 250",
        ge=1,
        le=250,
    )
    contact_cap: int = _setting(
        2,
        "Contacts within the days below from which a customer is ranked down.",
        "a whole number from 1 to 3",
        ge=1,
        le=3,
    )
    contact_cap_days: int = _setting(
        7, "Days within which contacts are counted.", "a whole number from 1 to 90", ge=1, le=90
    )
    stall_seconds: float = _setting(
        30.0,
        "How long an input may make no progress, or Kafka be away, before /readyz and an operations"
        " alert say so.",
        "a number from 1 to 3600",
        ge=1.0,
        le=3600.0,
    )
    metrics_port: int | None = _setting(
        None,
        "Port of /readyz, /livez and /metrics for the roles process and deliver; unset: none. The"
        " API has its own.",
        "a whole number from 1 to 65535",
        ge=1,
        le=65535,
    )
    log_level: LogLevel = _setting(
        "INFO", "Least level of log lines.", "DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Literal["json", "console"] | None = _setting(
        None, "Form of log lines; unset: console on a terminal, else json.", "json or console"
    )

    @property
    def scorecard_document(self) -> str | None:
        """The text of the scorecard file; None: the default one. Raises OSError, UnicodeError."""
        return self.scorecard.read_text(encoding="utf-8") if self.scorecard else None

    @property
    def log_style(self) -> Literal["json", "console"]:
        """The form of log lines as it stands."""
        return self.log_format or ("console" if sys.stderr.isatty() else "json")

    @property
    def database(self) -> str | None:
        """The address of the operator's own database; None: embedded."""
        return self.database_url.get_secret_value() if self.database_url else None


def load() -> Settings:
    """Read and check the environment; raises SettingsError with one line per bad variable."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError(
            "\n".join(dict.fromkeys(_complaint(e) for e in error.errors()))
        ) from None
    for name, path in (
        ("scorecard", settings.scorecard),
        ("kafka_ssl_cafile", settings.kafka_ssl_cafile),
    ):
        if path is not None and not path.is_file():
            raise SettingsError(_refusal(name, str(path)))
    return settings


def unknown(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each HEALTHSVC_ variable that doesn't exist, with the name that was probably
    meant."""
    variables = [_variable(name) for name in Settings.model_fields]
    strangers = (
        n
        for n in environ
        if n.startswith(PREFIX) and not n.startswith(FOR_TESTS) and n not in variables
    )
    return [_doubt(name, variables) for name in sorted(strangers)]


def described() -> list[dict[str, str | None]]:
    """All variables: name, default (None: unset), what is allowed, and what it means."""
    return [
        {
            "name": _variable(name),
            "default": _default(f),
            "allowed": _allowed(name),
            "meaning": f.description,
        }
        for name, f in Settings.model_fields.items()
    ]


def reference() -> str:
    """A Markdown table of all variables, for README and docs."""
    rows = ["| Variable | Default | Allowed | Meaning |", "|---|---|---|---|"]
    for each in described():
        default = "unset" if each["default"] is None else f"`{each['default']}`"
        rows.append(f"| `{each['name']}` | {default} | {each['allowed']} | {each['meaning']} |")
    return "\n".join(rows) + "\n"


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _allowed(name: str) -> str:
    extra = cast("dict[str, str]", Settings.model_fields[name].json_schema_extra)
    return extra["allowed"]


def _default(field: FieldInfo) -> str | None:
    value = field.default
    if value is None or value == ():
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _complaint(error: Any) -> str:
    name = str(error["loc"][0]).lower().removeprefix(PREFIX.lower())
    value = error["input"]
    return _refusal(name, value.get_secret_value() if isinstance(value, SecretStr) else str(value))


def _refusal(name: str, value: str) -> str:
    secret = "Secret" in str(Settings.model_fields[name].annotation)
    display = "the value given (not shown: it is a secret)" if secret else repr(value)
    return f"{_variable(name)}: {display} is not allowed; it must be {_allowed(name)}."


def _doubt(name: str, variables: list[str]) -> str:
    near = difflib.get_close_matches(name, variables, n=1, cutoff=0.6)
    return f"{name} is not a variable of healthsvc" + (
        f"; did you mean {near[0]}?" if near else "."
    )
