"""Declaring settings with a sentence and bounds each, and checking values against them.

Standard library only: whatever reads a section of the settings imports nothing heavy with it.
:mod:`lulcseg.settings.from_plain` fills sections from YAML or Hydra.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from math import isfinite
from typing import Any, NoReturn

from lulcseg.errors import LulcsegError, did_you_mean

TARGET = "_target_"
"""Hydra's key for a class or function of any installed package; the section's other keys are its arguments."""


def setting(default: Any, about: str, **bounds: Any) -> Any:
    """Declare a setting.

    Args:
        default: Its default value.
        about: One sentence that describes it, with the unit.
        **bounds: ``least``, ``most`` (numbers, inclusive) or ``choices`` (allowed values, or a function that
            returns them).

    Returns:
        A dataclass field.
    """
    metadata = {"about": about, **bounds}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def target_setting(what: str) -> Any:
    """Declare the field ``target`` of a section: written ``_target_``, with its arguments beside it.

    Args:
        what: What the target is or returns, such as "network".
    """
    about = f"Dotted path of a {what} of any installed package, over `name`; keys beside it are its arguments."
    return field(default=None, metadata={"about": about, "key": TARGET})


def arguments_setting() -> Any:
    """Declare the field ``arguments`` of a section: the keys beside ``_target_`` that are not settings."""
    return field(default_factory=dict, metadata={"about": "Arguments of the target.", "key": None})


def written_key(f: Any) -> str | None:
    """Return the key under which a field is written in YAML and on the command line; None: under no key."""
    key: str | None = f.metadata.get("key", f.name)
    return key


def known_keys(schema: type, prefix: str = "") -> dict[str, Any]:
    """Return every dotted key of a schema with its field.

    Args:
        schema: A dataclass of settings.
        prefix: Prepended to each key.
    """
    found: dict[str, Any] = {}
    for f in fields(schema):
        key = written_key(f)
        if key is None:
            continue
        found[prefix + key] = f
        nested = _nested(f)
        if nested is not None:
            found.update(known_keys(nested, f"{prefix}{key}."))
    return found


def free_keys(schema: type, prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of mappings, under which any key may be added."""
    for f in fields(schema):
        if isinstance(_default(f), dict) and written_key(f) is not None:
            yield f"{prefix}{f.name}"
        if (nested := _nested(f)) is not None:
            yield from free_keys(nested, f"{prefix}{f.name}.")


def defaults_of(schema: Any, prefix: str = "") -> dict[str, Any]:
    """Return every default of a schema as a nested plain container, keyed as in YAML.

    Args:
        schema: A dataclass of settings, or an instance of one, whose values then count.
        prefix: Dotted path of the schema, for recursion.
    """
    plain: dict[str, Any] = {}
    for f in fields(schema):
        key = written_key(f)
        if key is not None:
            value = _default(f) if isinstance(schema, type) else getattr(schema, f.name)
            plain[key] = defaults_of(value, f"{prefix}{key}.") if is_dataclass(value) else value
    return plain


def _nested(f: Any) -> type | None:
    """Return the dataclass that a field holds, if any."""
    value = _default(f)
    return type(value) if is_dataclass(value) else None


def _default(f: Any) -> Any:
    """Return a field's default."""
    return f.default if f.default_factory is MISSING else f.default_factory()


def suggest_key(key: str, schema: type) -> str:
    """Name the known key nearest to a misspelt one, looking first among its siblings."""
    keys = known_keys(schema)
    parent, _, leaf = key.rpartition(".")
    siblings = [k.rpartition(".")[2] for k in keys if k.rpartition(".")[0] == parent]
    clause = did_you_mean(leaf, siblings)
    if clause.startswith("did you mean"):
        near = clause.removeprefix("did you mean '").removesuffix("'?")
        return f"did you mean '{parent}.{near}'?" if parent else clause
    leaves = {k.rpartition(".")[2]: k for k in keys}
    if leaf in leaves:
        return f"did you mean '{leaves[leaf]}'?"
    clause = did_you_mean(key, keys)
    return clause if clause.startswith("did you mean") else did_you_mean(key, [k for k in keys if "." not in k])


def gather_arguments(plain: Mapping[str, Any], schema: type) -> dict[str, Any]:
    """Return a nested container in which ``_target_`` and the keys beside it are ``target`` and ``arguments``.

    Args:
        plain: Nested plain container, keyed as in YAML or by field.
        schema: The dataclass it should fit. Sections of it without a field ``target`` are left alone, and so are
            unknown keys where no target is given, so that they are refused.
    """
    by_name = {f.name: f for f in fields(schema)}
    gathered: dict[str, Any] = {}
    for key, value in plain.items():
        nested = _nested(by_name[key]) if key in by_name else None
        gathered[key] = gather_arguments(value, nested) if nested is not None and isinstance(value, Mapping) else value
    if "target" in by_name and written_key(by_name["target"]) == TARGET:
        target = gathered.pop(TARGET, None)
        if target is not None:
            gathered["target"] = target
        if gathered.get("target") is not None:
            extra = {key: gathered.pop(key) for key in [*gathered] if key not in by_name}
            gathered["arguments"] = {**(gathered.get("arguments") or {}), **extra}
    return gathered


def check_keys(plain: Mapping[str, Any], schema: type, where: str, prefix: str = "") -> None:
    """Refuse keys that a schema does not know.

    Args:
        plain: Nested plain container, keyed by field.
        schema: The dataclass it should fit.
        where: The source to name in the error: a file, or "configuration".
        prefix: Dotted path of ``plain`` in the whole.

    Raises:
        LulcsegError: An unknown key, with the nearest known one.
    """
    by_name = {f.name: f for f in fields(schema)}
    for key, value in plain.items():
        if key not in by_name:
            root = known_keys(schema)
            hint = suggest_key(str(key), schema) if root else "remove it"
            if prefix:
                hint = hint.replace("did you mean '", f"did you mean '{prefix}")
            raise LulcsegError(f"unknown key '{prefix}{key}'", where=where, remedy=hint)
        nested = _nested(by_name[key])
        if isinstance(value, str) and isinstance(_default(by_name[key]), list):
            name = prefix + key
            raise LulcsegError(f"{name}={value} is not a list", where=where, remedy=f"write {name}=[{value}]")
        if nested is not None and isinstance(value, Mapping):
            check_keys(value, nested, where, f"{prefix}{key}.")


def check_bounds(config: Any, where: str = "configuration", prefix: str = "") -> None:
    """Check every value of a filled schema against its bounds.

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
            raise LulcsegError(f"{name}={value} is not a finite number", where=where, remedy=f"{name}: {about}")
        choices = f.metadata.get("choices")
        choices = choices() if callable(choices) else choices
        if choices is not None and value not in choices:
            raise LulcsegError(
                f"{name}={value} is not one of its choices", where=where, remedy=did_you_mean(str(value), choices)
            )
        for bound, wrong in (("least", "below"), ("most", "above")):
            limit = f.metadata.get(bound)
            if limit is not None and ((value < limit) if bound == "least" else (value > limit)):
                raise LulcsegError(f"{name}={value} is {wrong} {limit}", where=where, remedy=f"{name}: {about}")


def refuse(what: str, remedy: str) -> NoReturn:
    """Refuse settings that make no sense by themselves or in combination.

    Raises:
        LulcsegError: Always.
    """
    raise LulcsegError(what, where="configuration", remedy=remedy)
