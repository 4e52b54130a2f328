"""A refusal that blames a value is told from an outage: the one is content, the other never is."""

import pytest
from sqlalchemy import text

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.outage import is_content

CONTENT = {
    "NUL in text": ("select cast(:value as text)", "a\0b"),
    "NUL in jsonb": ("select cast(:value as jsonb)", '"\\u0000"'),
    "a number beyond the column": ("select cast(:value as integer)", 2**40),
    "a null where none may be": ("insert into dead_letters (origin) values (:value)", "x"),
    "a key too long for an index": (
        "insert into customers (customer_id, partition)"
        " select string_agg(md5(n::text), :value), 0 from generate_series(1, 5000) n",
        "",
    ),
}


@pytest.mark.parametrize(("sql", "value"), CONTENT.values(), ids=CONTENT.keys())
async def test_a_value_that_cannot_be_stored_is_content(
    engine: AsyncEngine, sql: str, value: object
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the driver's and the server's
        async with engine.begin() as conn:
            await conn.execute(text(sql), {"value": value})
    assert is_content(caught.value)


@pytest.mark.parametrize(
    "error", [ConnectionResetError(), TimeoutError(), OSError("no space"), KeyError("x")]
)
def test_other_errors_are_not(error: Exception) -> None:
    assert not is_content(error)


@pytest.mark.parametrize(
    "sql", ["select * from nowhere", "select pg_terminate_backend(pg_backend_pid())"]
)
async def test_a_schema_or_a_server_that_fails_is_not_content(
    engine: AsyncEngine, sql: str
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the driver's and the server's
        async with engine.begin() as conn:
            await conn.execute(text(sql))
    assert not is_content(caught.value)
