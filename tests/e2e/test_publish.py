"""A team's own scorecard goes live on a running service, from a file, by one command, without a
restart."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from healthsvc.wire.scorecards.document import default_document
from tests.support.makers import make_event
from tests.support.service import Service, command
from tests.support.waiting import eventually

OWN_TYPES = """
  - name: exports_scheduled
    feeds: [{types: [report.scheduled, report.delivered]}]
    dimension: adoption
    share: 0.5
    judge: {kind: target, at: 2}
    why: A report that runs by itself is work they no longer do by hand.

  # kept for flags
"""
OWN_RULE = """flags:
  - {name: reports_run, kind: level, measure: exports_scheduled, half_life_days: 14, at: 0.5, alert: info,
     title: Has reports that run by themselves}
"""


OWN_VARIANT = """
variants:
  - name: labs
    when: {segment: labs}
    measures: {exports_scheduled: {share: 2}}
    flags: {silent: {days: 3}}
"""


def test_an_own_scorecard_goes_live_without_a_restart(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    ours = (
        default_document()
        .replace("\n  # kept for flags\n", OWN_TYPES, 1)
        .replace("flags:\n", OWN_RULE, 1)
    )
    file.write_text(ours.replace("name: default", "name: ours", 1) + OWN_VARIANT, encoding="utf-8")
    now = datetime.now(UTC)
    kinds = ("feature.used", "report.scheduled", "session.started")
    events = [
        make_event(kinds[n % 3], customer_id="acme", data={"feature": "x"} if n % 3 == 0 else {})
        | {"occurred_at": (now - timedelta(hours=n)).isoformat()}
        for n in range(12)
    ]
    variables = {"DATA_DIR": str(data_dir), "ADMIN_KEY": "my-key"}
    with Service(**variables) as service, service.client() as client:
        client.headers["authorization"] = "Bearer my-key"
        client.post("/v1/events", json=events)
        before = eventually(
            lambda: _customer(client), lambda found: found.get("events_total") == 12
        )

        done = command("scorecard", "publish", str(file), variables=variables)
        assert done.returncode == 0, done.stderr
        after = _customer(client)
        more = [
            make_event(kind, customer_id="acme", data=data)
            | {"occurred_at": datetime.now(UTC).isoformat()}
            for kind, data in (("report.delivered", {}), ("customer.updated", {"segment": "labs"}))
        ]
        counted = client.post("/v1/events", json=more)
        last = eventually(lambda: _customer(client), lambda found: found["events_total"] >= 14)
        eventually(
            lambda: _causes(client), {"scorecard", "variant"}.issubset
        )  # marked in steps, behind the switch
        alerts = client.get("/v1/alerts").json()["items"]

    assert before["scorecard_version"] == 1
    assert (after["scorecard_version"], after["events_total"]) == (2, 12)
    assert "reports_run" in after["flags"]
    assert counted.status_code == 202
    assert last["events_total"] == 14
    assert (after["variant"], last["variant"]) == (None, "labs")
    assert alerts == []  # the new rule's beginning is configuration, not behaviour


def _customer(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/customers/acme").json()
    return found


def _causes(client: httpx.Client) -> set[str]:
    return {
        entry["cause"] for entry in client.get("/v1/customers/acme/health/history").json()["items"]
    }
