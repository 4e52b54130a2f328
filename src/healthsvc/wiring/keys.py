"""API keys, made from the command line; and the secret that they are hashed with."""

from healthsvc.core.actors import system
from healthsvc.flows.admin import keys
from healthsvc.flows.admin.keys import NewKey
from healthsvc.settings import Settings
from healthsvc.store.admin import keys as stored_keys
from healthsvc.store.database import secrets as stored_secrets
from healthsvc.store.database.engine import AsyncConnection
from healthsvc.store.database.keyset import Place
from healthsvc.wiring.database import engine_on, update
from healthsvc.wiring.factories import utc_now


async def create_key(url: str, settings: Settings, *, name: str, scopes: tuple[str, ...]) -> NewKey:
    """Make an API key. Raises NotInstalledError for an empty database."""
    await update(url, settings)
    return await _new_key(url, settings, name=name, scopes=scopes)


async def _new_key(url: str, settings: Settings, *, name: str, scopes: tuple[str, ...]) -> NewKey:
    async with engine_on(url, "healthsvc-keys") as engine:
        async with engine.begin() as conn:
            secret = await service_secret(conn, settings)
        return await keys.create(
            engine,
            utc_now(),
            pepper=keys.pepper_of(secret),
            name=name,
            scopes=scopes,
            actor=system("command line"),
        )


async def first_key(url: str, settings: Settings) -> NewKey | None:
    """An admin key, if the database has no key at all and no HEALTHSVC_ADMIN_KEY stands in for
    one."""
    async with engine_on(url, "healthsvc-keys") as engine, engine.connect() as conn:
        has_keys = bool(await stored_keys.page(conn, Place(limit=1)))
    if has_keys or settings.admin_key is not None:
        return None
    return await _new_key(url, settings, name="first key", scopes=("admin",))


async def service_secret(conn: AsyncConnection, settings: Settings) -> bytes:
    return await stored_secrets.service_secret(conn, configured_secret(settings))


def configured_secret(settings: Settings) -> str | None:
    return settings.secret_key.get_secret_value() if settings.secret_key else None
