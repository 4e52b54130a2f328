"""Answers are worded in the language asked for: by the query, else by the header, else in
English."""

import json
from typing import Any

import httpx
import pytest

from healthsvc.core.phrases import alerts as phrases
from healthsvc.flows import operations_alerts
from healthsvc.store.alerts.operations import Trouble
from healthsvc.store.database.engine import AsyncEngine
from tests.api.rows import AT, add_alert, add_customer, add_subscriber, fetch

SIGN = {
    "sign": "contraction",
    "measure": "mrr_change",
    "value": -1400.0,
    "says": "pays 1,400 less a month",
}
DETAIL: dict[str, Any] = {
    "flag": "cancel_intent",
    "play": (
        "Call within the hour. Ask what they hoped to achieve, listen, and propose one concrete"
        " solution."
    ),
    "score": 20.0,
    "band": "critical",
    "briefing": {
        "happened": [
            {
                "flag": "cancel_intent",
                "title": "Visited the cancellation page",
                "since": "2026-01-01T00:00:00Z",
            }
        ],
        "money": {"mrr": 100.0, "signs": [SIGN]},
        "open_matters": [
            {
                "sign": "ticket_open",
                "measure": "tickets_open",
                "value": 2.0,
                "says": "2 open tickets",
            }
        ],
    },
}


async def add_acme(engine: AsyncEngine, **changes: Any) -> None:
    await add_customer(engine, "acme", name="Acme Ltd")
    await add_alert(engine, "al_1", **({"detail": json.dumps(DETAIL)} | changes))


@pytest.mark.parametrize(
    ("query", "header", "tag"),
    [
        ("", None, "en"),
        ("", "pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
        ("", "de, pt;q=0.1", "pt-BR"),
        ("", "de", "en"),
        ("?language=pt_BR", None, "pt-BR"),
        ("?language=en-GB", "pt", "en"),
        ("?language=pt", "en", "pt-BR"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/alerts", "/v1/alerts/al_1", "/v1/worklist"])
async def test_the_query_wins_over_the_header_and_the_answer_says_its_language(
    api: httpx.AsyncClient, engine: AsyncEngine, path: str, query: str, header: str | None, tag: str
) -> None:
    await add_acme(engine)

    answer = await api.get(
        path + query, headers={} if header is None else {"accept-language": header}
    )

    assert answer.status_code == 200
    assert answer.headers["content-language"] == tag
    assert "accept-language" in answer.headers["vary"].lower()
    assert ("visitou a página de cancelamento" in answer.text) == (tag == "pt-BR")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/alerts",
        "/v1/alerts/al_1",
        "/v1/worklist",
        "/v1/customers/acme",
        "/v1/customers/acme/health/explanation",
        "/v1/customers/acme/health/diff?from=2026-01-01T00:00:00Z",
    ],
)
async def test_an_unknown_language_is_refused_with_those_there_are(
    api: httpx.AsyncClient, path: str
) -> None:
    answer = await api.get(path + ("&" if "?" in path else "?") + "language=fr")

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "/query/language",
            "detail": "must be en or pt, also with a region, such as en-US or pt-BR",
        }
    ]


async def test_an_alert_is_worded_anew_from_its_facts_and_kept_as_it_is(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_acme(engine)

    alert = (await api.get("/v1/alerts/al_1?language=pt")).json()

    assert (
        alert["summary"] == "Acme Ltd: visitou a página de cancelamento. Ligue dentro de uma hora."
    )
    assert alert["detail"]["play"].startswith(
        "Ligue dentro de uma hora. Pergunte o que esperavam alcançar"
    )
    briefing = alert["detail"]["briefing"]
    assert briefing["happened"][0]["title"] == "Visitou a página de cancelamento"
    assert briefing["money"]["signs"][0]["says"] == "paga 1.400 a menos por mês"
    assert briefing["open_matters"][0]["says"] == "2 chamados em aberto"
    assert (alert["detail"]["score"], briefing["money"]["mrr"]) == (20.0, 100.0)
    (kept,) = await fetch(engine, "select summary, detail from alerts")
    assert (kept["summary"], kept["detail"]) == ("Acme looked at the cancel page", DETAIL)


async def test_a_fall_of_a_band_and_a_flag_that_the_scorecard_no_longer_has(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_acme(
        engine,
        kind="band_drop",
        detail=json.dumps({"band": "at_risk", "previous_band": "healthy"}),
        summary="Fell",
    )
    await add_alert(
        engine, "al_2", kind="gone", summary="Something of an old scorecard", customer_id="other"
    )

    items = (await api.get("/v1/alerts?language=pt")).json()["items"]

    assert [item["summary"] for item in items] == [
        "Something of an old scorecard",
        (
            "Acme Ltd: a saúde caiu de “saudável” para “em risco”."
            " Leia a explicação para ver o que mais pesa e depois ligue."
        ),
    ]


async def test_operations_alerts_are_worded_too_and_webhooks_stay_english(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_subscriber(engine)
    trouble = Trouble(
        kind="fleet_guard",
        scope="source:web",
        severity="critical",
        summary=phrases.fleet_guard("en", "source:web", 12.0, 1400.0, 15),
        onset_at=AT,
        detail={"came": 12.0, "usual": 1400.0, "window_minutes": 15},
    )
    async with engine.begin() as conn:
        await operations_alerts.raise_alert(conn, trouble, AT)

    (alert,) = (await api.get("/v1/alerts?about=operations&language=pt")).json()["items"]
    settled = (
        await api.post(f"/v1/alerts/{alert['id']}/resolve", headers={"accept-language": "pt"})
    ).json()

    assert alert["summary"].startswith(
        "Os eventos da fonte “web” caíram para 1% do volume habitual: 12 em vez de 1.400"
    )
    assert settled["summary"] == alert["summary"]
    bodies = [
        json.loads(m["body"])["data"] for m in await fetch(engine, "select body from messages")
    ]
    assert {body["summary"] for body in bodies} == {trouble.summary}


async def test_the_etag_of_an_alert_is_of_its_language_and_settles_it_in_any(
    api: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await add_acme(engine, revision=3)

    portuguese = await api.get("/v1/alerts/al_1?language=pt")
    english = await api.get(
        "/v1/alerts/al_1", headers={"if-none-match": portuguese.headers["etag"]}
    )
    same = await api.get(
        "/v1/alerts/al_1?language=pt", headers={"if-none-match": portuguese.headers["etag"]}
    )
    settled = await api.post(
        "/v1/alerts/al_1/resolve", headers={"if-match": portuguese.headers["etag"]}
    )

    assert (english.status_code, english.headers["etag"]) == (200, '"3"')
    assert (same.status_code, same.headers["content-language"]) == (304, "pt-BR")
    assert settled.status_code == 200
