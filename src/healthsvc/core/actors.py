"""Who acts: a person, an API key, a rule of the service, or the service itself."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

ActorKind: TypeAlias = Literal["person", "key", "rule", "system"]
NAME_LENGTH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did something.

    A person is who the owner of an API key says acts (`via_key`): asserted, not authenticated.
    """

    kind: ActorKind
    id: str | None = None
    """Of the key, or the name of the rule; None: nothing identifies it but its name."""
    name: str
    via_key: str | None = None
    """The id of the key that a person acts through."""
    key_name: str | None = None
    """The name of that key; not kept with the act."""

    @property
    def by(self) -> str:
        """The name that fields called `by` show: the key's, whoever acts through it."""
        return self.key_name or self.name

    def as_data(self) -> dict[str, str | None]:
        """What is kept, and shown, of it."""
        return {"kind": self.kind, "id": self.id, "name": self.name, "via_key": self.via_key}


def system(name: str) -> Actor:
    """A part of the service, or its command line."""
    return Actor(kind="system", name=name)


def rule(name: str) -> Actor:
    """A rule of the service."""
    return Actor(kind="rule", name=name)


DESK: Final = system("desk")
"""What the service does with alerts by the clock."""
