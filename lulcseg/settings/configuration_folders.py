"""Where configuration lies: what lulcseg ships, and what its user keeps beside where they work.

A user's own files come first. They may keep any group of ``conf/`` in a ``conf/`` of their own, and scenes, experiments
and sweeps in folders of those names besides.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

SHIPPED = _PACKAGE / "shipped" if (_PACKAGE / "shipped").is_dir() else _PACKAGE.parent
"""Folder of the shipped ``conf/`` and ``sweeps/``: within an installed package, or the top of a checkout."""

CONF = SHIPPED / "conf"
SWEEPS = "sweeps"
BESIDE = ("experiment", "scenes", SWEEPS)
"""Groups whose files may also lie in a folder of their name in the current folder."""


def own_conf() -> Path | None:
    """Return the user's ``conf/`` in the current folder; None if there is none, or it is the shipped one."""
    folder = Path.cwd() / "conf"
    return folder if folder.is_dir() and folder.resolve() != CONF else None


def own_folder() -> Path | None:
    """Return the current folder, whose :data:`BESIDE` are the user's; None if it is where the shipped ones lie."""
    folder = Path.cwd()
    return None if folder.resolve() == SHIPPED else folder


def shipped_folder(group: str) -> Path:
    """Return the folder of a group's shipped files."""
    return SHIPPED / SWEEPS if group == SWEEPS else CONF / group


def files_of(group: str) -> dict[str, Path]:
    """Return the files of a group: name → path, in alphabetical order; of two of one name, the user's."""
    folders = [shipped_folder(group)]
    if (conf := own_conf()) is not None:
        folders.append(conf / group)
    if group in BESIDE and (beside := own_folder()) is not None:
        folders.append(beside / group)
    found = {path.stem: path for folder in folders for path in folder.glob("*.yaml")}
    return dict(sorted(found.items()))


def group_names() -> set[str]:
    """Return the names of all groups, Hydra's own and sweeps left out."""
    folders = [CONF] if (conf := own_conf()) is None else [CONF, conf]
    return {child.name for folder in folders for child in folder.iterdir() if child.is_dir() and child.name != "hydra"}


def own_file(group: str, name: str) -> Path | None:
    """Return the user's file of a name; None if there is none."""
    path = files_of(group).get(name)
    return None if path is None or path.resolve() == (shipped_folder(group) / f"{name}.yaml").resolve() else path


def in_place_of_shipped(group: str, name: str) -> Path | None:
    """Return the user's file that takes the place of a shipped one; None if none does."""
    return own_file(group, name) if (shipped_folder(group) / f"{name}.yaml").is_file() else None
