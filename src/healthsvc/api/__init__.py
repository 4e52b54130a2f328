"""HTTP: routes read a request, call one flow and return its result; every error is a problem (RFC
9457).

Nothing but the probes and the documentation pages (which hold no data) is open without an API key.
What must not live here: SQL, decisions about health, outgoing HTTP. What the routes need from
further out is given to `create_app`.
"""

from healthsvc.api.app import ApiConfig, create_app

__all__ = ["ApiConfig", "create_app"]
