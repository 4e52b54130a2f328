"""Mapping files of the lab: which types are the customer's acts, which are neutral, trouble, or the
outcome itself."""

from pathlib import Path

import yaml

from healthsvc.core.risk.mapping import KINDS, Kind, TypeMapping
from healthsvc.wire.files.file_lines import FileRefusedError

_FORM = (
    "must map kinds to lists of types, as in `trouble: [payment_failed]`, or types to kinds;"
    " kinds: " + ", ".join(KINDS)
)


def load_type_mapping(path: Path) -> TypeMapping:
    """The mapping of a YAML file: `{act: [...], neutral: [...], trouble: [...], outcome: [...],
    default: act}`, or `{type: kind}`. Raises FileRefusedError with the place of the fault."""
    try:
        data = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileRefusedError(f"{path}: {error}") from error
    return mapping_of(data, str(path))


def mapping_of(data: object, where: str) -> TypeMapping:
    """The mapping from plain data."""
    if data is None:
        return TypeMapping(recognises_ours=True)
    if not isinstance(data, dict):
        raise FileRefusedError(f"{where}: {_FORM}")
    kinds: dict[str, Kind] = {}
    default: Kind = "act"
    for key, value in data.items():
        if key == "default":
            default = _kind(value, f"{where}: /default")
        elif isinstance(value, list) and key in KINDS:
            kinds.update({str(name): _kind(key, where) for name in value})
        elif isinstance(value, str):
            kinds[str(key)] = _kind(value, f"{where}: /{key}")
        else:
            raise FileRefusedError(f"{where}: /{key}: {_FORM}")
    return TypeMapping(kinds=kinds, default=default, recognises_ours=True)


def _kind(value: object, where: str) -> Kind:
    for kind in KINDS:
        if value == kind:
            return kind
    raise FileRefusedError(f"{where}: must be one of {', '.join(KINDS)}, got {value!r}")
