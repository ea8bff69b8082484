"""The hidden folder of a map in progress: its name, its lock, and what lies in it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json
from lulcseg.grid import Window
from lulcseg.locks import LockedElsewhereError, exclusive
from lulcseg.mosaic.share_workers import file_system_time, survey_workers

FORMAT = 1
MANIFEST = "manifest.json"
SHARES = "shares"
"""Folder, within a map's, of the notes and claims of processes that make it together."""
FINGERPRINT = "fingerprint"
"""Key of a map's fingerprint in its STAC item, after ``lulcseg:``."""

_LOCK = "lock"
_PATIENCE, _POLL = 5.0, 0.1
"""Seconds to wait for a file that another process is writing, and between two looks at it."""
_NAMED = 5


@dataclass(frozen=True)
class MapFolder:
    """Where a map is in progress, by all that its pixels depend on.

    Attributes:
        target: Path of the class map.
        plain: All that the pixels depend on, as it reads back from JSON.
    """

    target: Path
    plain: dict[str, Any]

    @classmethod
    def of(cls, target: Path, identity: Mapping[str, Any], products: Sequence[str], part: Window) -> MapFolder:
        """Return the folder of a map.

        Args:
            target: Path of the class map.
            identity: Everything that the pixels depend on, as plain Python.
            products: Keys of the rasters.
            part: The part of the mosaic that is mapped.
        """
        whole = {**identity, "products": list(products), "part": list(astuple(part))}
        return cls(target, json.loads(json.dumps(whole, default=str)))

    @property
    def fingerprint(self) -> str:
        """Hash of all that the pixels depend on."""
        return hashlib.sha256(json.dumps([FORMAT, self.plain], sort_keys=True).encode()).hexdigest()[:12]

    @property
    def path(self) -> Path:
        """The folder."""
        return self.target.with_name(f".{self.target.name}.{self.fingerprint}.part")

    def check_target(self) -> None:
        """Check that the map can be written to its place.

        Raises:
            LulcsegError: The target's folder does not exist, or the target is a folder.
        """
        if self.target.is_dir():
            raise LulcsegError("is a folder", where=self.target, remedy="give the name of a file in it")
        if not self.target.parent.is_dir():
            raise LulcsegError(
                "the output folder does not exist",
                where=self.target.parent,
                remedy="create it, or write to another folder",
            )

    def lock(self) -> ExitStack:
        """Return a held lock, to be closed (where the file system has locks).

        Raises:
            LulcsegError: Another process holds it.
            OSError: It can't be written.
        """
        lock = ExitStack()
        try:
            lock.enter_context(exclusive(self.path / _LOCK, wait=False))
        except LockedElsewhereError:
            raise LulcsegError(
                "another process is making this map",
                where=self.target,
                remedy="wait for it, or write to another folder",
            ) from None
        return lock

    def manifest(self, strip_rows: int, threads: int, processor: str) -> dict[str, Any]:
        """Return what is written down once, when a map is begun; arguments as in ``StripStore.begin``."""
        return {
            "format": FORMAT, "identity": self.plain, "part": self.plain["part"], "strip_rows": strip_rows,
            "threads": threads, "processor": processor,
        }  # fmt: skip

    def read_manifest(self) -> dict[str, Any]:
        """Return what was written down when the map was begun, perhaps by another process a moment ago.

        Raises:
            LulcsegError: It can't be read.
        """
        until = time.monotonic() + _PATIENCE
        while (found := read_json(self.path / MANIFEST)) is None and time.monotonic() < until:
            time.sleep(_POLL)
        if found is None:
            raise LulcsegError(
                "it can't be read", where=self.path / MANIFEST, remedy="remove its folder, and map again"
            )
        return found

    def check_nobody_works(self) -> None:
        """Check that no processes are making the map together.

        Raises:
            LulcsegError: Some are.
        """
        workers = survey_workers(self.path / SHARES, file_system_time(self.path))
        if alive := [worker.note.name for worker in workers if worker.state == "working"]:
            raise LulcsegError(
                f"{len(alive)} of the jobs of mosaic.shares are making this map ({', '.join(alive[:_NAMED])})",
                where=self.target,
                remedy="wait for them, help them with the same mosaic.shares, or write to another folder",
            )

    def others(self) -> Iterator[tuple[Path, list[str]]]:
        """Yield unfinished maps of the same target by other settings, each with the keys that differ."""
        for other in unfinished_maps(self.target):
            theirs = read_json(other / MANIFEST)
            if other != self.path and theirs is not None:
                identity = theirs.get("identity")
                known = identity if isinstance(identity, dict) else {}
                yield other, [key for key in self.plain if known.get(key) != self.plain[key]]

    @staticmethod
    def identity_of(folder: Path) -> dict[str, Any]:
        """Return all that the pixels of another unfinished map depend on, one that :meth:`others` has found."""
        manifest = read_json(folder / MANIFEST) or {}
        return dict(manifest["identity"])

    def is_made(self) -> bool:
        """Whether this very map is at its place already, as its STAC item tells."""
        item = read_json(self.target.with_suffix(".json")) or {}
        return self.target.exists() and item.get("properties", {}).get(f"lulcseg:{FINGERPRINT}") == self.fingerprint


def unfinished_maps(target: Path) -> list[Path]:
    """Return the folders in which a map is in progress, or was."""
    return sorted(target.parent.glob(f".{target.name}.*.part"))


def note_name(number: int) -> str:
    """Return the name of the file that says that a strip is done.

    >>> note_name(7)
    'strip_00007.json'
    """
    return f"strip_{number:05d}.json"
