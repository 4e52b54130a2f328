"""The service's secret and what is sealed with it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthsvc.store.database.engine import AsyncEngine
from healthsvc.store.database.secrets import (
    SealError,
    Vault,
    derive,
    new_signing_secret,
    service_secret,
    vault,
)

OLD, NEW = b"o" * 32, b"n" * 32


@given(plain=st.text(max_size=100), owner=st.text(max_size=20))
def test_what_was_sealed_opens_for_its_owner(plain: str, owner: str) -> None:
    assert Vault(OLD).decrypt(Vault(OLD).encrypt(plain, owner), owner) == plain


def test_a_sealed_value_doesnt_show_its_text_and_differs_each_time() -> None:
    first, second = (Vault(OLD).encrypt("whsec_abc", "ep_1") for _ in range(2))

    assert b"whsec" not in first
    assert first != second


@pytest.mark.parametrize("place", [0, 1, 8, 9, 20, 21, -1])
def test_an_altered_value_doesnt_open(place: int) -> None:
    sealed = bytearray(Vault(OLD).encrypt("whsec_abc", "ep_1"))
    sealed[place] ^= 1

    with pytest.raises(SealError):
        Vault(OLD).decrypt(bytes(sealed), "ep_1")


def test_a_value_doesnt_open_for_another_owner_nor_with_another_secret_nor_when_cut_short() -> None:
    sealed = Vault(OLD).encrypt("whsec_abc", "ep_1")

    for vault_, value, owner in (
        (Vault(OLD), sealed, "ep_2"),
        (Vault(NEW), sealed, "ep_1"),
        (Vault(OLD), b"", "ep_1"),
    ):
        with pytest.raises(SealError):
            vault_.decrypt(value, owner)


def test_after_a_rotation_old_values_open_and_new_ones_are_sealed_with_the_new_secret() -> None:
    sealed, rotated = Vault(OLD).encrypt("whsec_abc", "ep_1"), Vault(NEW, [OLD])

    assert rotated.decrypt(sealed, "ep_1") == "whsec_abc"
    assert not rotated.is_current(sealed)
    assert Vault(NEW).decrypt(rotated.encrypt("whsec_abc", "ep_1"), "ep_1") == "whsec_abc"


def test_keys_for_different_purposes_differ_and_are_stable() -> None:
    assert derive(OLD, "a") == derive(OLD, "a") != derive(OLD, "b")
    assert len(derive(OLD, "a")) == 32


async def test_a_secret_is_generated_once_even_when_several_ask_at_once(
    engine: AsyncEngine,
) -> None:
    async def ask() -> bytes:
        async with engine.begin() as conn:
            return await service_secret(conn, None)

    secrets = await asyncio.gather(*(ask() for _ in range(5)))

    assert len(set(secrets)) == 1
    assert len(secrets[0]) == 32


async def test_a_configured_secret_wins_and_what_the_generated_one_sealed_still_opens(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as conn:
        await service_secret(conn, None)
        sealed = (await vault(conn, None)).encrypt("whsec_abc", "ep_1")

        configured = await vault(conn, "any text at all")

    assert configured.decrypt(sealed, "ep_1") == "whsec_abc"
    assert not configured.is_current(sealed)


def test_signing_secrets_have_the_standards_form() -> None:
    assert new_signing_secret().startswith("whsec_")
