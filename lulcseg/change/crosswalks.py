"""The classes that two maps have in common: their own, or those that a crosswalk leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.maps.classraster import carried_legend, codes_in
from lulcseg.scene.legend_spec import read_legend
from lulcseg.scene.vectors import crosswalk_entries, value_text
from lulcseg.settings.plain_yaml import read_yaml

_KEYS = ("legend", "before", "after")


@dataclass(frozen=True, eq=False)
class CommonClasses:
    """The classes that two maps are compared by.

    Attributes:
        classes: The K classes of both.
        own: Each map's own legend, which its codes are read with.
        tables: For each map (256,) uint8: index of its own class to index of the common one, 255 for none.
    """

    classes: Legend
    own: tuple[Legend, Legend]
    tables: tuple[NDArray[np.uint8], NDArray[np.uint8]]


def common_classes(
    before: Path, after: Path, *, legend: Legend | None = None, crosswalk: Path | None = None
) -> CommonClasses:
    """Return the classes that two maps are compared by.

    Each map is read with the legend it carries, one without any with ``legend``. Legends of the same names are the
    same, whatever their codes and order; the second map's is then the common one. Maps that both carry none are
    compared by their codes.

    Args:
        before: The map of the first date.
        after: The map of the second date.
        legend: Classes of maps that carry none; default, if neither does: the codes that occur.
        crosswalk: YAML file that leads both maps' classes to common ones: ``before`` and ``after``, class name or
            code → common class or ``ignore``, and the common ``legend`` (default: the second map's). Classes that it
            doesn't list keep their name.

    Raises:
        LulcsegError: One map alone carries a legend and none is given, the legends differ without a crosswalk, or it
            leaves out a class or names an unknown one.
    """
    own = _own_legends(before, after, legend)
    if crosswalk is not None:
        return _led(before, after, own, crosswalk)
    if set(own[0].names) != set(own[1].names):
        only = [", ".join(n for n in a.names if n not in b.names) or "none" for a, b in (own, own[::-1])]
        raise LulcsegError(
            f"its classes are not those of {after.name} (only here: {only[0]}; only there: {only[1]})",
            where=before,
            remedy="say which class is which with --crosswalk",
        )
    return CommonClasses(own[1], own, (_by_name(own[0], own[1]), _by_name(own[1], own[1])))


def _own_legends(before: Path, after: Path, legend: Legend | None) -> tuple[Legend, Legend]:
    one, two = carried_legend(before), carried_legend(after)
    first, second = one or legend, two or legend
    if first is not None and second is not None:
        return first, second
    if first is not None or second is not None:
        bare, other = (before, after) if first is None else (after, before)
        raise LulcsegError(
            f"carries no legend, and its codes need not mean what those of {other.name} do",
            where=bare,
            remedy="give its classes with --legend (a YAML file with a legend: list)",
        )
    codes = sorted({int(code) for path in (before, after) for code in codes_in(path)})
    if codes and codes[-1] >= IGNORE:
        raise LulcsegError(
            f"holds code {codes[-1]}, but codes are 0…254", where=before, remedy="recode its classes, or give a legend"
        )
    if len(codes) < 2:
        raise LulcsegError(
            f"it and {after.name} hold {len(codes)} class between them", where=before, remedy="give maps of classes"
        )
    shades = [f"#{round(40 + 180 * k / len(codes)):02x}{(97 * k + 60) % 200:02x}{(53 * k + 90) % 220:02x}"
              for k in range(len(codes))]  # fmt: skip
    found = Legend(tuple(LandClass(c, f"class {c}", shade) for c, shade in zip(codes, shades, strict=True)))
    return found, found


def _by_name(own: Legend, classes: Legend) -> NDArray[np.uint8]:
    table = np.full(256, IGNORE, dtype=np.uint8)
    table[: len(own)] = [classes.index(name) for name in own.names]
    return table


def _led(before: Path, after: Path, own: tuple[Legend, Legend], path: Path) -> CommonClasses:
    """Return the classes that a crosswalk leads to."""
    if not path.is_file():
        raise LulcsegError("there is no such crosswalk file", where=path, remedy="check the path")
    plain = read_yaml(path)
    for key in plain:
        if key not in _KEYS:
            raise LulcsegError(f"it has an unknown key '{key}'", where=path, remedy=did_you_mean(str(key), _KEYS))
    classes = read_legend(path) if "legend" in plain else own[1]
    tables = [
        _led_table(legend, classes, plain.get(side) or {}, f"{path}: {side}", map_path)
        for legend, side, map_path in zip(own, _KEYS[1:], (before, after), strict=True)
    ]
    return CommonClasses(classes, own, (tables[0], tables[1]))


def _led_table(own: Legend, classes: Legend, listed: Any, where: str, map_path: Path) -> NDArray[np.uint8]:
    """Return the table of one map: what the crosswalk lists, and else the class of the same name."""
    if not isinstance(listed, Mapping):
        raise LulcsegError("is not a list of class: common class", where=where, remedy="write it as such lines")
    entries = crosswalk_entries(classes, listed, where)
    known = {value_text(each) for c in own for each in (c.name, c.code)}
    for source in entries:
        if source not in known:
            raise LulcsegError(
                f"'{source}' is not a class of {map_path.name}", where=where, remedy=did_you_mean(source, own.names)
            )
    table = np.full(256, IGNORE, dtype=np.uint8)
    lacking = []
    for index, land_class in enumerate(own):
        names = (value_text(land_class.name) or "", str(land_class.code))
        found = [entries[name] for name in names if name in entries]
        if len(found) > 1 and names[0] != names[1]:
            raise LulcsegError(
                f"it lists {land_class.name} twice, by its name and as code {land_class.code}",
                where=where,
                remedy="leave out one of the two lines",
            )
        if found:
            table[index] = found[0]
        elif land_class.name in classes.names:
            table[index] = classes.index(land_class.name)
        else:
            lacking.append(land_class.name)
    if lacking:
        raise LulcsegError(
            f"it doesn't say what becomes of {', '.join(lacking)} of {map_path.name}",
            where=where,
            remedy=f"add a line for each: '{lacking[0]}: <class>', or ignore",
        )
    return table
