"""Imagery decoded once into a memory-mapped file, for repeated reading."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window, blocks
from lulcseg.progress import tracked
from lulcseg.scene.cached_files import make_once
from lulcseg.scene.imagery import ImageryReader

_BLOCK = 2048
_VERSION = 2


class DecodedImagery:
    """Reads the same as :class:`~lulcseg.scene.imagery.ImageryReader`, from a decoded copy.

    The file contains the values (C, H, W) and, unless all are valid, the validity (H, W), one byte per
    pixel. It is mapped at the first read in each process.

    Attributes:
        path: The file.
        grid: The scene's grid.
        bands: Number of bands.
        dtype: Type of the values.
    """

    def __init__(self, path: Path, imagery: ImageryReader) -> None:
        self.path = path
        self.grid, self.bands, self.dtype = imagery.grid, imagery.bands, imagery.dtype
        self._maps: tuple[NDArray[Any], NDArray[np.bool_] | None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Drop the memory maps: each process opens its own."""
        return self.__dict__ | {"_maps": None}

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window, which may leave the grid.

        Returns:
            Values (C, h, w), zero where there are none; validity (h, w) bool.

        Raises:
            LulcsegError: The file no longer exists.
        """
        values, validity = self._mapped()
        part = window.intersection(self.grid.window)
        place = part.slices_in(self.grid.window)
        if part == window:
            shape = (window.height, window.width)
            return np.array(values[:, *place]), np.ones(shape, bool) if validity is None else np.array(validity[place])
        image = np.zeros((self.bands, window.height, window.width), dtype=self.dtype)
        valid = np.zeros((window.height, window.width), dtype=bool)
        if not part.is_empty:
            image[:, *part.slices_in(window)] = values[:, *place]
            valid[part.slices_in(window)] = True if validity is None else validity[place]
        return image, valid

    def _mapped(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        if self._maps is None:
            shape = (self.bands, self.grid.height, self.grid.width)
            size = int(np.prod(shape)) * self.dtype.itemsize
            try:
                validity = None
                if self.path.stat().st_size > size:
                    validity = np.asarray(np.memmap(self.path, bool, "r", size, shape[1:]))
                self._maps = np.asarray(np.memmap(self.path, self.dtype, "r", 0, shape)), validity
            except (OSError, ValueError) as error:
                raise LulcsegError("it can no longer be read", where=self.path, remedy="start again") from error
        return self._maps


def decoded_bytes(imagery: ImageryReader) -> int:
    """Return the largest possible size of the decoded copy of a scene's imagery, bytes."""
    pixels = imagery.grid.height * imagery.grid.width
    validity = 0 if _everywhere(imagery) else pixels
    return pixels * imagery.bands * int(imagery.dtype.itemsize) + validity


def decode(imagery: ImageryReader, cache: Path) -> DecodedImagery:
    """Decode a scene's imagery into the cache, once: the same files are not decoded again.

    Prints the size on stderr before it starts. Warped images are decoded as warped.

    Args:
        imagery: The imagery.
        cache: Folder that keeps caches.

    Raises:
        LulcsegError: The disk has too little space, or can't be written to.
    """
    path = cache / "decoded" / f"{_key(imagery)}.bin"
    make_once(path, lambda part: _write(part, imagery))
    return DecodedImagery(path, imagery)


def _everywhere(imagery: ImageryReader) -> bool:
    return imagery.always_valid and imagery.boundary is None


def _write(path: Path, imagery: ImageryReader) -> None:
    size, folder = decoded_bytes(imagery), path.parent
    free = shutil.disk_usage(folder).free
    if free < size:
        raise LulcsegError(
            f"the decoded cache would take {format_size(size)}, but the disk has {format_size(free)} left",
            where=folder,
            remedy="set reading.decoded=false, or cache= to a folder on a larger disk",
        )
    sys.stderr.write(f"The decoded cache will take {format_size(size)} in {folder}\n")
    with path.open("wb") as file:
        file.truncate(size)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # writing to a map on a full disk kills the process
    grid = imagery.grid
    shape = (imagery.bands, grid.height, grid.width)
    values = np.memmap(path, imagery.dtype, "r+", 0, shape)
    validity = None if _everywhere(imagery) else np.memmap(path, bool, "r+", values.nbytes, shape[1:])
    whole = True
    for block in tracked(list(blocks(grid.window, _BLOCK, _BLOCK)), "Decoding imagery"):
        image, valid = imagery.read(block)
        place = block.slices_in(grid.window)
        values[:, *place] = image
        if validity is not None:
            validity[place] = valid
            whole = whole and bool(valid.all())
    values.flush()
    if validity is not None:
        validity.flush()
    needed = values.nbytes
    del values, validity
    if whole:
        os.truncate(path, needed)


def format_size(size: float) -> str:
    """Return a number of bytes as text.

    Example:
        >>> format_size(81_000), format_size(2.5e9)
        ('81 kB', '2.5 GB')
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def _key(imagery: ImageryReader) -> str:
    """Return a hash of everything that the decoded copy depends on."""
    return hashlib.sha256(json.dumps([_VERSION, imagery.state()], sort_keys=True).encode()).hexdigest()[:32]
