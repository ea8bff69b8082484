"""The legend of a scene file: a list of classes, or a file that holds one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.files import path_of
from lulcseg.legend import PAPER_LEGEND, Legend
from lulcseg.settings.plain_yaml import read_yaml

IGNORE_NAME = "ignore"

FORMULA = ("=", "+", "-", "@")
"""Beginnings of a cell that spreadsheets take for a formula."""


def read_legend(path: Path) -> Legend:
    """Read a YAML file with a ``legend:`` list.

    Raises:
        LulcsegError: No such file, or no such list in it.
    """
    if not path.is_file():
        raise LulcsegError("there is no such legend file", where=path, remedy="check the path")
    return legend_of(read_yaml(path).get("legend") or [], path)


def legend_of(value: Any, path: Path) -> Legend:
    """Return the legend that a scene file states.

    Args:
        value: Content of ``legend``: a list, the name of a YAML file that holds one, or None for the paper's.
        path: The scene file.

    Raises:
        LulcsegError: It isn't a legend.
    """
    if value is None:
        return PAPER_LEGEND
    if isinstance(value, str):
        other = path_of(value, path, path.parent)
        if not other.is_file():
            raise LulcsegError(f"there is no legend file '{other}'", where=path, remedy="check legend:")
        value, path = read_yaml(other).get("legend"), other
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise LulcsegError("legend is not a list of {code, name, colour}", where=path, remedy="write it as such a list")
    for item in value:
        if "name" in item:
            item["name"] = as_text(item["name"], "name", f"{path}: legend")
        if "code" in item and (isinstance(item["code"], bool) or not re.fullmatch(r"-?[0-9]{1,9}", str(item["code"]))):
            raise LulcsegError(
                f"code '{item['code']}' of '{item.get('name', '?')}' is not a whole number",
                where=f"{path}: legend",
                remedy="give it one from 0 to 254",
            )
        name = str(item.get("name", ""))
        if name == IGNORE_NAME or name.startswith(FORMULA):
            why = "stands for no class" if name == IGNORE_NAME else "would be run as a formula by spreadsheets"
            raise LulcsegError(
                f"a class can't be named '{name}', which {why}", where=f"{path}: legend", remedy="give it another name"
            )
    try:
        return Legend.from_plain(value)
    except LulcsegError as error:
        raise LulcsegError(error.what, where=f"{path}: legend", remedy=error.remedy) from error


def as_text(value: Any, key: str, where: str | Path) -> str:
    """Return a text, or a whole number as one; other values may not be what was written.

    Raises:
        LulcsegError: It is another value, such as 1e5.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LulcsegError(f"{key} is not read as text", where=where, remedy=f"write it in quotes, {key}: '…'")
    return str(value)
