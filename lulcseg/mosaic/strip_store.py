"""The folder of a map in progress: it keeps finished strips, so that an interrupted prediction can be resumed."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from rasterio._err import CPLE_BaseError  # errors of GDAL that rasterio doesn't convert
from rasterio.errors import RasterioError

from lulcseg.errors import LulcsegError
from lulcseg.files import create_once, read_json, write_json
from lulcseg.grid import Grid, Window
from lulcseg.maps.readback import checksums_of
from lulcseg.maps.writer import StripSource, reporting_write_errors, sidecar_of
from lulcseg.mosaic.map_folder import MANIFEST, MapFolder, note_name
from lulcseg.mosaic.products import Product
from lulcseg.mosaic.strips import Strip, split_rows


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
        strip_rows: Rows of a strip, as the map was begun with.
        threads: Number of torch's threads when the map was begun; another number might round differently.
        processor: Kind of processor that the map was begun on.
        resumed: Number of strips that were done already.
        others: Unfinished maps of the same target by other settings, each with the keys that differ.
        owner: Name of this process among several, by which strips are noted; empty: it is alone.
    """

    def __init__(
        self, folder: Path, target: Path, mosaic: Grid, manifest: Mapping[str, Any], products: Sequence[Product]
    ) -> None:
        self.folder, self.target, self.mosaic, self.products = folder, target, mosaic, list(products)
        self.part = Window(*manifest["part"])
        self.threads = int(manifest["threads"])
        self.processor = str(manifest["processor"])
        self.strip_rows = int(manifest["strip_rows"])
        self._lock: ExitStack | None = None
        self._draft = self.owner = ""
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
        joins: bool = False,
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
            joins: Whether this process joins what several have made (:meth:`share`).

        Raises:
            LulcsegError: The target's folder does not exist or can't be written, the target is a folder, or
                another process or several are making the same map.
        """
        request = MapFolder.of(target, identity, [product.key for product in products], part)
        request.check_target()
        folder = request.path
        manifest = request.manifest(strip_rows, threads, processor)
        with reporting_write_errors(target):
            folder.mkdir(exist_ok=True)
            lock = request.lock()
        try:
            if not joins:
                request.check_nobody_works()
            found = read_json(folder / MANIFEST)
            if found is None:
                write_json(folder / MANIFEST, manifest)
            store = cls(folder, target, mosaic, found or manifest, products)
            store.resumed = len(store.strips()) - len(store.missing(verified=True))
            shutil.rmtree(folder / "ready", ignore_errors=True)  # left by an interruption while it was in use
        except BaseException:
            lock.close()
            raise
        store._lock = lock
        store.others = list(request.others())
        return store

    @classmethod
    def share(
        cls,
        request: MapFolder,
        mosaic: Grid,
        products: Sequence[Product],
        *,
        strip_rows: int,
        threads: int,
        processor: str,
    ) -> Self:
        """Create the folder of a map that several processes make, or open an existing one beside them.

        There is no lock: claims settle who does what (:mod:`lulcseg.mosaic.map_share`). Strips get their names once
        they are whole, so that two processes may write the same one.

        Args:
            request: The map; the other arguments are those of :meth:`begin`.
            mosaic: The whole mosaic's pixels.
            products: The rasters to write, the class map first.
            strip_rows: Rows of a strip, which the first process decides, as it does threads and processor.
            threads: Number of torch's threads.
            processor: Kind of processor.

        Raises:
            LulcsegError: As :meth:`begin`, or the folder can't be read.
        """
        request.check_target()
        manifest = request.manifest(strip_rows, threads, processor)
        with reporting_write_errors(request.target):
            request.path.mkdir(exist_ok=True)
            create_once(request.path / MANIFEST, json.dumps(manifest, indent=2))
        store = cls(request.path, request.target, mosaic, request.read_manifest(), products)
        store._draft = f"{secrets.token_hex(4)}."
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
        folder = MapFolder.of(target, identity, [product.key for product in products], part).path
        manifest = read_json(folder / MANIFEST)
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
        return split_rows(self.part, self.strip_rows)

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
        return read_json(self.folder / note_name(strip.number))

    def mark_done(self, strip: Strip, checksums: Mapping[str, Sequence[int]], counts: Sequence[int]) -> None:
        """Note that a strip is done.

        Args:
            strip: The strip.
            checksums: Checksums of its files by product, one per band.
            counts: Pixels of each code, 0…255, of the class map.
        """
        with reporting_write_errors(self.target):
            for product in self.products if self._draft else ():
                self.draft_path(product, strip).replace(self.strip_path(product, strip))
        content = {"rows": [strip.start, strip.stop], "checksums": dict(checksums), "counts": list(counts)}
        write_json(self.folder / note_name(strip.number), content | ({"by": self.owner} if self.owner else {}))

    def strip_path(self, product: Product, strip: Strip) -> Path:
        """Return the path of a strip of a raster."""
        return self.folder / f"{product.key}_{strip.number:05d}.tif"

    def draft_path(self, product: Product, strip: Strip) -> Path:
        """Return the path that a strip is written at; :meth:`mark_done` gives it its name."""
        path = self.strip_path(product, strip)
        return path.with_name(f"{path.stem}.{self._draft}tif")

    def strip_sources(self, product: Product) -> list[StripSource]:
        """Return all strips of a raster, in the raster's own rows; all must be done."""
        top = self.part.row

        def source(s: Strip) -> StripSource:
            sums = tuple((self.note_of(s) or {})["checksums"][product.key])
            return StripSource(self.strip_path(product, s), s.start - top, s.stop - top, sums)

        return [source(strip) for strip in self.strips()]

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

    def publish(self, *, keeps: bool = False) -> list[Path]:
        """Move staged files to their final paths, and remove the folder.

        The class map is moved last: its presence means that the map is complete.

        Args:
            keeps: Whether the folder stays, for what else is to be done before the map counts as made.

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
        if not keeps:
            self.remove()
        return placed

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def discard(self) -> None:
        """Remove the folder at once, as others see it."""
        aside = self.folder.with_name(f"{self.folder.name}.{secrets.token_hex(4)}")
        with suppress(OSError):  # another has removed it
            self.folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

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
                (self.folder / note_name(strip.number)).unlink(missing_ok=True)
                return False
        return True
