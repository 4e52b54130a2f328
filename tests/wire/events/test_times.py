"""Instants from texts: the vectorised parser says what datetime says, text by text."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healthsvc.wire.events.times import FEW, is_naive, parse_date, parse_instant, parse_instants

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
INSTANTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=OFFSETS | st.just(UTC))  # noqa: DTZ001  # hypothesis wants them so
PRECISIONS = st.sampled_from(["seconds", "milliseconds", "microseconds"])


def microseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


@st.composite
def written(draw: st.DrawFn) -> str:
    text = draw(INSTANTS).isoformat(timespec=draw(PRECISIONS))
    return text.replace("+00:00", "Z") if draw(st.booleans()) else text


@given(st.lists(written(), min_size=FEW, max_size=2 * FEW))
@settings(max_examples=25, deadline=None)
def test_a_batch_of_instants_is_read_as_datetime_reads_it(texts: list[str]) -> None:
    us, ok = parse_instants(texts)

    assert ok.all()
    assert us.tolist() == [microseconds(datetime.fromisoformat(text)) for text in texts]


@settings(deadline=None)
@given(written(), st.integers(0, 31), st.sampled_from("0123456789:-+.TZ ,/?é\x00٣"))
def test_a_damaged_text_is_judged_in_a_batch_as_it_is_alone(
    text: str, place: int, letter: str
) -> None:
    damaged = text[:place] + letter + text[place + 1 :]

    us, ok = parse_instants([damaged] * FEW)

    alone = parse_instant(damaged)
    assert ok.tolist() == [alone is not None] * FEW
    assert us.tolist() == [alone or 0] * FEW


@given(st.lists(written() | st.text(max_size=33), max_size=2 * FEW))
def test_each_text_of_a_mixed_batch_is_judged_on_its_own(texts: list[str]) -> None:
    us, ok = parse_instants(texts)

    alone = [parse_instant(text) for text in texts]
    assert [int(value) if good else None for value, good in zip(us, ok, strict=True)] == alone


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("2024-02-29T00:00:00Z", True),
        ("2023-02-29T00:00:00Z", False),
        ("1900-02-29T00:00:00Z", False),
        ("2000-02-29T00:00:00Z", True),
        ("2026-04-31T00:00:00Z", False),
        ("2026-00-10T00:00:00Z", False),
        ("2026-13-10T00:00:00Z", False),
        ("2026-01-00T00:00:00Z", False),
        ("2026-01-01T24:00:00Z", False),
        ("2026-01-01T23:60:00Z", False),
        ("2026-01-01T23:59:60Z", False),
        ("2026-01-01T00:00:00+24:00", False),
        ("2026-01-01T00:00:00+23:60", False),
        ("2026-01-01T00:00:00,00:00", False),
        ("2026-01-01T00:00:00-00:00", True),
        ("2026-01-01t00:00:00z", True),
        ("2026-01-01 00:00:00Z", True),
        ("2026-01-01T00:00:00.123456789Z", True),
        ("2026-01-01T00:00:00.1234567890Z", True),
        ("2026-01-01T00:00:00." + "9" * 40 + "+01:00", True),
        ("2026-01-01T00:00:00.Z", False),
        ("2026-01-01T00:00:00.000+0000", True),
        ("2026-01-01T00:00:00-0330", True),
        ("2026-01-01T00:00Z", True),
        ("2026-01-01T00:00+0100", True),
        ("2026-01-01T00:00.5Z", False),
        ("2026-01-01T00:00", False),
        ("2026-01-01T00Z", False),
        ("2026-01-01T00:00:00+01", False),
        ("2026-01-01T00:00:00", False),
        ("2026-01-01", False),
        ("20260101T000000Z", False),
        ("2026-W01-1T00:00:00Z", False),
        ("", False),
    ],
)
def test_an_instant_is_rfc_3339_with_an_offset_seconds_and_its_colon_left_out_or_not(
    text: str, readable: bool
) -> None:
    assert (parse_instant(text) is not None) == readable
    assert parse_instants([text] * FEW)[1].all() == readable


def test_digits_past_the_microsecond_are_cut_off() -> None:
    assert parse_instant("1970-01-01T00:00:00.123456999Z") == 123_456


def test_a_date_is_its_midnight_utc() -> None:
    assert parse_date("1970-01-02") == 86_400_000_000
    assert parse_date("2026-02-30") is None
    assert parse_date("2026-2-3") is None


def test_a_time_without_offset_is_known_as_naive() -> None:
    assert is_naive("2026-05-04T09:30:00")
    assert not is_naive("2026-05-04T09:30:00Z")
    assert not is_naive("soon")


def test_no_texts_give_empty_columns() -> None:
    us, ok = parse_instants([])

    assert us.dtype == np.int64
    assert (len(us), len(ok)) == (0, 0)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-28T09:00:00.000+0000", "2026-11-28T09:00:00Z"),
        ("2026-11-28T09:00Z", "2026-11-28T09:00:00Z"),
        ("2026-11-28T09:00-0330", "2026-11-28T12:30:00Z"),
        ("2026-11-28T09:00:00.12345678901234Z", "2026-11-28T09:00:00.123456Z"),
    ],
)
def test_forms_beyond_rfc_3339_mean_what_they_look_like(text: str, same: str) -> None:
    assert parse_instant(text) == parse_instant(same)
