"""The way through the door of a running service: what is posted, and what its answers mean."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from healthsvc.flows.intake.replay_output import OutputAwayError, ReplayBatch
from healthsvc.log.http_output import MAX_BYTES, HttpOutput, RefusedError
from tests.support.makers import make_event
from tests.support.ports import deaf_port


@dataclass
class Service:
    """A service that keeps what is posted and answers as told."""

    posted: list[list[dict[str, Any]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    answer: Response | None = None

    async def events(self, request: Request) -> Response:
        self.keys.append(request.headers["authorization"])
        if self.answer is not None:
            return self.answer
        posted = await request.json()
        self.posted.append(posted)
        return JSONResponse(
            {"results": [self._result(i, event) for i, event in enumerate(posted)]}, status_code=202
        )

    def _result(self, index: int, event: dict[str, Any]) -> dict[str, Any]:
        status = self.statuses.get(event["id"], "accepted")
        errors = [{"pointer": "/data", "detail": "odd"}] if status == "rejected" else []
        return {"index": index, "id": event["id"], "status": status, "errors": errors}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def output(service: Service) -> AsyncIterator[HttpOutput]:
    app = Starlette(routes=[Route("/v1/events", service.events, methods=["POST"])])
    headers = {"Authorization": "Bearer k"}
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://service", headers=headers
    )
    async with client:
        yield HttpOutput(client)


def batch(count: int, *, padding: int = 0) -> ReplayBatch:
    data = {"url": "https://x.example/" + "a" * padding}
    events = [json.dumps(make_event(id=f"e-{n}", data=data)).encode() for n in range(count)]
    return ReplayBatch(customer_ids=["acme"] * count, events=events)


async def test_a_batch_goes_out_in_arrays_of_a_thousand_in_order(
    service: Service, output: HttpOutput
) -> None:
    answer = await output.send(batch(2300))

    assert [len(posted) for posted in service.posted] == [1000, 1000, 300]
    assert [event["id"] for posted in service.posted for event in posted] == [
        f"e-{n}" for n in range(2300)
    ]
    assert answer.accepted == 2300
    assert set(service.keys) == {"Bearer k"}


async def test_big_events_go_out_in_smaller_arrays(service: Service, output: HttpOutput) -> None:
    await output.send(batch(300, padding=8000))

    assert len(service.posted) > 1
    assert all(len(json.dumps(posted)) < MAX_BYTES * 1.05 for posted in service.posted)
    assert sum(map(len, service.posted)) == 300


async def test_duplicates_and_refusals_are_told_by_their_place(
    service: Service, output: HttpOutput
) -> None:
    service.statuses = {"e-1": "duplicate", "e-1500": "rejected"}

    answer = await output.send(batch(1600))

    assert (answer.accepted, answer.duplicates) == (1598, 1)
    assert list(answer.rejected) == [(1500, "/data: odd")]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_service_is_away_for_now(
    service: Service, output: HttpOutput, status: int
) -> None:
    service.answer = JSONResponse({"detail": "later"}, status_code=status)

    with pytest.raises(OutputAwayError, match="later"):
        await output.send(batch(1))


@pytest.mark.parametrize("status", [200, 307, 401, 403, 413, 422])
async def test_a_refusal_of_the_request_ends_the_replay(
    service: Service, output: HttpOutput, status: int
) -> None:
    service.answer = Response("no", status_code=status)

    with pytest.raises(RefusedError, match=f"{status}: no"):
        await output.send(batch(1))


async def test_nobody_listening_is_away() -> None:
    with deaf_port() as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            with pytest.raises(OutputAwayError):
                await HttpOutput(client).send(batch(1))
