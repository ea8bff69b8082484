"""Filling a section of the settings from YAML or Hydra, strictly, with OmegaConf's conversion of types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from typing import Any, get_args, get_origin, get_type_hints

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lulcseg.settings.schema import check_bounds, check_keys, gather_arguments
from lulcseg.settings.type_errors import describe_wrong_type
from lulcseg.settings.value_types import check_containers


def fill[T](schema: type[T], plain: Mapping[str, Any], where: str) -> T:
    """Make a checked settings object from a plain container.

    Args:
        schema: The dataclass.
        plain: Nested mapping, as read from YAML, composed by Hydra, or made by :func:`dataclasses.asdict`.
        where: The source to name in errors.

    Raises:
        LulcsegError: An unknown key, a value of the wrong type, or one outside its bounds.
    """
    keyed = _with_floats(gather_arguments(plain, schema), schema)
    check_keys(keyed, schema, where)
    try:
        base = _structured(schema)  # type: ignore[arg-type]  # a class is hashable
        filled = OmegaConf.to_object(OmegaConf.merge(base, OmegaConf.create(keyed)))
    except OmegaConfBaseException as error:
        raise describe_wrong_type(error, keyed, where) from error
    assert isinstance(filled, schema)
    check_containers(filled, where)
    check_bounds(filled, where)
    return filled


def _with_floats(plain: Any, hint: Any) -> Any:
    """Return a nested container in which whole numbers are floats where a mapping of floats wants them.

    OmegaConf converts them in fields, but not in mappings such as ``augment.strengths: {gamma: {widest: 2}}``.
    """
    if not isinstance(plain, Mapping):
        return float(plain) if hint is float and type(plain) is int else plain
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return {key: _with_floats(value, hints.get(key)) for key, value in plain.items()}
    inner = get_args(hint)[1] if get_origin(hint) is dict else None
    return {key: _with_floats(value, inner) for key, value in plain.items()}


@lru_cache(maxsize=32)
def _structured(schema: type) -> Any:
    """Return a schema as OmegaConf has it, made once: merging copies it."""
    return OmegaConf.structured(schema)
