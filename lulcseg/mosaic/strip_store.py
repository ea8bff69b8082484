"""The folder of a map in progress: it keeps finished strips, so that an interrupted prediction can be resumed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple
from pathlib import Path
from typing import Any, Self

from rasterio._err import CPLE_BaseError  # errors of GDAL that rasterio doesn't convert
from rasterio.errors import RasterioError

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json, write_json
from lulcseg.grid import Grid, Window
from lulcseg.locks import LockedElsewhereError, exclusive
from lulcseg.maps.readback import checksums_of
from lulcseg.maps.writer import StripSource, reporting_write_errors, sidecar_of
from lulcseg.mosaic.products import Product
from lulcseg.mosaic.strips import Strip, split_rows

_FORMAT = 1
_MANIFEST = "manifest.json"
_LOCK = "lock"


class StripStore:
    """A map in progress, in a hidden folder beside its target; a context manager.

    The folder's name holds a hash of everything that the pixels depend on. A prediction with the same checkpoint,
    settings and imagery finds its strips again, and any other prediction uses another folder. A strip counts as done
    once its note, a small JSON file that is written last, exists.

    Attributes:
        folder: The folder.
        target: Path of the class map.
        mosaic: The whole mosaic's pixels.
        part: The part of it that is mapped.
        threads: Number of torch's threads when the map was begun; another number might round differently.
        processor: Kind of processor that the map was begun on.
        resumed: Number of strips that were done already.
        others: Unfinished maps of the same target by other settings, each with the keys that differ.
    """

    def __init__(
        self, folder: Path, target: Path, mosaic: Grid, manifest: Mapping[str, Any], products: Sequence[Product]
    ) -> None:
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
        """Create the folder of a map, or open an existing one to resume it.

        Args:
            target: Path of the class map.
            mosaic: The whole mosaic's pixels.
            part: The part of the mosaic that is mapped.
            products: The rasters to write, the class map first.
            identity: Everything that the pixels depend on, as plain Python.
            strip_rows: Rows of a strip; a resumed map keeps its own number.
            threads: Number of torch's threads; a resumed map keeps its own number.
            processor: Kind of processor; a resumed map keeps its own.

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
        with reporting_write_errors(target):
            folder.mkdir(exist_ok=True)
            lock = _locked(folder / _LOCK, target)
        try:
            found = read_json(folder / _MANIFEST)
            if found is None:
                write_json(folder / _MANIFEST, manifest)
            store = cls(folder, target, mosaic, found or manifest, products)
            store.resumed = len(store.strips()) - len(store.missing(verified=True))
            shutil.rmtree(
                folder / "ready", ignore_errors=True
            )  # left by an interruption while it was filled or emptied
        except BaseException:
            lock.close()
            raise
        store._lock = lock
        for other in sorted(target.parent.glob(f".{target.name}.*.part")):
            theirs = read_json(other / _MANIFEST)
            if other != folder and theirs is not None:
                differing = [k for k in plain if theirs["identity"].get(k) != plain[k]]
                store.others.append((other, differing))
        return store

    @classmethod
    def join(
        cls, target: Path, mosaic: Grid, part: Window, products: Sequence[Product], identity: Mapping[str, Any]
    ) -> Self:
        """Open the folder in another process than the one that created it.

        Args:
            target: Path of the class map; all arguments as in the process that created the folder.
            mosaic: The whole mosaic's pixels.
            part: The part of the mosaic that is mapped.
            products: The rasters to write.
            identity: Everything that the pixels depend on.

        Raises:
            LulcsegError: There is no such folder.
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
        """Return the store."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Release the folder; remove it unless it holds finished strips."""
        if self._lock is not None:
            if not self._is_worth_keeping():
                self.remove()
            self._lock.close()

    def strips(self) -> list[Strip]:
        """Return all strips, from the top."""
        return split_rows(self.part, self._strip_rows)

    def missing(self, *, verified: bool = False) -> list[Strip]:
        """Return the strips that are not done.

        Args:
            verified: Whether to read strips that are noted as done; a damaged one counts as missing.
        """
        return [
            s for s in self.strips() if (note := self.note_of(s)) is None or (verified and not self._is_intact(s, note))
        ]

    def note_of(self, strip: Strip) -> dict[str, Any] | None:
        """Return a strip's note: ``checksums`` by product, ``counts`` of codes; None if it isn't done."""
        return read_json(self.folder / f"strip_{strip.number:05d}.json")

    def mark_done(self, strip: Strip, checksums: Mapping[str, Sequence[int]], counts: Sequence[int]) -> None:
        """Note that a strip is done.

        Args:
            strip: The strip.
            checksums: Checksums of its files by product, one per band.
            counts: Pixels of each code, 0…255, of the class map.
        """
        content = {"rows": [strip.start, strip.stop], "checksums": dict(checksums), "counts": list(counts)}
        write_json(self.folder / f"strip_{strip.number:05d}.json", content)

    def strip_path(self, product: Product, strip: Strip) -> Path:
        """Return the path of a strip of a raster."""
        return self.folder / f"{product.key}_{strip.number:05d}.tif"

    def strip_sources(self, product: Product) -> list[StripSource]:
        """Return all strips of a raster, in the raster's own rows; all must be done."""
        top = self.part.row
        return [
            StripSource(
                self.strip_path(product, s),
                s.start - top,
                s.stop - top,
                tuple((self.note_of(s) or {})["checksums"][product.key]),
            )
            for s in self.strips()
        ]

    def counts(self) -> list[int]:
        """Return the number of pixels of each code, 0…255, in the finished strips of the class map."""
        found = [note["counts"] for s in self.strips() if (note := self.note_of(s)) is not None]
        return [sum(column) for column in zip(*found, strict=True)] or [0] * 256

    @property
    def grid(self) -> Grid:
        """The map's pixels."""
        return self.mosaic.crop(self.part)

    def strip_grid(self, strip: Strip) -> Grid:
        """Return a strip's pixels."""
        return self.mosaic.crop(Window(strip.start, self.part.col, strip.stop - strip.start, self.part.width))

    def staged(self, target: Path) -> Path:
        """Return the staging path of a finished file, under its own name."""
        folder = self.folder / "ready"
        folder.mkdir(exist_ok=True)
        return folder / target.name

    def publish(self) -> list[Path]:
        """Move staged files to their final paths, and remove the folder.

        The class map is moved last: its presence means that the map is complete.

        Returns:
            The files.

        Raises:
            LulcsegError: A file can't be moved.
        """
        staged = sorted((self.folder / "ready").iterdir(), key=lambda path: (path.name == self.target.name, path))
        without_sidecar = {path for path in staged if path.suffix == ".tif" and not sidecar_of(path).exists()}
        placed = []
        with reporting_write_errors(self.target):
            for path in staged:
                target = self.target.with_name(path.name)
                if path in without_sidecar:
                    sidecar_of(target).unlink(missing_ok=True)  # of an earlier file
                placed.append(path.replace(target))
        self.remove()
        return placed

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_worth_keeping(self) -> bool:
        return any(self.note_of(strip) is not None for strip in self.strips())

    def _is_intact(self, strip: Strip, note: Mapping[str, Any]) -> bool:
        """Return whether a strip's files match their noted checksums; remove the note if not."""
        for product in self.products:
            try:
                found = [list(sums) for sums in checksums_of(self.strip_path(product, strip))]
            except (OSError, RasterioError, CPLE_BaseError):
                found = []
            if found != [note["checksums"].get(product.key)]:
                (self.folder / f"strip_{strip.number:05d}.json").unlink(missing_ok=True)
                return False
        return True


def _plain(identity: Mapping[str, Any], products: Sequence[Product], part: Window) -> dict[str, Any]:
    """Return everything that a map's pixels depend on, as it reads back from JSON."""
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
