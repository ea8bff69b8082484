"""Presets of ``conf/augment/`` and ``conf/mosaic/``, for callers that name one without composing with Hydra."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.settings.configuration_folders import files_of

GROUPS = ("augment", "mosaic")
"""Groups whose options are presets: each states its own name and its values."""


def preset_names(group: str) -> tuple[str, ...]:
    """Return the names of a group's presets, in alphabetical order."""
    return tuple(files_of(group))


def load_preset(group: str, name: str) -> dict[str, Any]:
    """Return what a preset states, as a nested plain container without its name.

    Args:
        group: "augment" or "mosaic".
        name: Name of the preset: its file's, without the ending.

    Raises:
        LulcsegError: There is no such preset, or it can't be read.
    """
    path = files_of(group).get(name)
    if path is None:
        raise LulcsegError(
            f"{group}.name={name} is not one of its choices",
            where="configuration",
            remedy=did_you_mean(name, preset_names(group)),
        )
    return deepcopy(_read(path))


def separate_presets(plain: Mapping[str, Any], choices: Mapping[str, Any]) -> dict[str, Any]:
    """Take out what a group's option states where a setting names another preset.

    In ``augment=paper augment.name=light`` and in ``mosaic.name=single`` over a default of ``mosaic=multiple``, the
    name alone decides: the option's values are dropped, those set besides stay.

    Args:
        plain: Composed settings, as a nested plain container.
        choices: Group → name of its chosen option, as Hydra keeps them in ``hydra.runtime.choices``.
    """
    separated = dict(plain)
    for group in GROUPS:
        section, choice = separated.get(group), choices.get(group)
        if isinstance(section, Mapping) and choice is not None and section.get("name") != choice:
            separated[group] = _without(section, load_preset(group, str(choice)))
    return separated


def _without(section: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the keys whose values are those of a preset."""
    kept: dict[str, Any] = {}
    for key, value in section.items():
        if key not in stated:
            kept[key] = value
        elif isinstance(value, Mapping) and isinstance(stated[key], Mapping):
            kept[key] = _without(value, stated[key])
        elif value != stated[key]:
            kept[key] = value
    return kept


@lru_cache(maxsize=64)
def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise LulcsegError("it can't be read", where=path, remedy="restore it, or mend its YAML") from error
    return {str(key): value for key, value in content.items() if key not in {"name", "defaults"}}
