"""/livez, /readyz and /metrics of a role that has no API, on a port and in threads of their own.

In threads, since a loop that stands still can't say so itself; and on nothing but the standard
library, since a worker has no use for a web framework.
"""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from healthsvc.flows.readiness.check import degraded
from healthsvc.flows.readiness.checks import Readiness

REQUEST_SECONDS: Final = 10.0
OK: Final[Mapping[str, object]] = {"status": "ok"}
ALIVE: Final = ("/livez", "/healthz", "/startupz")

Answer = tuple[int, str, bytes]
"""Status, content type and body."""


def serve_probes(host: str, port: int, readiness: Readiness) -> ThreadingHTTPServer:
    """Answer until the process ends. Raises OSError when the address is taken."""

    class Handler(_Handler):
        def answer(self, path: str) -> Answer:
            return _answer(path, readiness)

    server = _ProbeServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server


class _ProbeServer(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_SECONDS
    server_version = "healthsvc"
    sys_version = ""

    def answer(self, path: str) -> Answer:
        raise NotImplementedError

    def do_GET(self) -> None:
        status, kind, body = self.answer(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a probe each second would drown the rest of the log."""


def _answer(path: str, readiness: Readiness) -> Answer:
    if path == "/metrics":
        return 200, CONTENT_TYPE_LATEST, generate_latest()
    if path in ALIVE:
        return _json(200, OK)
    if path == "/readyz":
        return _ready(readiness)
    return _json(404, {"title": "There is no such path.", "status": 404}, problem=True)


def _ready(readiness: Readiness) -> Answer:
    verdict = readiness.verdict()
    if not verdict.ready:
        errors = [
            {"pointer": pointer, "detail": detail} for pointer, detail in verdict.sentences.items()
        ]
        problem = {
            "title": "Not ready",
            "status": 503,
            "detail": "Not ready: see errors.",
            "errors": errors,
        }
        return _json(503, problem, problem=True)
    return _json(200, degraded(verdict.sentences) if verdict.sentences else OK)


def _json(status: int, body: Mapping[str, object], *, problem: bool = False) -> Answer:
    kind = "application/problem+json" if problem else "application/json"
    return status, kind, json.dumps(body).encode()
