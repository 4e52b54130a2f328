"""COPY's binary form: several blocks sent as one."""

import numpy as np
from sqlalchemy import text

from healthsvc.store.copying import begin, copy, even_block, fixed, joined


async def test_blocks_are_joined_to_one_copy(engine):
    blocks = [even_block(fixed(len(keys), np.array(keys), lead=begin(1))) for keys in ([1, 2], [3])]
    async with engine.begin() as conn:
        await conn.execute(text("create temporary table few (key bigint) on commit drop"))
        await copy(conn, "few", ["key"], joined([b"", *blocks, b""]))
        assert list((await conn.execute(text("select key from few order by key"))).scalars()) == [1, 2, 3]


def test_a_block_alone_stays_as_it_is_and_of_nothing_comes_nothing():
    block = even_block(fixed(1, np.array([1]), lead=begin(1)))
    assert joined([b"", block]) is block
    assert joined([b"", b""]) == joined([]) == b""
