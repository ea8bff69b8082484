"""Series of experiments that differ in a few numbers, as ``conf/series.yaml`` tabulates them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from lulcseg.settings.configuration_folders import CONF


@lru_cache(maxsize=1)
def series_of_experiments() -> dict[str, dict[str, Any]]:
    """Return the experiments of every series: name → what its file under ``conf/experiment/`` would hold."""
    content = yaml.safe_load((CONF / "series.yaml").read_text(encoding="utf-8"))
    return {
        _with_numbers(name, numbers): {
            "defaults": [series["of"]],
            "name": _with_numbers(name, numbers),
            **_with_numbers(series["set"], numbers),
        }
        for name, series in content.items()
        for numbers in series["each"]
    }


def _with_numbers(value: Any, numbers: Mapping[str, int]) -> Any:
    """Put a row's numbers in place of ``{column}``, in keys and values alike."""
    if isinstance(value, Mapping):
        return {key: _with_numbers(each, numbers) for key, each in value.items()}
    if isinstance(value, str):
        for column, number in numbers.items():
            value = value.replace(f"{{{column}}}", str(number))
    return value
