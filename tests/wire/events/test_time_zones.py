"""Time zones of profiles: IANA's names, those of Windows by CLDR, and nothing else."""

import json

import pytest

from healthsvc.wire.events.catalogue import CustomerUpdated
from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.events.rejects import FieldError
from healthsvc.wire.events.time_zones import RULE

FOREVER_US = 1 << 62


def profile(zone: object, number: int = 0) -> bytes:
    return json.dumps(
        {
            "id": str(number),
            "source": "crm",
            "type": "customer.updated",
            "customer_id": "acme",
            "occurred_at": "2026-05-04T09:30:00Z",
            "data": {"timezone": zone, "mrr": 5},
        }
    ).encode()


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("E. South America Standard Time", "America/Sao_Paulo"),
        ("India Standard Time", "Asia/Kolkata"),
        ("pacific standard time", "America/Los_Angeles"),
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("UTC", "UTC"),
    ],
)
def test_a_time_zone_is_known_by_its_name_in_iana_or_windows(written: str, zone: str) -> None:
    batch = decode_batch([profile(written)], now_us=FOREVER_US, is_intake=True)
    event = batch.events[0]
    assert isinstance(event, CustomerUpdated)
    aliases = {"Asia/Calcutta": "Asia/Kolkata"}
    assert aliases.get(event.data.timezone or "", event.data.timezone) == zone
    assert event.data.mrr == 5
    assert batch.raws == [profile(written)]


@pytest.mark.parametrize(
    "written",
    ["Pacific", "PST8", "GMT+2", "Berlin", "(UTC-08:00) Pacific Time (US & Canada)", "../etc"],
)
def test_an_unknown_time_zone_is_refused_where_events_come_in_and_the_others_go_on(
    written: str,
) -> None:
    batch = decode_batch(
        [profile("UTC"), profile(written, 1), profile("UTC", 2)], now_us=FOREVER_US, is_intake=True
    )
    assert batch.index == [0, 2]
    (reject,) = batch.rejects
    assert (reject.index, reject.reason) == (1, "invalid_data")
    assert reject.errors == [FieldError("/data/timezone", f"{RULE}, got {written!r}")]


def test_what_was_accepted_before_is_still_read() -> None:
    batch = decode_batch([profile("Nowhere")], now_us=FOREVER_US)
    assert len(batch.events) == 1
    assert not batch.rejects
