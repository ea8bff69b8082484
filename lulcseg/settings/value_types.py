"""Checking plain values of a file against the types that a dataclass declares, without converting any."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from lulcseg.errors import LulcsegError


def check_types(schema: type, plain: Any, where: str, prefix: str = "") -> None:
    """Check that a plain mapping has keys that a dataclass declares, with values of their types.

    Missing keys are not looked for. Values of a key that is a dataclass itself are left alone.

    Args:
        schema: The dataclass.
        plain: What should be such a mapping.
        where: The file, for errors.
        prefix: Dotted path of ``plain`` in the file, with a dot at its end.

    Raises:
        LulcsegError: It isn't.
    """
    if not isinstance(plain, Mapping):
        raise _wrong(prefix.rstrip(".") or "its content", plain, where)
    declared = _declared(schema)
    for key, value in plain.items():
        if key not in declared:
            raise LulcsegError(
                f"it has an unknown entry '{prefix}{_short(key)}'", where=where, remedy="use the lulcseg that made it"
            )
        if not is_of(value, declared[key]):
            raise _wrong(f"{prefix}{key}", value, where)


def check_containers(section: Any, where: str, prefix: str = "") -> None:
    """Check what the lists and mappings of a filled section hold, which OmegaConf lets pass.

    Args:
        section: A dataclass of settings.
        where: The source to name in errors.
        prefix: Dotted path of the section, with a dot at its end.

    Raises:
        LulcsegError: A value of another type than declared.
    """
    declared = _declared(type(section))  # type: ignore[arg-type]  # a class is hashable
    for name, kind in declared.items():
        value = getattr(section, name)
        if is_dataclass(value):
            check_containers(value, where, f"{prefix}{name}.")
        elif isinstance(value, list | dict) and not is_of(value, kind):
            raise LulcsegError(f"{prefix}{name} holds values of another type", where=where, remedy="correct them")


def is_of(value: Any, declared: Any) -> bool:
    """Whether a value is of a declared type; a whole number is a float too, a truth value no number.

    >>> is_of(3, float), is_of(True, int), is_of([1, 2.5], list[float]), is_of(None, int | None)
    (True, False, True, True)
    """
    origin, inside = get_origin(declared), get_args(declared)
    if origin in {Union, types.UnionType}:
        return any(is_of(value, each) for each in inside)
    if origin is list:
        return isinstance(value, list | tuple) and all(is_of(each, inside[0]) for each in value)
    if origin is dict:
        return isinstance(value, Mapping) and all(is_of(k, inside[0]) and is_of(v, inside[1]) for k, v in value.items())
    if declared is float:
        return type(value) in {int, float}
    if declared in {int, bool, str}:
        return type(value) is declared
    return value is None if declared is type(None) else True


@lru_cache(maxsize=32)
def _declared(schema: type) -> dict[str, Any]:
    hints = get_type_hints(schema)
    return {field.name: hints[field.name] for field in fields(schema)}


def _wrong(name: str, value: Any, where: str) -> LulcsegError:
    return LulcsegError(
        f"{name} can't be {_short(value)} ({type(value).__name__})", where=where, remedy="use another file"
    )


def _short(value: Any) -> str:
    """Return a value as text of at most 40 characters; only its beginning is turned into text where it is long."""
    if isinstance(value, int) and abs(value) > 10**40:
        return "a number of more than 40 digits"
    text = str(value if not isinstance(value, list | dict | tuple | set) else f"{len(value)} values")
    return text if len(text) <= 40 else text[:39] + "…"
