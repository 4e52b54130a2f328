"""The sources of this installation: the built-in ones, and those that somebody set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, cast

from healthsvc.core.actors import Actor
from healthsvc.core.errors import InvalidInput
from healthsvc.store.admin import audit
from healthsvc.store.database.engine import AsyncConnection, AsyncEngine
from healthsvc.store.database.secrets import Vault
from healthsvc.store.sources import settings
from healthsvc.store.sources.settings import StoredSource
from healthsvc.wire.sources.document import Source, SourceFault, compile_source

Mode = Literal["trial", "live", "off"]
REMEMBERED_FOR: Final = timedelta(seconds=2)
MAX_SECRETS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredSource:
    """A source and how it is set."""

    source: Source
    mode: Mode
    is_built_in: bool
    secrets: Sequence[str] = ()
    called_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """What is to be set; None: it stays."""

    mode: Mode | None = None
    mapping: str | None = None
    secrets: Sequence[str] | None = None
    called_url: str | None = None


class UnknownSource(InvalidInput, LookupError):
    """There is no such source."""


@cache
def built_in() -> Mapping[str, Source]:
    """The mappings that come with the service, by name."""
    folder = files("healthsvc.defaults.sources")
    texts = sorted(
        (file.name, file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".yaml")
    )
    sources = [compile_source(text) for _, text in texts]
    return MappingProxyType({source.name: source for source in sources})


class SourceCatalogue:
    """All sources, remembered for two seconds."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        self._engine, self._vault = engine, vault
        self._until: datetime | None = None
        self._known: Mapping[str, ConfiguredSource] = {}

    async def all(self, now: datetime) -> Mapping[str, ConfiguredSource]:
        """Every source by name."""
        if self._until is None or now >= self._until:
            async with self._engine.connect() as conn:
                stored = await settings.read(conn)
            self._known = _merged(stored, self._vault)
            self._until = now + REMEMBERED_FOR
        return self._known

    async def get(self, name: str, now: datetime) -> ConfiguredSource:
        """Raises UnknownSource."""
        configured = (await self.all(now)).get(name)
        if configured is None:
            raise UnknownSource
        return configured

    async def change(self, name: str, change: SourceChange, now: datetime, actor: Actor) -> None:
        """Set a source, or make one. Raises SourceFault, UnknownSource."""
        if change.mapping is not None:
            source = compile_source(change.mapping)
            if source.name != name:
                raise SourceFault("/name", f"must be {name}, as in the path")
        async with self._engine.begin() as conn:
            await self._write(conn, name, change, now)
            await audit.record(conn, now, actor=actor, action="source.changed", target=name)
        self._until = None

    async def _write(
        self, conn: AsyncConnection, name: str, change: SourceChange, now: datetime
    ) -> None:
        stored = {source.name: source for source in await settings.read(conn)}
        former = stored.get(name)
        if former is None:
            if name not in built_in() and change.mapping is None:
                raise UnknownSource
            mode = first_mode(name)
            former = StoredSource(name=name, mapping=None, mode=mode, secrets=(), called_url=None)
        secrets = former.secrets
        if change.secrets is not None:
            secrets = [self._vault.encrypt(each, name) for each in change.secrets]
        await settings.write(
            conn,
            replace(
                former,
                mode=change.mode or former.mode,
                mapping=change.mapping or former.mapping,
                secrets=secrets,
                called_url=change.called_url or former.called_url,
            ),
            now,
        )


def first_mode(name: str) -> Mode:
    """The mode of a source that nobody set: those that take our own keys are live, any other maps
    and counts nothing."""
    source = built_in().get(name)
    return "live" if source is not None and source.authentication == "key" else "trial"


def _merged(stored: Sequence[StoredSource], vault: Vault) -> dict[str, ConfiguredSource]:
    merged = {
        name: ConfiguredSource(source=source, mode=first_mode(name), is_built_in=True)
        for name, source in built_in().items()
    }
    for each in stored:
        source = built_in()[each.name] if each.mapping is None else compile_source(each.mapping)
        merged[each.name] = ConfiguredSource(
            source=source,
            mode=cast(Mode, each.mode),
            is_built_in=each.mapping is None,
            secrets=[vault.decrypt(sealed, each.name) for sealed in each.secrets],
            called_url=each.called_url,
        )
    return dict(sorted(merged.items()))
