"""SQL that is made from the lifecycle of alerts."""

import pytest

from healthsvc.core.alerts import END, RELEASE
from healthsvc.store.alerts import lifecycle_sql
from healthsvc.store.database.engine import connect


def test_conditions_name_the_states_that_allow_the_step() -> None:
    assert lifecycle_sql.may(RELEASE, "a.state") == "a.state in ('held')"
    assert lifecycle_sql.may(END, "state") == "state in ('held', 'open', 'acknowledged', 'snoozed')"
    assert lifecycle_sql.after(RELEASE) == "'open'"


@pytest.mark.parametrize(
    "condition", [lifecycle_sql.unresolved("state"), lifecycle_sql.may(END, "state")]
)
async def test_the_index_of_unresolved_alerts_serves_the_condition(
    database_url: str, condition: str
) -> None:
    conn = await connect(database_url)
    await conn.execute("set enable_seqscan = off")

    plan = await conn.fetch(
        f"explain select id from alerts where customer_key = 1 and kind = 'silent' and {condition}"
    )
    await conn.close()

    assert any("alerts_open" in line[0] for line in plan)
