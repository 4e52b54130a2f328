"""The service's own address leads on: a browser to the documentation, a program to links. No key is
asked for."""

import httpx
import pytest


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_browser_is_led_to_the_documentation(
    stranger: httpx.AsyncClient, method: str
) -> None:
    answer = await stranger.request(
        method, "/", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    )
    assert (answer.status_code, answer.headers["location"]) == (302, "/docs")


async def test_a_program_gets_links_that_lead_somewhere(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/", headers={"accept": "*/*"})

    links = answer.json()["links"]
    assert answer.headers["vary"] == "accept"
    assert {"docs", "openapi", "problems", "customers"} <= links.keys()
    assert [path for path in links.values() if (await stranger.get(path)).status_code == 404] == []
