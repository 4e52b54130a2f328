"""Event logs and outcome rows as columns, as files really write them."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from healthsvc.wire.files import row_groups
from healthsvc.wire.files.columns import instants, read_events
from healthsvc.wire.files.file_lines import FileRefusedError
from healthsvc.wire.files.labels import read_labels
from healthsvc.wire.files.row_groups import RowTally

HEAD = "account_id,ts,type,value\n"
NOON = 1_704_110_400_000_000
"""2024-01-01T12:00:00Z."""


def write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.name.endswith(".gz") else text.encode())
    return path


def read(path: Path) -> tuple[list[tuple[str, str, int, float]], RowTally]:
    tally = RowTally()
    rows = [
        (a, t, us, v)
        for g in read_events(path, tally)
        for a, t, us, v in zip(g.accounts, g.types, g.us.tolist(), g.values.tolist(), strict=True)
    ]
    return rows, tally


@pytest.mark.parametrize("name", ["e.csv", "e.csv.gz"])
@pytest.mark.parametrize("chunk", [16, 40, 4 << 20])
def test_rows_come_out_as_they_stand_however_the_file_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, chunk: int
) -> None:
    monkeypatch.setattr(row_groups, "CHUNK_BYTES", chunk)
    path = write(
        tmp_path / name, HEAD + "a,2024-01-01T12:00:00Z,buy,1.5\r\nb,2024-01-01T12:00:01Z,17,-2\n"
    )

    rows, tally = read(path)

    assert rows == [("a", "buy", NOON, 1.5), ("b", "17", NOON + 1_000_000, -2.0)]
    assert (tally.rows, tally.bad) == (2, 0)


@pytest.mark.parametrize("chunk", [16, 4 << 20])
def test_quoted_fields_and_other_orders_of_columns_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(row_groups, "CHUNK_BYTES", chunk)
    text = (
        "\ufefftype,note,account_id,ts\nbuy,,a,2024-01-01T12:00:00Z\n"
        + '"bu,y","x\ny",b,2024-01-01T12:00:00Z\n'
    )

    rows, _ = read(write(tmp_path / "e.csv", text))

    assert [(a, t, us) for a, t, us, _ in rows] == [("a", "buy", NOON), ("b", "bu,y", NOON)]
    assert all(np.isnan(v) for *_, v in rows)


@pytest.mark.parametrize(
    ("text", "us", "naive"),
    [
        ("2024-01-01T12:00:00Z", NOON, 0), ("2024-01-01T12:00:00", NOON, 1), ("2024-01-01 12:00:00",
        NOON, 1),
        ("2024-01-01T14:00:00+02:00", NOON, 0), ("2024-01-01T12:00:00.000Z", NOON, 0),
        ("2024-01-01 12:00:00.000000", NOON, 1), ("2024-01-01", NOON - 12 * 3_600_000_000, 0),
        ("2024-01-01T12:00", NOON, 1), ("20240101T120000Z", NOON, 0), (" 2024-01-01T12:00:00Z",
        NOON, 0),
        ("2024-01-01T14:00:00+0200", NOON, 0),
    ],
)  # fmt: skip
def test_times_are_read_in_the_forms_that_files_use(text: str, us: int, naive: int) -> None:
    for count in (1, 40):
        found, ok, without = instants([text] * count)
        assert ok.all()
        assert found.tolist() == [us] * count
        assert without == naive * count


def test_bad_event_rows_are_set_aside_with_path_and_line(tmp_path: Path) -> None:
    good = "a,2024-01-01T12:00:00Z,buy,x\n" * 30
    bad = "a,noon,buy,1\n,2024-01-01T12:00:00Z,buy,1\na,b\n\n"

    rows, tally = read(write(tmp_path / "e.csv", HEAD + good + bad))

    assert len(rows) == 30
    assert tally.bad == 3
    assert tally.unreadable_values == 30
    assert any("e.csv, line 34: 2 fields where the header has 4" in s for s in tally.examples)
    assert any("e.csv, line 32: ts must be a time" in s for s in tally.examples)


def test_a_file_that_is_mostly_bad_or_not_of_the_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match=r"missing type"):
        read(write(tmp_path / "a.csv", "account_id,ts\na,b\n"))
    with pytest.raises(FileRefusedError, match=r"40 of 40 rows can't be read"):
        read(write(tmp_path / "b.csv", HEAD + "a,noon,buy,1\n" * 40))
    with pytest.raises(FileRefusedError, match=r"c.csv.gz"):
        read(_cut(tmp_path))


def _cut(folder: Path) -> Path:
    path = folder / "c.csv.gz"
    path.write_bytes(gzip.compress((HEAD + "a,2024-01-01T12:00:00Z,buy,1\n" * 999).encode())[:-20])
    return path


def test_outcome_rows_need_what_the_answer_needs(tmp_path: Path) -> None:
    head = "account_id,obs_ts,horizon_days,churned,churn_ts\n"
    labels = read_labels(
        write(
            tmp_path / "l.csv",
            head + "a,2024-01-01T12:00:00Z,28,1,2024-01-05T00:00:00Z\nb,2024-01-01,7.5,,\n",
        ),
        outcomes=True,
    )
    with pytest.raises(
        FileRefusedError, match=r"line 2: horizon_days must be a number of days, got 'x'"
    ):
        read_labels(
            write(tmp_path / "m.csv", head + "a,2024-01-01T12:00:00Z,x,1,\n"), outcomes=False
        )
    with pytest.raises(
        FileRefusedError, match=r"line 2: churned must be 0, 1 or empty, got 'maybe'"
    ):
        read_labels(
            write(tmp_path / "n.csv", head + "a,2024-01-01T12:00:00Z,9,maybe,\n"), outcomes=True
        )

    assert labels.churned.tolist()[0] == 1.0
    assert np.isnan(labels.churned[1])
    assert labels.churn_us.tolist()[1] == -1
    assert labels.horizon_us.tolist() == [28 * 86_400_000_000, round(7.5 * 86_400_000_000)]
