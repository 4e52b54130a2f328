"""The schema goes up, comes down, and is found wherever we are installed."""

import asyncio
import json

from healthsvc.core.folding.decision_state import DecisionStates
from healthsvc.core.folding.states import States
from healthsvc.core.folding.stored import Stored
from healthsvc.flows.projections import bootstrap
from healthsvc.store.database import schema
from healthsvc.store.database.engine import AsyncEngine, connect, create_engine
from healthsvc.wire.scorecards.document import compile_document

TABLES = (
    "select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'"
)


async def tables(url: str) -> set[str]:
    conn = await connect(url)
    try:
        return {row[0] for row in await conn.fetch(TABLES)}
    finally:
        await conn.close()


async def test_upgrade_makes_the_tables_and_downgrade_drops_every_one(
    empty_database_url: str,
) -> None:
    await schema.upgrade(empty_database_url)
    assert {"partitions", "states", "log_entries", "archive"} <= await tables(empty_database_url)

    await schema.downgrade(empty_database_url)
    assert await tables(empty_database_url) == set()

    await schema.upgrade(empty_database_url)
    assert "states" in await tables(empty_database_url)


async def test_upgrading_twice_and_at_once_is_the_same_as_once(empty_database_url: str) -> None:
    await asyncio.gather(*(schema.upgrade(empty_database_url) for _ in range(3)))
    await schema.upgrade(empty_database_url)

    engine = create_engine(empty_database_url)
    async with engine.connect() as conn:
        assert await schema.current(conn) == schema.head()
    await engine.dispose()


async def test_a_database_before_its_first_migration_has_no_revision(
    empty_database_url: str,
) -> None:
    engine = create_engine(empty_database_url)
    async with engine.connect() as conn:
        assert await schema.current(conn) is None
    await engine.dispose()


async def test_bootstrap_is_idempotent_and_partitions_only_grow(
    engine: AsyncEngine, database_url: str
) -> None:
    for wanted in (4, 4, 2, 6):
        async with engine.begin() as conn:
            await bootstrap.ensure(conn, wanted)

    conn = await connect(database_url)
    assert await conn.fetchval("select count(*) from projections where state = 'live'") == 1
    rows = await conn.fetch("select partition from partitions where projection = 1 order by 1")
    assert [row[0] for row in rows] == list(range(6))
    assert await conn.fetchval("select count(*) from log_heads") == 6
    await conn.close()


async def test_a_profile_keeps_what_it_says_when_it_is_stored_by_stamp_and_back(
    empty_database_url: str,
) -> None:
    said = {
        "name": ["Acme", 7, "crm", "e1"],
        "tier": ["low", 7, "crm", "e1"],
        "owner": ['a "b"', 9, "web", "e2"],
    }
    read = "select profile::text from states"
    await schema.upgrade(empty_database_url, "0010")
    conn = await connect(empty_database_url)
    await conn.execute(
        "insert into states values (1, 1, 0, 'x', 'y', $1), (1, 2, 0, 'x', 'y', null)",
        json.dumps(said),
    )

    await schema.upgrade(empty_database_url)
    found = [row[0] for row in await conn.fetch(f"{read} order by customer_key")]
    states = States(compile_document("").program, 1)
    empty = bytes(states.pack(states.admit([("-", 0, 0)]))[0])
    states.drop([0])
    states.load([Stored("acme", 1, 0, empty, DecisionStates.undecided(1).packed_row(0), found[0])])
    assert states.profile(0) == said
    assert found[1] is None
    assert json.loads(states.profile_json(0)) == json.loads(found[0])

    await schema.downgrade(empty_database_url, "0010")
    assert json.loads(await conn.fetchval(f"{read} where customer_key = 1")) == said
    await conn.close()


async def test_who_acted_and_the_desks_columns_come_beside_what_is_there_and_go_again(
    empty_database_url: str,
) -> None:
    await schema.upgrade(empty_database_url, "0017")
    conn = await connect(empty_database_url)
    await conn.execute(
        "insert into audit (actor, action, target) values ('kim', 'alert.resolved', 'al_1')"
    )
    await conn.execute(
        "insert into alerts (id, customer_key, customer_id, kind, severity, state, summary,"
        " onset_at, raised_at, acknowledged_by) values ('al_1', 1, 'acme', 'silent', 'warning',"
        " 'acknowledged', 's', now(), now(), 'kim')"
    )

    await schema.upgrade(empty_database_url)
    desk = (
        "assignee, due_at, snoozed_until, outcome, condition_ended_at, acknowledged_actor,"
        " resolved_actor"
    )
    assert set(await conn.fetchrow(f"select {desk} from alerts")) == {None}
    assert await conn.fetchval("select actor_detail from audit") is None
    await conn.execute("update alerts set state = 'snoozed'")

    await schema.downgrade(empty_database_url, "0017")
    assert await conn.fetchval("select state from alerts") == "open"
    assert await conn.fetchval("select actor from audit") == "kim"
    await conn.close()
