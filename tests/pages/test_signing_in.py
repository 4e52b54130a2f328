"""Who may look at which page: with a session of a fitting key, as long as session and key last."""

import re

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from healthsvc.pages.signing_in import local_path
from healthsvc.store.database.engine import AsyncEngine
from tests.api.conftest import ADMIN_KEY, client_of
from tests.pages.conftest import new_key
from tests.support.clock import Clock

PAGES = ("/today", "/customers", "/customers/acme")


async def sign_in(browser: httpx.AsyncClient, key: str = ADMIN_KEY) -> httpx.Response:
    return await browser.post("/login", data={"key": key})


def form_token(html: str) -> str:
    match = re.search(r'name="form_token" value="([0-9a-f]{64})"', html)
    assert match is not None
    return match[1]


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_without_a_session_leads_to_sign_in_and_back(
    browser: httpx.AsyncClient, path: str
) -> None:
    answer = await browser.get(path)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")


async def test_a_key_opens_a_session_whose_cookie_scripts_cannot_read(
    browser: httpx.AsyncClient,
) -> None:
    answer = await sign_in(browser)

    assert (answer.status_code, answer.headers["location"]) == (303, "/today")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert (await browser.get("/today")).status_code == 200


async def test_neither_key_nor_token_is_stored_in_the_clear(
    browser: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    await sign_in(browser)

    async with engine.connect() as conn:
        row = (await conn.execute(text("select digest, sealed_key from page_sessions"))).one()
    assert ADMIN_KEY.encode() not in bytes(row.sealed_key)
    assert browser.cookies["healthsvc_session"].encode() not in bytes(row.digest)


async def test_a_wrong_key_opens_nothing(browser: httpx.AsyncClient) -> None:
    answer = await sign_in(browser, "hsk_wrong")

    assert answer.status_code == 401
    assert "The API key is unknown" in answer.text
    assert "set-cookie" not in answer.headers


async def test_after_ten_failures_an_address_waits_a_quarter_of_an_hour(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    for _ in range(10):
        assert (await sign_in(browser, "hsk_wrong")).status_code == 401

    assert (await sign_in(browser)).status_code == 429
    clock.advance(minutes=15)
    assert (await sign_in(browser)).status_code == 303


async def test_a_form_of_another_site_signs_nobody_in(browser: httpx.AsyncClient) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.test"}):
        answer = await browser.post("/login", data={"key": ADMIN_KEY}, headers=headers)
        assert answer.status_code == 403


@pytest.mark.parametrize(("scope", "status"), [("customers:read", 200), ("events:write", 403)])
async def test_pages_show_what_the_key_may_read(
    browser: httpx.AsyncClient, engine: AsyncEngine, clock: Clock, scope: str, status: int
) -> None:
    await sign_in(browser, await new_key(engine, clock, scope))

    assert (await browser.get("/customers")).status_code == status


async def test_a_session_ends_with_sign_out_even_for_who_copied_the_cookie(
    browser: httpx.AsyncClient, site: FastAPI
) -> None:
    await sign_in(browser)
    copied = browser.cookies["healthsvc_session"]
    token = form_token((await browser.get("/customers")).text)

    answer = await browser.post("/logout", data={"form_token": token})

    assert answer.headers["location"] == "/login"
    async with client_of(site, None) as other:
        other.cookies["healthsvc_session"] = copied
        assert (await other.get("/customers")).status_code == 303


async def test_signing_out_everywhere_ends_the_sessions_of_the_key(
    browser: httpx.AsyncClient, site: FastAPI
) -> None:
    await sign_in(browser)
    async with client_of(site, None) as other:
        await sign_in(other)
        token = form_token((await browser.get("/customers")).text)
        await browser.post("/logout", data={"form_token": token, "everywhere": "1"})

        assert (await other.get("/customers")).status_code == 303


async def test_a_forged_form_signs_nobody_out(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)

    answer = await browser.post("/logout", data={"form_token": "0" * 64})

    assert answer.status_code == 403
    assert (await browser.get("/customers")).status_code == 200


async def test_a_session_ends_after_twelve_hours(browser: httpx.AsyncClient, clock: Clock) -> None:
    await sign_in(browser)
    clock.advance(hours=12)

    assert (await browser.get("/customers")).status_code == 303


async def test_a_session_ends_when_its_key_does(
    browser: httpx.AsyncClient, engine: AsyncEngine, clock: Clock
) -> None:
    await sign_in(browser, await new_key(engine, clock, "customers:read"))
    async with engine.begin() as conn:
        await conn.execute(text("update api_keys set revoked_at = now()"))
    clock.advance(seconds=6)

    assert (await browser.get("/customers")).status_code == 303


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/customers?band=watch", "/customers?band=watch"),
        ("//evil.test", "/today"),
        ("/\\evil.test", "/today"),
        ("https://evil.test", "/today"),
        ("/a\r\nx: y", "/today"),
        ("", "/today"),
    ],
)
def test_sign_in_leads_to_pages_of_this_site_alone(asked: str, leads_to: str) -> None:
    assert local_path(asked, "/today") == leads_to
