"""The audit log: who did what to what, written in the transaction of the deed, never changed."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text

from healthsvc.core.actors import Actor
from healthsvc.store.database.engine import AsyncConnection


async def record(
    conn: AsyncConnection,
    now: datetime,
    *,
    actor: Actor,
    action: str,
    target: str,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add one row. `action` reads like `alert.resolved`, `target` is the id of what was acted
    on."""
    await conn.execute(
        text(
            "insert into audit (at, actor, actor_detail, action, target, detail) values"
            " (:at, :by, cast(:actor as jsonb), :action, :target, cast(:detail as jsonb))"
        ),
        {
            "at": now,
            "by": actor.by,
            "actor": json.dumps(actor.as_data()),
            "action": action,
            "target": target,
            "detail": json.dumps(dict(detail or {})),
        },
    )
