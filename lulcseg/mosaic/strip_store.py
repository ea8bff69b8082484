"""The folder in which a map is made: finished strips are kept in it, so that a prediction that was cut off goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Self

from rasterio._err import CPLE_BaseError  # GDAL's own errors, which rasterio lets through
from rasterio.errors import RasterioError

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json, write_json
from lulcseg.grid import Grid, Window
from lulcseg.locks import LockedElsewhereError, exclusive
from lulcseg.maps.readback import checksums_of
from lulcseg.maps.writer import StripPlace, sidecar_of, writing
from lulcseg.mosaic.products import Product

_FORMAT = 1
_MANIFEST = "manifest.json"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows of the map that are written together.

    Attributes:
        number: Its place from the top, from 0.
        start: First row, in rows of the mosaic.
        stop: The row after the last.
    """

    number: int
    start: int
    stop: int


class StripStore:
    """A map in the making, in a hidden folder beside its target.

    The folder is named after a fingerprint of all that the pixels depend on. So a prediction with another
    checkpoint, setting or imagery never meets these strips, and the same one finds them again.
    A strip counts once its own small file, written last, says so.

    Attributes:
        folder: The folder.
        target: Path of the class map.
        mosaic: The whole mosaic's pixels.
        part: The part of it that is mapped.
        threads: Threads that torch computed with when the map was begun: another number might round otherwise.
        resumed: Strips that were there already.
        others: Unfinished maps of the same target by other settings, each with what differs.
    """

    def __init__(
        self, folder: Path, target: Path, mosaic: Grid, manifest: Mapping[str, Any], products: Sequence[Product]
    ) -> None:
        """Take over what the manifest says."""
        self.folder, self.target, self.mosaic, self.products = folder, target, mosaic, list(products)
        self.part = Window(*manifest["part"])
        self.threads = int(manifest["threads"])
        self.processor = str(manifest["processor"])
        self._strip_rows = int(manifest["strip_rows"])
        self._lock: ExitStack | None = None
        self.resumed = 0
        self.others: list[tuple[Path, list[str]]] = []

    @classmethod
    def begin(
        cls,
        target: Path,
        mosaic: Grid,
        part: Window,
        products: Sequence[Product],
        identity: Mapping[str, Any],
        *,
        strip_rows: int,
        threads: int,
        processor: str,
    ) -> Self:
        """Make the folder of a map, or take up the one that is there.

        Args:
            target: Path of the class map.
            mosaic: The whole mosaic's pixels.
            part: The part of the mosaic that is mapped.
            products: The rasters to write, the class map first.
            identity: All that the pixels depend on, as plain Python.
            strip_rows: Rows of a strip; a map that was begun keeps its own.
            threads: Threads that torch computes with; likewise.
            processor: What computes, to tell where it differs.

        Raises:
            LulcsegError: The target's folder does not exist or can't be written, the target is a folder, or
                another process is making the same map.
        """
        if target.is_dir():
            raise LulcsegError("is a folder", where=target, remedy="give the name of a file in it")
        if not target.parent.is_dir():
            raise LulcsegError(
                "the output folder does not exist",
                where=target.parent,
                remedy="create it, or write to another folder",
            )
        plain = _plain(identity, products, part)
        folder = _folder(target, plain)
        manifest = {
            "format": _FORMAT, "identity": plain, "part": plain["part"], "strip_rows": strip_rows,
            "threads": threads, "processor": processor,
        }  # fmt: skip
        with writing(target):
            folder.mkdir(exist_ok=True)
            lock = _locked(folder / _LOCK, target)
        try:
            found = read_json(folder / _MANIFEST)
            if found is None:
                write_json(folder / _MANIFEST, manifest)
            work = cls(folder, target, mosaic, found or manifest, products)
            work.resumed = len(work.strips()) - len(work.missing(verified=True))
            shutil.rmtree(folder / "ready", ignore_errors=True)  # cut off while it was filled, or emptied
        except BaseException:
            lock.close()
            raise
        work._lock = lock
        for other in sorted(target.parent.glob(f".{target.name}.*.part")):
            theirs = read_json(other / _MANIFEST)
            if other != folder and theirs is not None:
                differing = [k for k in plain if theirs["identity"].get(k) != plain[k]]
                work.others.append((other, differing))
        return work

    @classmethod
    def join(
        cls, target: Path, mosaic: Grid, part: Window, products: Sequence[Product], identity: Mapping[str, Any]
    ) -> Self:
        """Open the folder in another process than the one that began it.

        Args:
            target: As that process named it; and so the others.
            mosaic: The whole mosaic's pixels.
            part: The part of the mosaic that is mapped.
            products: The rasters to write.
            identity: All that the pixels depend on.

        Raises:
            LulcsegError: It isn't there.
        """
        folder = _folder(target, _plain(identity, products, part))
        manifest = read_json(folder / _MANIFEST)
        if manifest is None:
            raise LulcsegError(
                "this process sees another checkpoint, other imagery or other settings than the first",
                where=target,
                remedy="give all processes the same files and settings",
            )
        return cls(folder, target, mosaic, manifest, products)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Let go of the folder; it goes too, unless it holds finished strips."""
        if self._lock is not None:
            if not self._is_worth_keeping():
                self.remove()
            self._lock.close()

    def strips(self) -> list[Strip]:
        """Return all strips, from the top."""
        starts = range(self.part.row, self.part.row_end, self._strip_rows)
        return [Strip(i, s, min(s + self._strip_rows, self.part.row_end)) for i, s in enumerate(starts)]

    def missing(self, *, verified: bool = False) -> list[Strip]:
        """Return the strips that are not done.

        Args:
            verified: Whether strips said to be done are read through first; a damaged one is missing.
        """
        return [s for s in self.strips() if (done := self.done(s)) is None or (verified and not self._holds(s, done))]

    def done(self, strip: Strip) -> dict[str, Any] | None:
        """Return what was noted of a strip: ``checksums`` by product, ``counts`` of codes; None if it isn't done."""
        return read_json(self.folder / f"strip_{strip.number:05d}.json")

    def note(self, strip: Strip, checksums: Mapping[str, Sequence[int]], counts: Sequence[int]) -> None:
        """Say that a strip is done."""
        content = {"rows": [strip.start, strip.stop], "checksums": dict(checksums), "counts": list(counts)}
        write_json(self.folder / f"strip_{strip.number:05d}.json", content)

    def place(self, product: Product, strip: Strip) -> Path:
        """Return where a strip of a raster is kept."""
        return self.folder / f"{product.key}_{strip.number:05d}.tif"

    def places(self, product: Product) -> list[StripPlace]:
        """Return all strips of a raster, in its own rows; all must be done."""
        top = self.part.row
        return [
            StripPlace(
                self.place(product, s),
                s.start - top,
                s.stop - top,
                tuple((self.done(s) or {})["checksums"][product.key]),
            )
            for s in self.strips()
        ]

    def counts(self) -> list[int]:
        """Return how many pixels of each code, 0…255, the finished strips of the class map have."""
        found = [done["counts"] for s in self.strips() if (done := self.done(s)) is not None]
        return [sum(column) for column in zip(*found, strict=True)] or [0] * 256

    @property
    def grid(self) -> Grid:
        """The map's pixels."""
        return self.mosaic.crop(self.part)

    def grid_of(self, strip: Strip) -> Grid:
        """Return a strip's pixels."""
        return self.mosaic.crop(Window(strip.start, self.part.col, strip.stop - strip.start, self.part.width))

    def ready(self, target: Path) -> Path:
        """Return where a finished file waits to be put in place, under its own name."""
        folder = self.folder / "ready"
        folder.mkdir(exist_ok=True)
        return folder / target.name

    def publish(self) -> list[Path]:
        """Put finished files in place, and remove the folder.

        The class map comes last: its presence says that all is done.

        Returns:
            The files.

        Raises:
            LulcsegError: One can't be put in place.
        """
        waiting = sorted((self.folder / "ready").iterdir(), key=lambda path: (path.name == self.target.name, path))
        alone = {path for path in waiting if path.suffix == ".tif" and not sidecar_of(path).exists()}
        placed = []
        with writing(self.target):
            for path in waiting:
                target = self.target.with_name(path.name)
                if path in alone:
                    sidecar_of(target).unlink(missing_ok=True)  # an earlier file's
                placed.append(path.replace(target))
        self.remove()
        return placed

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_worth_keeping(self) -> bool:
        return any(self.done(strip) is not None for strip in self.strips())

    def _holds(self, strip: Strip, done: Mapping[str, Any]) -> bool:
        """Whether a strip's files hold what was noted of them."""
        for product in self.products:
            try:
                found = [list(sums) for sums in checksums_of(self.place(product, strip))]
            except (OSError, RasterioError, CPLE_BaseError):
                found = []
            if found != [done["checksums"].get(product.key)]:
                (self.folder / f"strip_{strip.number:05d}.json").unlink(missing_ok=True)
                return False
        return True


def _plain(identity: Mapping[str, Any], products: Sequence[Product], part: Window) -> dict[str, Any]:
    """Return all that a map's pixels depend on as JSON would give it back."""
    whole = {**identity, "products": [p.key for p in products], "part": list(astuple(part))}
    plain: dict[str, Any] = json.loads(json.dumps(whole, default=str))
    return plain


def _folder(target: Path, plain: Mapping[str, Any]) -> Path:
    digest = hashlib.sha256(json.dumps([_FORMAT, plain], sort_keys=True).encode()).hexdigest()[:12]
    return target.with_name(f".{target.name}.{digest}.part")


def _locked(path: Path, target: Path) -> ExitStack:
    """Return a held lock, to be closed (where the file system has locks).

    Raises:
        LulcsegError: Another process holds it.
    """
    lock = ExitStack()
    try:
        lock.enter_context(exclusive(path, wait=False))
    except LockedElsewhereError:
        raise LulcsegError(
            "another process is making this map", where=target, remedy="wait for it, or write to another folder"
        ) from None
    return lock
