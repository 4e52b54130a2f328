"""Through the door of a running service: POST /v1/events, as any sender does."""

from collections.abc import Iterator
from typing import Any

import httpx

from healthsvc.core.errors import Forbidden
from healthsvc.flows.intake.replay_output import OutputAwayError, ReplayBatch, SendResult

MAX_EVENTS = 1000  # of one request
MAX_BYTES = 900_000
TIMEOUT_SECONDS = 30.0
PASSING = {408, 425, 429, 500, 502, 503, 504}


class RefusedError(Forbidden):
    """The service refuses our requests as a whole."""


class HttpOutput:
    """Posts batches as JSON arrays; `client` is httpx's, with base URL and key (see
    `client_for`)."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @property
    def identity(self) -> str:
        return f"http {self._client.base_url}"

    async def send(self, batch: ReplayBatch) -> SendResult:
        accepted = duplicates = 0
        rejected: list[tuple[int, str]] = []
        for start, stop in _slices(batch):
            for result in await self._post(b"[" + b",".join(batch.events[start:stop]) + b"]"):
                if result["status"] == "rejected":
                    rejected.append((start + int(result["index"]), _reason(result)))
                duplicates += result["status"] == "duplicate"
                accepted += result["status"] == "accepted"
        return SendResult(accepted=accepted, duplicates=duplicates, rejected=rejected)

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, body: bytes) -> list[dict[str, Any]]:
        try:
            response = await self._client.post(
                "/v1/events", content=body, headers={"Content-Type": "application/json"}
            )
        except httpx.TransportError as error:
            raise OutputAwayError(
                f"{self._client.base_url}: {error or type(error).__name__}"
            ) from error
        if response.status_code in PASSING:
            raise OutputAwayError(f"{self._client.base_url} answers {_problem(response)}")
        if response.status_code != 202 and not _is_judged(response):
            raise RefusedError(f"{self._client.base_url} answers {_problem(response)}")
        results: list[dict[str, Any]] = response.json()["results"]
        return results


def client_for(url: str, key: str) -> httpx.AsyncClient:
    """A client of the service at `url`; no proxies of the environment, no redirects: the key goes
    nowhere else."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(
        base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False
    )


def _is_judged(response: httpx.Response) -> bool:
    """Whether every event was rejected, each with its reason."""
    if response.status_code != 422:
        return False
    try:
        return isinstance(response.json().get("results"), list)
    except (ValueError, AttributeError):
        return False


def _slices(batch: ReplayBatch) -> Iterator[tuple[int, int]]:
    """Ranges of the batch that fit into one request each."""
    start = size = 0
    for index, event in enumerate(batch.events):
        if index > start and (index - start == MAX_EVENTS or size + len(event) + 1 > MAX_BYTES):
            yield start, index
            start, size = index, 0
        size += len(event) + 1
    yield start, len(batch)


def _reason(result: dict[str, Any]) -> str:
    return (
        "; ".join(f"{error['pointer']}: {error['detail']}" for error in result.get("errors", []))
        or "refused"
    )


def _problem(response: httpx.Response) -> str:
    """Status and detail of a problem+json answer, or the beginning of whatever came."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = response.text[:300]
    return f"{response.status_code}: {detail}"
