import json

import httpx

from healthsvc.store.database.engine import AsyncEngine
from tests.api.rows import add_dead_letter, fetch
from tests.support.makers import make_event

PATH = "/v1/dead-letters"
OLD = "2026-03-01T09:30:00Z"


def raw(**changes: object) -> bytes:
    return json.dumps(make_event(**({"occurred_at": OLD} | changes))).encode()  # type: ignore[arg-type]  # fields of an event


async def test_dead_letters_show_their_bytes_and_reason(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    text = await add_dead_letter(engine, b'{"id": 1}')
    binary = await add_dead_letter(engine, b"\xff\x00", reason="encoding")
    dropped = await add_dead_letter(engine, None, reason="too_large")

    items = (await api.get(PATH)).json()["items"]
    some = (await api.get(PATH, params={"reason": "encoding"})).json()["items"]
    one = (await api.get(f"{PATH}/{text}")).json()

    assert [item["id"] for item in items] == [dropped, binary, text]
    assert [(item["raw"], item["raw_encoding"]) for item in items] == [
        (None, "utf-8"),
        ("/wA=", "base64"),
        ('{"id": 1}', "utf-8"),
    ]
    assert some == [items[1]]
    assert one == items[2]
    assert one["errors"] == [{"pointer": "/data/score", "detail": "must be from 0 to 10"}]


async def test_a_letter_that_is_an_event_by_now_enters_the_log_once(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    sent = raw(id="e-9")
    letter = await add_dead_letter(engine, sent)

    answer = await api.post(f"{PATH}/{letter}/replay")
    again = await api.post(f"{PATH}/{letter}/replay")

    assert answer.json()["results"] == [
        {"id": letter, "status": "replayed", "event_id": "e-9", "errors": []}
    ]
    assert answer.json()["position"].endswith("-0")
    assert again.json()["results"][0]["status"] == "already_replayed"
    assert await fetch(engine, "select event from log_entries") == [{"event": sent.decode()}]
    assert await fetch(engine, "select replayed_at is not null as done from dead_letters") == [
        {"done": True}
    ]
    assert (await api.get(PATH, params={"replayed": "false"})).json()["items"] == []


async def test_a_letter_that_is_still_wrong_stays_and_says_why(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    letter = await add_dead_letter(engine, raw(source=7))

    answer = await api.post(f"{PATH}/{letter}/replay", json={})

    (result,) = answer.json()["results"]
    assert (result["status"], result["errors"][0]["pointer"]) == ("rejected", "/source")
    assert answer.json()["position"] is None
    assert await fetch(engine, "select replayed_at from dead_letters") == [{"replayed_at": None}]


async def test_a_corrected_event_takes_the_place_of_what_came(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    letter = await add_dead_letter(engine, None)
    refused = await api.post(f"{PATH}/{letter}/replay")

    answer = await api.post(
        f"{PATH}/{letter}/replay", json={"event": make_event(id="fixed", occurred_at=OLD)}
    )

    assert refused.json()["results"][0]["status"] == "rejected"
    assert answer.json()["results"][0]["event_id"] == "fixed"
    assert len(await fetch(engine, "select * from log_entries")) == 1


async def test_a_binary_cloudevent_is_replayed_with_its_headers(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": "c-1",
        "ce_source": "crm",
        "ce_type": "page.viewed",
        "ce_subject": "acme",
        "ce_time": OLD,
        "content-type": "application/json",
    }
    letter = await add_dead_letter(engine, b'{"url": "https://example.com/"}', headers=headers)

    answer = await api.post(f"{PATH}/{letter}/replay")

    assert answer.json()["results"][0]["status"] == "replayed"
    (row,) = await fetch(engine, "select event from log_entries")
    assert json.loads(row["event"])["customer_id"] == "acme"


async def test_headers_that_are_null_repeated_or_escaped_are_shown_and_replayed(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    told = {"x": None, "a\\x00b": "\\xff", "r": ["1", None]}
    letter = await add_dead_letter(engine, raw(id="e-10"), headers=told)

    shown = (await api.get(f"{PATH}/{letter}")).json()
    answer = await api.post(f"{PATH}/{letter}/replay")

    assert shown["headers"] == told
    assert answer.json()["results"][0]["status"] == "replayed"


async def test_many_are_replayed_by_reason_and_the_good_ones_alone_enter(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    good = [
        await add_dead_letter(engine, raw(id=f"e-{number}"), reason="invalid_time")
        for number in range(3)
    ]
    bad = await add_dead_letter(engine, b"nonsense", reason="invalid_time")
    other = await add_dead_letter(engine, raw(id="other"), reason="invalid_data")

    answer = await api.post(f"{PATH}/replay", json={"reason": "invalid_time"})

    assert [(r["id"], r["status"]) for r in answer.json()["results"]] == [
        *((letter, "replayed") for letter in good),
        (bad, "rejected"),
    ]
    assert answer.json()["next_after"] is None
    waiting = await fetch(
        engine, "select id from dead_letters where replayed_at is null order by id"
    )
    assert [row["id"] for row in waiting] == [bad, other]


async def test_more_than_500_are_replayed_in_steps_that_pass_the_bad_ones(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    async with engine.begin() as conn:
        await conn.exec_driver_sql(
            "insert into dead_letters (origin, topic, partition, position, raw, raw_bytes, reason)"
            " select 'kafka', 't', 0, n, 'nonsense'::bytea, 8, 'invalid_json' from"
            " generate_series(1, 600) n"
        )
    last = await add_dead_letter(engine, raw(), reason="invalid_json")

    first = (await api.post(f"{PATH}/replay", json={"reason": "invalid_json"})).json()
    second = (
        await api.post(
            f"{PATH}/replay", json={"reason": "invalid_json", "after": first["next_after"]}
        )
    ).json()

    assert (len(first["results"]), len(second["results"])) == (500, 101)
    assert second["results"][-1]["id"] == last
    assert second["results"][-1]["status"] == "replayed"
    assert second["next_after"] is None


async def test_of_letters_named_by_id_each_is_answered(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    letter = await add_dead_letter(engine, raw())

    answer = await api.post(f"{PATH}/replay", json={"ids": [999, letter, letter]})

    assert [(r["id"], r["status"]) for r in answer.json()["results"]] == [
        (letter, "replayed"),
        (999, "not_found"),
    ]


async def test_a_replay_must_say_of_what(api: httpx.AsyncClient) -> None:
    assert (await api.post(f"{PATH}/replay", json={})).json()["errors"][0]["pointer"] == "/reason"
    assert (await api.post(f"{PATH}/999/replay")).status_code == 404
