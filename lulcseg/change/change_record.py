"""What a change map says of itself: its classes' pairs, its two maps and their dates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lulcseg.change.transition_codes import TransitionCodes
from lulcseg.errors import LulcsegError
from lulcseg.maps.classraster import open_raster

CHANGE_TAG = "LULCSEG_CHANGE"
"""TIFF tag of a change map that holds its record, as JSON."""

UNDATED = ("before", "after")


@dataclass(frozen=True)
class ChangeRecord:
    """A change map's record.

    Attributes:
        codes: Its pairs of classes and their codes.
        labels: What the two dates are called: ``2015`` and ``2018``, or ``before`` and ``after``.
        maps: Names of the two maps' files.
        checksums: Their SHA-256, as multihashes.
    """

    codes: TransitionCodes
    labels: tuple[str, str]
    maps: tuple[str, str]
    checksums: tuple[str, str]

    @property
    def is_dated(self) -> bool:
        """Whether the dates of both maps are known."""
        return self.labels != UNDATED

    @property
    def columns(self) -> tuple[str, str]:
        """Columns of a sample that hold the class of each date."""
        return f"class_{self.labels[0]}", f"class_{self.labels[1]}"

    def to_text(self) -> str:
        """Return the content of the tag."""
        plain = {
            "codes": self.codes.to_plain(),
            "labels": self.labels,
            "maps": self.maps,
            "checksums": self.checksums,
        }
        return json.dumps(plain, ensure_ascii=False)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> ChangeRecord:
        """Read the content of the tag."""
        labels, maps, checksums = ((str(plain[key][0]), str(plain[key][1])) for key in ("labels", "maps", "checksums"))
        return cls(TransitionCodes.from_plain(plain["codes"]), labels, maps, checksums)


def read_change(path: Path) -> ChangeRecord | None:
    """Return the record of a change map; None for any other raster.

    Raises:
        LulcsegError: The file is missing or not a raster, or its tag is damaged.
    """
    with open_raster(path) as data:
        tag = data.tags().get(CHANGE_TAG)
    if tag is None:
        return None
    try:
        return ChangeRecord.from_plain(json.loads(tag))
    except (ValueError, TypeError, KeyError, IndexError, LulcsegError) as error:
        raise LulcsegError(
            f"its {CHANGE_TAG} tag is not a record of a change", where=path, remedy="compare the maps again"
        ) from error


def check_earlier_change(folder: Path, map_name: str, names: Sequence[str]) -> None:
    """Check that files that a comparison would replace are those of an earlier one.

    Args:
        folder: The folder to be written to.
        map_name: Name of a change map.
        names: Names of all files of a change.

    Raises:
        LulcsegError: It holds files of these names, and no change map that this package wrote.
    """
    there = [name for name in names if (folder / name).exists()]
    if there and not (map_name in there and _is_change_map(folder / map_name)):
        raise LulcsegError(
            f"holds {there[0]}, which is not of an earlier comparison and would be replaced",
            where=folder,
            remedy="give another folder with --out, or remove the file",
        )


def _is_change_map(path: Path) -> bool:
    try:
        return read_change(path) is not None
    except LulcsegError:  # no raster, or damaged
        return False


def date_labels(before: Path, after: Path, given: str | None = None) -> tuple[str, str]:
    """Return what two maps' dates are called.

    Args:
        before: The map of the first date.
        after: The map of the second date.
        given: Both as ``2015,2018``; None: the dates that the maps carry, shortened to years where these differ.

    Raises:
        LulcsegError: Not two different names of letters, digits, ``-`` and ``_``, or dates in the wrong order.
    """
    if given is not None:
        words = tuple(word.strip() for word in given.split(","))
        fine = (
            len(words) == 2
            and words[0] != words[1]
            and all(w.replace("-", "_").isidentifier() or _number(w) for w in words)
        )
        if not fine:
            raise LulcsegError(f"'{given}' is not two dates", where="--dates", remedy="write them as 2015,2018")
        _check_order(words, before, after)
        return words[0], words[1]
    one, two = _date_of(before), _date_of(after)
    if not one or not two or one == two:
        return UNDATED
    if one > two:
        raise LulcsegError(
            f"it is of {one}, and {after.name} of {two}: the second map is the earlier one",
            where=before,
            remedy="give the earlier map first",
        )
    return (one[:4], two[:4]) if one[:4] != two[:4] else (one, two)


def _check_order(words: Sequence[str], before: Path, after: Path) -> None:
    """Check names of dates that begin with a year: in order, and the years that the maps carry."""
    years = [word[:4] if _number(word[:4]) and len(word[:4]) == 4 else None for word in words]
    if years[0] and years[1] and words[0] > words[1]:
        raise LulcsegError(f"{words[0]} is later than {words[1]}", where="--dates", remedy="give the earlier map first")
    for year, path in zip(years, (before, after), strict=True):
        if year and (own := _date_of(path)) and own[:4] != year:
            raise LulcsegError(
                f"it is of {own}, and {year} is given", where=path, remedy="give the maps in the order of --dates"
            )


def _number(word: str) -> bool:
    return word.replace("-", "").isdecimal()


def _date_of(path: Path) -> str:
    """Return the date that a map by lulcseg carries, empty if none or not a plain one."""
    with open_raster(path) as data:
        found = str(data.tags().get("date", "")).strip()
    return found if _number(found) and len(found) in {4, 7, 10} else ""
