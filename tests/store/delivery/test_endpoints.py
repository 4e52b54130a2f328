"""Subscribers in the database."""

from datetime import timedelta

from healthsvc.core.delivery import WELL, Health
from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.keyset import Place
from healthsvc.store.delivery import endpoints
from tests.store.delivery.outbox import START_AT, VAULT, enqueue, make_endpoint, make_message, rows


async def test_an_endpoint_comes_back_as_it_was_made_without_its_secret(
    engine: AsyncEngine,
) -> None:
    made = await make_endpoint(engine, "https://hooks.example.com/", types=["alert.raised"])

    async with engine.begin() as conn:
        assert await endpoints.get(conn, made.id) == made
        assert await endpoints.get(conn, "ep_none") is None
    assert made.event_types == ("alert.raised",)
    assert made.state == "enabled"
    assert not hasattr(made, "secret")


async def test_pages_go_from_the_newest_on_without_skip_or_repeat(engine: AsyncEngine) -> None:
    made = [await make_endpoint(engine) for _ in range(5)]

    async with engine.begin() as conn:
        first = await endpoints.page(conn, Place(limit=3))
        last_us = int(first[-1].created_at.timestamp() * 1_000_000)
        second = await endpoints.page(conn, Place(limit=3, keys=(last_us, first[-1].id)))
        back = await endpoints.page(
            conn,
            Place(
                limit=3,
                keys=(int(second[0].created_at.timestamp() * 1_000_000), second[0].id),
                backwards=True,
            ),
        )

    assert [each.id for each in (*first, *second)] == [each.id for each in reversed(made)]
    assert back == first


async def test_an_update_changes_what_it_names_and_nothing_else(engine: AsyncEngine) -> None:
    made = await make_endpoint(engine, types=["alert.raised"])

    async with engine.begin() as conn:
        changed = await endpoints.update(conn, made.id, url="https://new.example.com/")
        emptied = await endpoints.update(conn, made.id, event_types=[])
        assert await endpoints.update(conn, "ep_none", url="https://new.example.com/") is None

    assert changed is not None
    assert (changed.url, changed.event_types) == ("https://new.example.com/", ("alert.raised",))
    assert emptied is not None
    assert (emptied.url, emptied.event_types) == ("https://new.example.com/", ())


async def test_a_deleted_endpoint_takes_its_deliveries_along(engine: AsyncEngine) -> None:
    made = await make_endpoint(engine)
    await enqueue(engine, make_message())

    async with engine.begin() as conn:
        assert await endpoints.delete(conn, made.id)
        assert not await endpoints.delete(conn, made.id)

    assert await rows(engine, "select * from deliveries") == []


async def test_switching_on_gives_a_clean_bill_of_health(engine: AsyncEngine) -> None:
    made = await make_endpoint(engine)
    ill = Health(
        failing_since=START_AT,
        failing_again_at=START_AT,
        paused_until=START_AT + timedelta(hours=1),
    )

    async with engine.begin() as conn:
        await endpoints.save_health(conn, {made.id: ill})
        assert await endpoints.lock_health(conn, [made.id]) == {made.id: ill}
        assert await endpoints.disable(conn, made.id, "failing")
        assert not await endpoints.disable(conn, made.id, "again")
        assert await endpoints.lock_health(conn, [made.id]) == {}
        assert await endpoints.enable(conn, made.id)
        assert not await endpoints.enable(conn, "ep_none")
        assert await endpoints.lock_health(conn, [made.id]) == {made.id: WELL}
        after = await endpoints.get(conn, made.id)

    assert after == made


async def test_a_rotation_keeps_the_previous_secret(engine: AsyncEngine) -> None:
    made = await make_endpoint(engine, secret="whsec_old")

    async with engine.begin() as conn:
        await endpoints.rotate(
            conn, made.id, VAULT.encrypt("whsec_new", made.id), START_AT + timedelta(hours=24)
        )

    (row,) = await rows(engine, "select secret, previous_secret from endpoints")
    assert VAULT.decrypt(row["secret"], made.id) == "whsec_new"  # type: ignore[arg-type]
    assert VAULT.decrypt(row["previous_secret"], made.id) == "whsec_old"  # type: ignore[arg-type]
