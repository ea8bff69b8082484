"""Opening rasters for reading, here or elsewhere, and what GDAL's failures mean."""

from __future__ import annotations

import re
from typing import Any

import rasterio
from rasterio.errors import RasterioIOError

from lulcseg.errors import LulcsegError
from lulcseg.files import hide_secrets
from lulcseg.scene.band_validity import BandFacts
from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.network_settings import PASSING, TRANSIENT, failed_status, page_instead, prepare_network
from lulcseg.scene.web_server import ask

_SIDECARS = "TRUE"
"""GDAL_DISABLE_READDIR_ON_OPEN: no listing of a server's folder; masks beside a file are still asked for by name.

EMPTY_DIR would save these requests, and take every pixel of a file with a mask beside it for valid.
"""

_STATUS = re.compile(r"HTTP (?:response|error|status) code(?: on \S+)?: ?([1-9]\d{2})")
_UNREACHED = re.compile(r"(?:CURL error: |HTTP status code: 0, error: )(.*)")
_UNKNOWN_FORMAT = "not recognized as being in a supported file format"


def open_dataset(file: FileName) -> Any:
    """Open a raster for reading.

    Args:
        file: The raster: a path, or a file elsewhere.

    Returns:
        The open dataset (rasterio).

    Raises:
        rasterio.errors.RasterioError: It can't be opened; see :func:`reading_error`.
    """
    prepare_network()
    if isinstance(file, RemoteFile):
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN=_SIDECARS):
            return rasterio.open(file.gdal_name)
    return rasterio.open(file)


def open_as_known(file: FileName, *, mask: bool) -> Any:
    """Open a raster, and check that it has the mask that its header had: without it, GDAL takes all pixels for valid.

    Args:
        file: The raster.
        mask: Whether it has a mask, perhaps beside it.

    Raises:
        rasterio.errors.RasterioError: It can't be opened, or the mask isn't there.
    """
    dataset = open_dataset(file)
    if mask and not BandFacts.of(dataset).has_mask:
        dataset.close()
        raise RasterioIOError("its mask is no longer there, or can't be read")
    return dataset


def reading_error(file: FileName, error: BaseException, otherwise: LulcsegError) -> LulcsegError:
    """Return the sentence for a file that couldn't be opened or read.

    Args:
        file: The file.
        error: What GDAL raised.
        otherwise: The sentence for a file on this machine.
    """
    said, status = _said(error), network_status(error)
    if isinstance(file, RemoteFile) and (_UNKNOWN_FORMAT in said or (status and status not in PASSING)):
        answered = _answered_otherwise(file, otherwise)
        if answered is not None:
            return answered
    if status:
        return failed_status(file, status)
    if status is None and not isinstance(file, RemoteFile):
        return otherwise
    if "Range downloading not supported" in said:
        return LulcsegError(
            "its server sends whole files only, not parts of them", where=file, remedy="download it, and give its path"
        )
    if found := _UNREACHED.search(said):
        return LulcsegError(
            f"it can't be reached ({found[1].rstrip('.')})",
            where=file,
            remedy=f"check the address and the network, and {TRANSIENT}",
        )
    reason = said.splitlines()[0] if said else type(error).__name__
    return LulcsegError(f"it can't be read ({reason[:200]})", where=file, remedy=f"check the file, or {TRANSIENT}")


def _answered_otherwise(file: RemoteFile, otherwise: LulcsegError) -> LulcsegError | None:
    """Return the sentence for a file that its web server has, but that isn't what it should be; None if it hasn't.

    The status in GDAL's message may be that of a file beside it, which GDAL has looked for last.
    """
    answer = None if file.url is None else ask(file, patiently=False)
    if answer is None or not answer.is_file:
        return None
    return page_instead(otherwise.what, answer.kind, file) if answer.is_page else otherwise


def network_status(error: BaseException) -> int | None:
    """Return the HTTP status that GDAL was answered with; 0 if nothing was reached, None if something else failed."""
    said = _said(error)
    if found := _STATUS.search(said):
        return int(found[1])
    return 0 if _UNREACHED.search(said) else None


def _said(error: BaseException) -> str:
    """Return what GDAL said, from the error and what led to it, without secrets."""
    parts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        parts.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    return hide_secrets("\n".join(part for part in parts if part))
