"""Values of a wrong type, in plain words: what OmegaConf says of them names its own classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from omegaconf.errors import OmegaConfBaseException

from lulcseg.errors import LulcsegError

_KINDS = {"Integer": "a whole number", "int": "a whole number", "Float": "a number", "float": "a number",
          "Boolean": "true or false", "bool": "true or false", "str": "text"}  # fmt: skip
_WANTED = (
    re.compile(r"could not be converted to (\w+)"),
    re.compile(r"is not a valid (bool)"),
    re.compile(r"incompatible with type hint '(?:Optional\[)?(\w+)\]?'"),
)
_SHOWN = 60
"""Characters of a value that an error shows."""


def describe_wrong_type(error: OmegaConfBaseException, plain: Mapping[str, Any], where: str) -> LulcsegError:
    """Return the error for a value that doesn't fit its setting.

    Args:
        error: What OmegaConf raised.
        plain: The settings that it was filled from.
        where: The source to name: a file, or "configuration".

    Example:
        >>> from omegaconf import OmegaConf
        >>> try:
        ...     OmegaConf.merge(OmegaConf.create({"seed": 1}), {"seed": "${x"})
        ... except OmegaConfBaseException as error:
        ...     print(describe_wrong_type(error, {"seed": "${x"}, "scene.yaml").where)
        scene.yaml
    """
    key, said = getattr(error, "full_key", None) or "?", str(error).splitlines()[0]
    value = _written(_value_at(plain, key))
    if said.startswith("Incompatible value 'None'"):
        return LulcsegError(f"{key} can't be null", where=where, remedy="give it a value, or leave it out")
    if "is not a ListConfig, list or tuple" in said:
        return LulcsegError(f"{key}={value} is not a list", where=where, remedy=f"write {key}=[…]")
    if "to string" in said:
        return LulcsegError(f"{key}={value} is not text", where=where, remedy="write a single value, or quote it")
    for pattern in _WANTED:
        if (found := pattern.search(said)) is not None and found[1] in _KINDS:
            return LulcsegError(f"{key}={value} is not {_KINDS[found[1]]}", where=where, remedy="correct it")
    return LulcsegError(f"{key}: {said}", where=where)


def _value_at(plain: Any, key: str) -> Any:
    """Return the value at a dotted key, whose list items are written ``[0]``; as far down as it leads."""
    for part in re.findall(r"[^.\[\]]+", key):
        if isinstance(plain, Mapping) and part in plain:
            plain = plain[part]
        elif isinstance(plain, list) and part.isdecimal() and int(part) < len(plain):
            plain = plain[int(part)]
        else:
            break
    return plain


def _written(value: Any) -> str:
    """Return a value as it would be written on a command line, its end left out where it is long."""
    if isinstance(value, list):
        text = f"[{','.join(_written(each) for each in value[:_SHOWN])}]"
    elif isinstance(value, Mapping):
        text = "{" + ",".join(f"{key}: {_written(each)}" for key, each in list(value.items())[:_SHOWN]) + "}"
    else:
        text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
