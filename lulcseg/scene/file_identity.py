"""Which content a file has: by size and time on this machine, by size and its server's word elsewhere."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.windows import Window

from lulcseg.errors import LulcsegError
from lulcseg.scene.file_names import FileName, RemoteFile, locate
from lulcseg.scene.raster_opening import open_dataset, reading_error
from lulcseg.scene.web_server import ask

_MOST_BLOCKS, _READ_BLOCKS = 256, 8
"""Blocks whose places and sizes, and if uncompressed whose pixels, identify a file of which its server says nothing."""

_FIRST: dict[str, list[Any]] = {}
"""What identified each remote file when this process first asked: GDAL keeps parts of that one in memory."""


def identity_of(file: FileName) -> list[Any]:
    """Return what identifies a file's present content, as plain Python: its name first, without secrets.

    A path is followed by size and time, and by nothing if no file is there; an address by size, ETag and
    Last-Modified. Of a raster whose server tells neither, or that isn't on a web server, the layout of blocks counts.

    Raises:
        LulcsegError: The server doesn't answer, or the file has changed since this process first asked.
    """
    if not isinstance(file, RemoteFile):
        status = file.stat() if file.exists() else None
        return [str(file)] if status is None else [str(file), status.st_size, status.st_mtime_ns]
    archive = file.archive
    if archive is not None:
        return [str(file), *identity_of(archive)[1:]]
    found = [file.signless, *_of_remote(file)]
    _check_unchanged(file, found)
    return found


def content_state(file: RemoteFile) -> list[Any]:
    """Return what a web server says of a file that is small enough to be identified by its content.

    Raises:
        LulcsegError: The server doesn't answer, or the file has changed since this process first asked.
    """
    answer = ask(file)
    answer.check(file)
    found = [answer.size, answer.tag, answer.modified]
    _check_unchanged(file, found)
    return found


def identities_of_parts(file: FileName, names: list[str]) -> list[list[Any]]:
    """Return the identities of a raster's files: itself, masks beside it, the sources of a virtual raster.

    Args:
        file: The raster.
        names: Their names, as GDAL lists them.
    """
    parts = {os.fspath(file if isinstance(file, RemoteFile) else file.resolve()), *names}
    return [identity_of(locate(name, file)) for name in sorted(parts)]


def _check_unchanged(file: RemoteFile, found: list[Any]) -> None:
    if _FIRST.setdefault(file.gdal_name, found) != found:
        raise LulcsegError(
            "it has changed on its server since it was first read", where=file, remedy="start again, in a new process"
        )


def _of_remote(file: RemoteFile) -> list[Any]:
    if file.url is None:
        return _layout(file)
    answer = ask(file)
    if answer.status in {401, 403}:  # GDAL may have credentials
        return _layout(file)
    answer.check(file)
    told = [answer.tag, answer.modified]
    return [answer.size, *told, *([] if any(told) else _layout(file))]


def _layout(file: RemoteFile) -> list[str]:
    """Return a digest of a raster's header, its blocks' places and sizes, and of an uncompressed one some pixels.

    Bands that have blocks of their own are all looked at; where they share them, so does what the digest is of.
    """
    digest = hashlib.sha256()
    try:
        with open_dataset(file) as source:
            digest.update(repr((source.profile, source.tags(), source.nodatavals)).encode())
            rows, cols = source.block_shapes[0]
            down, across = -(-source.height // rows), -(-source.width // cols)
            step = max(1, down * across // _MOST_BLOCKS)
            for block in range(0, down * across, step):
                for band in source.indexes if source.profile.get("interleave") == "band" else [1]:
                    for what in ("OFFSET", "SIZE"):
                        item = f"BLOCK_{what}_{block % across}_{block // across}"
                        digest.update(repr(source.get_tag_item(item, "TIFF", bidx=band)).encode())
            packed = source.compression is not None  # then blocks differ in size where pixels do
            for block in [] if packed else np.linspace(0, down * across - 1, _READ_BLOCKS).astype(int):
                place = Window(int(block) % across * cols, int(block) // across * rows, cols, rows)
                for band in source.indexes:  # their types may differ
                    digest.update(source.read(band, window=place).tobytes())
    except (RasterioError, CPLE_BaseError) as error:
        otherwise = LulcsegError("it can't be read", where=file)
        raise reading_error(file, error, otherwise) from error
    return [digest.hexdigest()]
