"""Files of events: what comes out of a line, and that it is the same each time."""

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from healthsvc.wire.events.decode import decode_batch
from healthsvc.wire.files.csv_events import ColumnMapping, encode_event
from healthsvc.wire.files.csv_events import load_mapping as load
from healthsvc.wire.files.event_file import EventFile, fingerprint
from healthsvc.wire.files.file_lines import BadLine, FileRefusedError, Line
from tests.support.makers import make_event

NOW_US = 1_790_000_000_000_000
SALES = "account_id,ts,type,value\nc1,2024-01-01T10:00:00Z,purchase,12.5\nc2,2024-01-01T11:00:00Z,purchase,\n"


def write(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(path)


def read(
    path: str, *, mapping: ColumnMapping | None = None, limit: int = 1000, after: int = 0
) -> list[Line | BadLine]:
    file = EventFile(path=path, mapping=mapping)
    return [line for group in file.groups(limit, after=after) for line in group]


def envelopes(path: str, *, mapping: ColumnMapping | None = None) -> list[dict[str, object]]:
    return [
        json.loads(line.value) for line in read(path, mapping=mapping) if isinstance(line, Line)
    ]


def ndjson(count: int) -> bytes:
    return b"".join(
        json.dumps(make_event(id=f"e-{number}")).encode() + b"\n" for number in range(count)
    )


def test_ndjson_lines_come_out_as_they_are_with_their_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, "a.ndjson", b'{"a":1}\n\n  \n{"b":2}')

    assert read(path) == [Line(1, b'{"a":1}'), Line(4, b'{"b":2}')]


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz"])
def test_reading_after_a_line_gives_the_rest(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, ndjson(20))

    whole, rest = read(path, limit=6), read(path, limit=6, after=13)

    assert [line.number for line in whole] == list(range(1, 21))
    assert rest == whole[13:]


def test_gzip_is_known_by_its_first_bytes_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(gzip.compress(ndjson(3)))

    assert len(read(str(path))) == 3


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson.gz"
    path.write_bytes(gzip.compress(ndjson(200))[:-40])

    with pytest.raises(FileRefusedError):
        read(str(path))


def test_standard_input_is_read_as_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BufferedReader(io.BytesIO(ndjson(4)))

    monkeypatch.setattr(sys, "stdin", Stdin())

    assert len(read("-")) == 4


def test_the_header_of_an_event_log_is_understood_without_a_mapping(tmp_path: Path) -> None:
    first, second = envelopes(write(tmp_path, "sales.csv.gz", SALES))

    assert first.pop("id") != second.pop("id")
    assert first == {
        "source": "sales",
        "type": "purchase",
        "customer_id": "c1",
        "occurred_at": "2024-01-01T10:00:00Z",
        "data": {"value": 12.5},
    }
    assert second["data"] == {}


def test_rows_of_a_csv_are_valid_events(tmp_path: Path) -> None:
    lines = [
        line.value for line in read(write(tmp_path, "sales.csv", SALES)) if isinstance(line, Line)
    ]

    decoded = decode_batch(lines, now_us=NOW_US)

    assert decoded.rejects == []
    assert [event.customer_id for event in decoded.events] == ["c1", "c2"]


def test_identical_rows_are_different_events_and_keep_their_ids(tmp_path: Path) -> None:
    row = "c1,2024-01-01T10:00:00Z,login,\n"
    once = write(tmp_path, "once.csv", SALES.splitlines()[0] + "\n" + row * 3)
    again = write(tmp_path, "again.csv", SALES + row * 3)

    ids = [envelope["id"] for envelope in envelopes(once)]

    assert len(set(ids)) == 3
    assert [envelope["id"] for envelope in envelopes(again)[2:]] == ids


def test_a_resumed_csv_gives_the_ids_of_the_whole_one(tmp_path: Path) -> None:
    row = "c1,2024-01-01T10:00:00Z,login,\n"
    path = write(tmp_path, "log.csv", SALES + row * 5)

    assert read(path, after=5) == read(path)[4:]


def test_a_mapping_names_columns_types_and_fixed_values(tmp_path: Path) -> None:
    mapping_file = tmp_path / "m.yaml"
    mapping_file.write_text(
        "columns: {customer_id: kunde, occurred_at: wann, type: was, id: nr}\n"
        "fixed: {source: shop}\n"
        "types: {bezahlt: invoice.paid}\n"
        "data: {invoice_id: rechnung, amount: betrag}\n"
        "text: [invoice_id]\n"
        "timezone: Europe/Berlin\n"
    )
    path = write(
        tmp_path,
        "x.csv",
        "nr,kunde,wann,was,rechnung,betrag\n7,k1,2024-07-01 10:00:00,bezahlt,4711,12\n",
    )

    (envelope,) = envelopes(path, mapping=load(mapping_file))

    assert envelope == {
        "id": "7",
        "source": "shop",
        "type": "invoice.paid",
        "customer_id": "k1",
        "occurred_at": "2024-07-01T10:00:00+02:00",
        "data": {"invoice_id": "4711", "amount": 12},
    }


@pytest.mark.parametrize(
    "text",
    ["colums: {}", "columns: {customer: x}", "timezone: Mars/Base", "columns: [", "text: {a: 1}"],
)
def test_a_wrong_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(text)

    with pytest.raises(FileRefusedError):
        load(path)


def test_a_header_without_a_customer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="customer_id"):
        read(write(tmp_path, "x.csv", "when,type\n1,2\n"))


def test_a_mapping_that_names_a_missing_column_is_refused(tmp_path: Path) -> None:
    mapping = ColumnMapping(columns={"customer_id": "a", "occurred_at": "b", "type": "c"})

    with pytest.raises(FileRefusedError, match="'c'"):
        read(write(tmp_path, "x.csv", "a,b\n1,2\n"), mapping=mapping)


def test_bad_rows_are_told_with_their_lines_and_spoil_nothing(tmp_path: Path) -> None:
    rows = b"c1,2024-01-01T10:00:00Z\n\xc3\xa9\xc3\xa9\xff\xfe,2024-01-01T10:00:00Z,purchase,1\n"
    path = write(tmp_path, "x.csv", SALES.encode() + rows + b"c3,2024-01-02T10:00:00Z,purchase,3\n")

    lines = read(path)

    assert [line[:2] for line in lines if isinstance(line, BadLine)] == [
        (4, "invalid_csv"),
        (5, "invalid_utf8"),
    ]
    assert [line.number for line in lines if isinstance(line, Line)] == [2, 3, 6]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("007", "007"),
        ("nan", "nan"),
        ("1_0", "1_0"),
        ("0", 0),
    ],
)
def test_values_that_look_like_numbers_are_numbers(
    tmp_path: Path, text: str, value: object
) -> None:
    path = write(
        tmp_path, "x.csv", f"account_id,ts,type,value\nc1,2024-01-01T10:00:00Z,purchase,{text}\n"
    )

    assert envelopes(path)[0]["data"] == {"value": value}


def test_a_fingerprint_follows_content_and_salt_not_the_place(tmp_path: Path) -> None:
    here, there = write(tmp_path, "a.csv", SALES), write(tmp_path, "b.csv", SALES)

    assert fingerprint(here, "x") == fingerprint(there, "x")
    assert len({fingerprint(here), fingerprint(here, "x"), fingerprint(here, "x", "y")}) == 3


def test_bytes_read_reach_the_size(tmp_path: Path) -> None:
    file = EventFile(path=write(tmp_path, "a.ndjson", ndjson(10)))
    seen = [file.bytes_read() for _ in file.groups(5)]

    assert seen[-1] == file.size


def test_an_encoded_event_is_a_valid_envelope() -> None:
    line = encode_event(
        id="1",
        source="s",
        type="feature.used",
        customer_id="c",
        occurred_us=NOW_US,
        contact_id=None,
        data={"feature": "x"},
    )

    decoded = decode_batch([line], now_us=NOW_US)

    assert decoded.occurred_us.tolist() == [NOW_US]
