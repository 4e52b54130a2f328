"""Each table says whose data it holds; none is missing, none too many."""

import re

import pytest

from healthsvc.flows.delivery.upkeep import RETENTION
from healthsvc.settings import reference
from healthsvc.store.database.engine import connect
from healthsvc.store.personal_data import CUSTOMER_COLUMNS, TABLES, TableData

COLUMNS = """
    select c.table_name, array_agg(c.column_name::text) as columns
    from information_schema.columns c join pg_class k on k.oid = format('%I',
        c.table_name)::regclass
    where c.table_schema = 'public' and k.relkind in ('r', 'p') and not k.relispartition
      and c.table_name <> 'alembic_version'
    group by 1
"""


async def columns(url: str) -> dict[str, set[str]]:
    """The columns of every table of the database, partitions of tables aside."""
    conn = await connect(url)
    try:
        return {row["table_name"]: set(row["columns"]) for row in await conn.fetch(COLUMNS)}
    finally:
        await conn.close()


async def test_every_table_says_whose_data_it_holds_and_no_other_does(database_url: str) -> None:
    declared = [data.table for data in TABLES]

    assert sorted(declared) == sorted(await columns(database_url))


async def test_a_table_that_names_customers_is_declared_to_and_says_by_which_column(
    database_url: str,
) -> None:
    found = await columns(database_url)
    for data in TABLES:
        naming = found[data.table].intersection(CUSTOMER_COLUMNS)
        if data.found_by is None:
            assert not naming, data.table
        else:
            assert data.whose == "customer"
            assert data.found_by in naming, data.table


async def test_a_table_that_names_who_acted_holds_data_of_somebody(database_url: str) -> None:
    found = await columns(database_url)
    for data in TABLES:
        if any(
            re.search(r"_by$|^actor|_actor$|^assignee$", column)
            for column in found[data.table] - {"held_by"}
        ):
            assert data.whose != "nobody", data.table


def test_messages_are_kept_as_long_as_the_sweep_leaves_them() -> None:
    (messages,) = (data for data in TABLES if data.table == "messages")

    assert messages.retention == f"{RETENTION.days} days"


@pytest.mark.parametrize("data", TABLES, ids=lambda data: data.table)
def test_the_settings_that_say_how_long_it_is_kept_exist(data: TableData) -> None:
    for setting in re.findall(r"HEALTHSVC_\w+", data.retention):
        assert f"`{setting}`" in reference()
