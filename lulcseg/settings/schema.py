"""Filling a typed schema strictly: unknown keys, wrong types and values out of bounds get a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from math import isfinite
from typing import Any, NoReturn

from lulcseg.errors import LulcsegError, did_you_mean


def setting(default: Any, about: str, **bounds: Any) -> Any:
    """Declare one setting.

    Args:
        default: Its value where nothing is said.
        about: One sentence on what it is, with the unit.
        **bounds: ``least``, ``most`` (numbers, inclusive) or ``choices`` (allowed values).

    Returns:
        A dataclass field.
    """
    metadata = {"about": about, **bounds}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def known_keys(schema: type, prefix: str = "") -> dict[str, Any]:
    """Return every dotted key of a schema with its field.

    Args:
        schema: A dataclass of settings.
        prefix: Put before each key.
    """
    found: dict[str, Any] = {}
    for f in fields(schema):
        found[prefix + f.name] = f
        nested = _nested(f)
        if nested is not None:
            found.update(known_keys(nested, f"{prefix}{f.name}."))
    return found


def _nested(f: Any) -> type | None:
    """Return the dataclass a field holds, if it holds one."""
    value = _default(f)
    return type(value) if is_dataclass(value) else None


def _default(f: Any) -> Any:
    """Return a field's default."""
    return f.default if f.default_factory is MISSING else f.default_factory()


def suggest_key(key: str, schema: type) -> str:
    """Name the known key nearest to a misspelt one, looking first among its own siblings."""
    keys = known_keys(schema)
    parent, _, leaf = key.rpartition(".")
    siblings = [k.rpartition(".")[2] for k in keys if k.rpartition(".")[0] == parent]
    clause = did_you_mean(leaf, siblings)
    if clause.startswith("did you mean"):
        near = clause.removeprefix("did you mean '").removesuffix("'?")
        return f"did you mean '{parent}.{near}'?" if parent else clause
    leaves = {k.rpartition(".")[2]: k for k in keys}
    return f"did you mean '{leaves[leaf]}'?" if leaf in leaves else did_you_mean(key, keys)


def check_keys(plain: Mapping[str, Any], schema: type, where: str, prefix: str = "") -> None:
    """Refuse keys that a schema doesn't know.

    Args:
        plain: Nested plain container.
        schema: The dataclass it should fit.
        where: What to name in the error: a file, or "configuration".
        prefix: Dotted path of ``plain`` in the whole.

    Raises:
        LulcsegError: An unknown key, with the nearest known one.
    """
    by_name = {f.name: f for f in fields(schema)}
    for key, value in plain.items():
        if key not in by_name:
            root = known_keys(schema)
            hint = suggest_key(key, schema) if root else "remove it"
            if prefix:
                hint = hint.replace("did you mean '", f"did you mean '{prefix}")
            raise LulcsegError(f"unknown key '{prefix}{key}'", where=where, remedy=hint)
        nested = _nested(by_name[key])
        if isinstance(value, str) and isinstance(_default(by_name[key]), list):
            name = prefix + key
            raise LulcsegError(f"{name}={value} is no list", where=where, remedy=f"write {name}=[{value}]")
        if nested is not None and isinstance(value, Mapping):
            check_keys(value, nested, where, f"{prefix}{key}.")


def check_bounds(config: Any, where: str = "configuration", prefix: str = "") -> None:
    """Check every value of a filled-in schema against its bounds.

    Raises:
        LulcsegError: A value outside its bounds or choices.
    """
    for f in fields(config):
        value, name = getattr(config, f.name), prefix + f.name
        if is_dataclass(value):
            check_bounds(value, where, f"{name}.")
            continue
        if isinstance(value, list):
            for number, item in enumerate(value):
                if is_dataclass(item):
                    check_bounds(item, where, f"{name}[{number}].")
        if value is None:
            continue
        about = f.metadata.get("about", "")
        if isinstance(value, float) and not isfinite(value):
            raise LulcsegError(f"{name}={value} is no number to count with", where=where, remedy=f"{name}: {about}")
        choices = f.metadata.get("choices")
        if choices is not None and value not in choices:
            raise LulcsegError(
                f"{name}={value} is not one of its choices", where=where, remedy=did_you_mean(str(value), choices)
            )
        for bound, wrong in (("least", "below"), ("most", "above")):
            limit = f.metadata.get(bound)
            if limit is not None and ((value < limit) if bound == "least" else (value > limit)):
                raise LulcsegError(f"{name}={value} is {wrong} {limit}", where=where, remedy=f"{name}: {about}")


def fill[T](schema: type[T], plain: Mapping[str, Any], where: str) -> T:
    """Make a checked settings object from a plain container.

    Args:
        schema: The dataclass.
        plain: Nested mapping, as read from YAML or composed by Hydra.
        where: What to name in errors.

    Raises:
        LulcsegError: An unknown key, a value of the wrong type, or one outside its bounds.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    check_keys(plain, schema, where)
    try:
        filled = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.create(dict(plain))))
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        raise LulcsegError(f"{key}: {str(error).splitlines()[0]}", where=where) from error
    assert isinstance(filled, schema)
    check_bounds(filled, where)
    return filled


def refuse(what: str, remedy: str) -> NoReturn:
    """Refuse settings that make no sense, or none together.

    Raises:
        LulcsegError: Always.
    """
    raise LulcsegError(what, where="configuration", remedy=remedy)
