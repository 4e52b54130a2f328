"""The configuration is refused in one clear line, warned about when misspelt, and documented from
the code."""

import pytest

from healthsvc import settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(settings.PREFIX + name.upper(), raising=False)


def test_everything_has_a_default() -> None:
    loaded = settings.load()
    assert (loaded.host, loaded.port, loaded.partitions, loaded.archive) == (
        "127.0.0.1",
        8000,
        4,
        True,
    )
    assert loaded.database is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PARTITIONS", "0"),
        ("DATABASE_URL", "mysql://h/x"),
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost"),
        ("EVENTS_TOPIC", "no spaces"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8,nonsense"),
        ("WEBHOOK_TIMEOUT_SECONDS", "inf"),
        ("ARCHIVE", "perhaps"),
        ("ADMIN_KEY", "with space"),
        ("SECRET_KEY", "short"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("SCORECARD", "/does/not/exist.yaml"),
        ("LEASE_SECONDS", "nan"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_with_its_name_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"HEALTHSVC_{name}", value)
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load()
    message = str(refusal.value)
    assert message.startswith(f"HEALTHSVC_{name}: ")
    assert "\n" not in message
    assert "must be" in message


def test_two_bad_values_are_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTHSVC_PORT", "x")
    monkeypatch.setenv("HEALTHSVC_ARCHIVE", "x")
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load()
    assert len(str(refusal.value).splitlines()) == 2


@pytest.mark.parametrize("name", ["ADMIN_KEY", "SECRET_KEY", "DATABASE_URL"])
def test_a_refused_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"HEALTHSVC_{name}", "hush me")
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load()
    assert "hush" not in str(refusal.value)


def test_lists_are_written_with_commas_and_empty_means_unset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEALTHSVC_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8, fd00::/8")
    monkeypatch.setenv("HEALTHSVC_KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:9092")
    monkeypatch.setenv("HEALTHSVC_DATABASE_URL", "")
    loaded = settings.load()
    assert [str(network) for network in loaded.webhook_allowed_networks] == [
        "127.0.0.0/8",
        "fd00::/8",
    ]
    assert loaded.kafka_bootstrap_servers == "a:9092,b:9092"
    assert loaded.database is None


def test_a_unix_socket_is_a_database_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTHSVC_DATABASE_URL", "postgresql://me@/health?host=/run/postgresql")
    assert settings.load().database == "postgresql://me@/health?host=/run/postgresql"


def test_an_unknown_variable_is_named_with_the_nearest_one() -> None:
    (warning,) = settings.unknown(
        {"HEALTHSVC_DATABSE_URL": "x", "HEALTHSVC_PORT": "1", "PATH": "x"}
    )
    assert (
        warning == "HEALTHSVC_DATABSE_URL is not a variable of healthsvc; did you mean"
        " HEALTHSVC_DATABASE_URL?"
    )


def test_the_reference_has_a_row_with_a_meaning_for_every_variable() -> None:
    table = settings.reference()
    for name, field in settings.Settings.model_fields.items():
        assert f"| `HEALTHSVC_{name.upper()}` |" in table
        assert field.description
