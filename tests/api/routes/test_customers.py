from datetime import timedelta
from typing import Any

import httpx
import pytest

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.wire.rest.customers.customer import Customer
from healthsvc.wire.rest.customers.explanations import Explanation
from tests.api.rows import AT, add_archived, add_customer, add_history, move_customer
from tests.support.clock import Clock

RISKS = [0.9, 0.9, None, 0.1, 0.5, None, 0.5, 0.5, 0.0, 1.0, None]


async def walk(
    api: httpx.AsyncClient, path: str, follow: str = "next_cursor", **query: Any
) -> list[list[dict[str, Any]]]:
    """All pages from a place on."""
    pages = []
    cursor = query.pop("cursor", None)
    while True:
        answer = await api.get(path, params=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        pages.append(answer.json()["items"])
        cursor = answer.json()[follow]
        if cursor is None:
            return pages


def ids(pages: list[list[dict[str, Any]]]) -> list[str]:
    return [item["customer_id"] for page in pages for item in page]


async def add_fleet(engine: AsyncEngine) -> None:
    for number, risk in enumerate(RISKS):
        name = None if number % 3 == 0 else f"name {number % 4}"
        band = "watch" if number % 2 else None
        loyalty = None if number % 4 == 2 else float(number * 7 % 30)
        await add_customer(
            engine,
            f"c{number:02}",
            risk=risk,
            loyalty=loyalty,
            name=name,
            band=band,
            score=float(number % 5),
            mrr=None if number % 4 == 3 else number * 10.0,
            renewal_at=None if number % 2 else AT + timedelta(days=number, microseconds=number),
            band_since=AT if number % 2 else None,
        )


EXPECTED = {
    "risk": [9, 0, 1, 4, 6, 7, 3, 8, 2, 5, 10],
    "-risk": [8, 3, 4, 6, 7, 0, 1, 9, 2, 5, 10],
    "mrr": [10, 9, 8, 6, 5, 4, 2, 1, 0, 3, 7],
    "renewal_at": [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9],
    "-renewal_at": [10, 8, 6, 4, 2, 0, 1, 3, 5, 7, 9],
    "band_since": [1, 3, 5, 7, 9, 0, 2, 4, 6, 8, 10],
    "score": [0, 5, 10, 1, 6, 2, 7, 3, 8, 4, 9],
    "loyalty": [4, 8, 3, 7, 1, 5, 9, 0, 2, 6, 10],
    "name": [4, 8, 1, 5, 2, 10, 7, 0, 3, 6, 9],
    "customer_id": list(range(11)),
}


@pytest.mark.parametrize("sort", list(EXPECTED))
async def test_pages_of_any_size_are_the_whole_list_in_order_both_ways(
    api: httpx.AsyncClient, engine: AsyncEngine, sort: str
) -> None:
    await add_fleet(engine)
    expected = [f"c{number:02}" for number in EXPECTED[sort]]

    for limit in (1, 2, 3, 11, 250):
        assert ids(await walk(api, "/v1/customers", sort=sort, limit=limit)) == expected

    first = (await api.get("/v1/customers", params={"sort": sort, "limit": 4})).json()
    second = (
        await api.get(
            "/v1/customers", params={"sort": sort, "limit": 4, "cursor": first["next_cursor"]}
        )
    ).json()
    third = (
        await api.get(
            "/v1/customers", params={"sort": sort, "limit": 4, "cursor": second["next_cursor"]}
        )
    ).json()
    assert third["next_cursor"] is None
    back = await walk(
        api, "/v1/customers", "prev_cursor", sort=sort, limit=3, cursor=third["prev_cursor"]
    )
    assert ids(back[::-1]) == expected[:8]
    assert first["prev_cursor"] is None


async def test_customers_that_move_make_the_list_neither_skip_nor_repeat_others(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_fleet(engine)
    first = (await api.get("/v1/customers", params={"limit": 3})).json()

    await move_customer(engine, "c09", 0.05)
    await move_customer(engine, "c08", 1.0)
    await add_customer(engine, "newcomer", risk=0.99)
    rest = ids(await walk(api, "/v1/customers", limit=3, cursor=first["next_cursor"]))

    assert [each for each in rest if each not in ("c08", "c09")] == [
        "c04",
        "c06",
        "c07",
        "c03",
        "c02",
        "c05",
        "c10",
    ]


async def test_by_id_each_customer_is_met_once_however_they_move(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_fleet(engine)
    first = (await api.get("/v1/customers", params={"limit": 5, "sort": "customer_id"})).json()

    for number in range(11):
        await move_customer(engine, f"c{number:02}", None if number % 2 else 0.7)
    rest = await walk(
        api, "/v1/customers", limit=5, sort="customer_id", cursor=first["next_cursor"]
    )

    assert ids([first["items"], *rest]) == [f"c{number:02}" for number in range(11)]


async def test_filters_narrow_the_list_and_bind_its_cursors(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_customer(
        engine, "a", flags=["silent", "detractor"], owner="kim", segment="smb", tier="low"
    )
    await add_customer(
        engine, "b", flags=["silent"], owner="lee", segment="big", tier="high", band="critical"
    )
    await add_customer(
        engine,
        "c",
        flags=[],
        owner="lee",
        segment="smb",
        tier="tech",
        band=None,
        score=None,
        risk=None,
    )

    async def found(**query: Any) -> list[str]:
        return sorted(ids(await walk(api, "/v1/customers", **query)))

    assert await found(flag="silent") == ["a", "b"]
    assert await found(owner="lee") == ["b", "c"]
    assert await found(owner="lee", segment="smb") == ["c"]
    assert await found(band="critical") == ["b"]
    assert await found(tier="low") == ["a"]
    assert await found(flag=["silent", "detractor"], owner=["kim", "lee"]) == ["a", "b"]
    assert await found(tier="high,tech") == ["b", "c"]
    assert await found(ids=["a", "c", "nobody"]) == ["a", "c"]
    cursor = (await api.get("/v1/customers", params={"flag": "silent", "limit": 1})).json()[
        "next_cursor"
    ]
    misused = await api.get("/v1/customers", params={"flag": "detractor", "cursor": cursor})
    assert misused.status_code == 422
    assert misused.json()["type"] == "/problems/invalid-cursor"


async def test_the_loyal_ones_hidden_in_low_and_tech_touch_are_one_query(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    for customer, tier, loyalty in (
        ("a", "tech", 71),
        ("b", "high", 90),
        ("c", "tech", 12),
        ("d", "tech", None),
    ):
        await add_customer(engine, customer, tier=tier, loyalty=loyalty)
    await add_customer(engine, "e", tier="tech", loyalty=64, icp_fit=0.8, parent_id="a/b")

    async def found(**query: Any) -> list[str]:
        return ids(await walk(api, "/v1/customers", limit=2, **query))

    assert await found(tier="tech", sort="loyalty") == ["a", "e", "c", "d"]
    assert await found(tier="tech", sort="loyalty", loyalty_min=60) == ["a", "e"]
    assert await found(icp_fit_min=0.8) == await found(parent="a/b") == ["e"]
    assert (await api.get("/v1/customers", params={"loyalty_min": 101})).status_code == 422


async def test_the_list_says_as_of_when(
    api: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    assert (await api.get("/v1/customers")).json()["as_of"] is None

    async with engine.begin() as conn:
        await conn.exec_driver_sql(
            "update partitions set read_through_at = timestamptz '2026-03-01 12:00Z' + partition *"
            " interval '1 s'"
        )

    clock.advance(seconds=10)  # for as long an answer holds while no customer changes

    assert (await api.get("/v1/customers")).json()["as_of"] == "2026-03-01T12:00:00Z"


async def test_history_comes_newest_first_even_where_instants_are_equal(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    key = await add_customer(engine, "acme")
    await add_history(
        engine, key, [AT + timedelta(hours=number // 3, microseconds=1) for number in range(10)]
    )
    await add_history(engine, await add_customer(engine, "other"), [AT])

    for limit in (1, 2, 7, 50):
        pages = await walk(api, "/v1/customers/acme/health/history", limit=limit)
        assert [entry["score"] for page in pages for entry in page] == [
            float(n) for n in range(9, -1, -1)
        ]

    some = await api.get(
        "/v1/customers/acme/health/history",
        params={"from": "2026-03-01T13:00:00Z", "to": "2026-03-01T15:00:00+00:00"},
    )
    assert [entry["score"] for entry in some.json()["items"]] == [8, 7, 6, 5, 4, 3]


async def test_the_timeline_gives_whole_events_newest_first(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    key = await add_customer(engine, "a/b")
    await add_archived(engine, key, 40, kinds=["page.viewed", "feature.used"])

    for limit in (3, 250):
        pages = await walk(api, "/v1/customers/a%2Fb/events", limit=limit)
        assert [item["event"]["id"] for page in pages for item in page] == [
            f"e-{n}" for n in range(39, -1, -1)
        ]
    newest = pages[0][0]
    assert newest["logged_on"] == "2026-02-01"
    assert newest["occurred_at"] == "2026-02-01T13:00:00Z"
    used = await walk(api, "/v1/customers/a%2Fb/events", limit=7, type="feature.used")
    assert [item["event"]["id"] for page in used for item in page] == [
        f"e-{n}" for n in range(39, 0, -2)
    ]


async def test_one_customer_and_its_explanation_are_as_described(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_customer(engine, "new/one")

    customer = Customer.model_validate((await api.get("/v1/customers/new%2Fone")).json())
    explanation = Explanation.model_validate(
        (await api.get("/v1/customers/new%2Fone/health/explanation")).json()
    )

    assert (customer.customer_id, customer.score, customer.band, customer.events_total) == (
        "new/one",
        None,
        None,
        0,
    )
    assert customer.evidence == "not_enough"
    assert explanation.score is None


async def test_an_unknown_customer_is_not_found_anywhere(api: httpx.AsyncClient) -> None:
    for ending in ("", "/health/explanation", "/health/history", "/events"):
        answer = await api.get(f"/v1/customers/nobody{ending}")

        assert answer.status_code == 404
        assert answer.json()["detail"] == "There is no such customer."


async def test_a_naive_instant_is_refused(api: httpx.AsyncClient) -> None:
    for said in (
        "2026-03-01T13:00:00",
        "yesterday",
        "9999-12-31T23:59:59-23:00",
        "0001-01-01T00:00:00+14:00",
    ):
        answer = await api.get("/v1/customers/acme/health/history", params={"from": said})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/query/from"


async def test_fields_leave_what_is_asked_with_a_tag_of_its_own(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_customer(engine, "acme")
    path = "/v1/customers/acme"
    whole = await api.get(path)

    some = await api.get(path, params={"fields": "customer_id,contact.cap"})
    again = await api.get(
        path,
        params={"fields": "customer_id,contact.cap"},
        headers={"if-none-match": some.headers["etag"]},
    )
    other = await api.get(
        path, params={"fields": "score"}, headers={"if-none-match": some.headers["etag"]}
    )
    why = await api.get(f"{path}/health/explanation", params={"fields": "contributions.points"})

    assert some.json() == {"customer_id": "acme", "contact": {"cap": 2}}
    assert some.headers["etag"] != whole.headers["etag"]
    assert (again.status_code, other.status_code, other.json()) == (304, 200, {"score": None})
    assert all(list(part) == ["points"] for part in why.json()["contributions"])


@pytest.mark.parametrize(
    ("path", "fields", "detail"),
    [
        ("/v1/customers/acme", "scroe", "did you mean score?"),
        ("/v1/customers/acme", "contact.windws", "did you mean contact.windows?"),
        ("/v1/customers/acme/health/explanation", "contribution", "did you mean contributions?"),
        ("/v1/alerts", "summry", "did you mean summary?"),
        ("/v1/worklist", "rank.point", "did you mean rank.points?"),
    ],
)
async def test_a_field_that_there_is_not_is_answered_with_the_nearest(
    api: httpx.AsyncClient, path: str, fields: str, detail: str
) -> None:
    answer = await api.get(path, params={"fields": fields})

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (422, "/query/fields")
    assert detail in error["detail"]
