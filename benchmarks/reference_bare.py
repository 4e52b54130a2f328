"""The reference for requests over HTTP: a bare FastAPI application under uvicorn, without anything
behind it.

`GET /bytes/N` answers N bytes that were made before; `POST /events` decodes its body and answers a
result for each event.
"""

import argparse
from functools import cache
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

app = FastAPI()


@cache
def _body(size: int) -> bytes:
    return b'{"content":"' + b"x" * max(0, size - 14) + b'"}'


@app.get("/bytes/{size}")
async def get_bytes(size: int) -> Response:
    return Response(_body(size), media_type="application/json")


@app.post("/events", status_code=202)
async def post_events(request: Request) -> dict[str, Any]:
    events = await request.json()
    items = events if isinstance(events, list) else [events]
    return {"results": [{"id": item["id"], "status": "accepted"} for item in items]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(
        app, host="127.0.0.1", port=parser.parse_args().port, access_log=False, log_level="error"
    )


if __name__ == "__main__":
    main()
