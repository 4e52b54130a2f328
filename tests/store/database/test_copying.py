"""COPY's binary form: columns with gaps, several blocks sent as one."""

import numpy as np
from sqlalchemy import text

from healthsvc.store.database.copying import begin, block, copy, even_block, fixed, floats, pieces

NAN = float("nan")


async def test_blocks_are_sent_as_one_copy(engine):
    blocks = [even_block(fixed(len(keys), np.array(keys), lead=begin(1))) for keys in ([1, 2], [3])]
    async with engine.begin() as conn:
        await conn.execute(text("create temporary table few (key bigint) on commit drop"))
        await copy(conn, "few", ["key"], [*blocks[0], *blocks[1]])
        assert list((await conn.execute(text("select key from few order by key"))).scalars()) == [
            1,
            2,
            3,
        ]


async def test_what_isnt_a_number_is_null_in_whichever_columns_and_pieces_hold_whole_rows(engine):
    count = 2_500
    keys = np.arange(count)
    columns = [np.where(keys % each == 0, NAN, keys * 1.5) for each in (2, 3, 5)]
    head = pieces(fixed(count, keys, lead=begin(4)))
    sent = block(head, floats(*columns))
    assert len(sent) == 3
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "create temporary table few (key bigint, a float8, b float8, c float8) on commit"
                " drop"
            )
        )
        await copy(conn, "few", ["key", "a", "b", "c"], sent)
        rows = list(await conn.execute(text("select key, a, b, c from few order by key")))
    assert len(rows) == count
    for key, *found in rows:
        assert found == [None if key % each == 0 else key * 1.5 for each in (2, 3, 5)]
