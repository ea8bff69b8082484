"""Opening rasters for reading, here or elsewhere: GDAL's settings for the network, and what its failures mean.

GDAL's environment variables are left as the user has set them, credentials among them; what isn't set gets a value
here, so that a server that fails for a while is asked again, a bounded number of times.
"""

from __future__ import annotations

import logging
import os
import re
from typing import Any

import rasterio
from rasterio.errors import RasterioIOError

from lulcseg.errors import LulcsegError
from lulcseg.files import hide_secrets
from lulcseg.scene.band_validity import BandFacts
from lulcseg.scene.file_names import FileName, RemoteFile

NETWORK = {
    "GDAL_HTTP_MAX_RETRY": "4",  # after statuses 429, 502, 503 and 504 and some failures of the connection
    "GDAL_HTTP_RETRY_DELAY": "1",  # seconds, about doubled each time
    "GDAL_HTTP_CONNECTTIMEOUT": "15",  # seconds
    "GDAL_HTTP_LOW_SPEED_TIME": "60",  # seconds without …
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",  # … so many bytes a second: slow servers are waited for, stalled ones are not
}
"""GDAL's settings for reading over the network, where the environment has no others."""

_SIDECARS = "TRUE"
"""GDAL_DISABLE_READDIR_ON_OPEN: no listing of a server's folder; masks beside a file are still asked for by name.

EMPTY_DIR would save these requests, and take every pixel of a file with a mask beside it for valid.
"""

PASSING = frozenset({0, 429, 500, 502, 503, 504})
"""HTTP statuses after which a server may answer when it is asked again; 0: it can't be reached."""

_STATUS = re.compile(r"HTTP (?:response|error|status) code(?: on \S+)?: ?([1-9]\d{2})")
_UNREACHED = re.compile(r"(?:CURL error: |HTTP status code: 0, error: )(.*)")
_TRANSIENT = "try again: finished strips of a map are kept"
_REMEDIES = {
    401: "give GDAL's credentials in environment variables (such as GDAL_HTTP_USERPWD), or a signed address",
    403: "give GDAL's credentials in environment variables (such as AWS_ACCESS_KEY_ID, AWS_NO_SIGN_REQUEST=YES for "
    "public files), or a fresh signed address",
    404: "check the address",
    410: "check the address",
    429: "wait, or set GDAL_HTTP_MAX_RETRY and GDAL_HTTP_RETRY_DELAY higher",
}
_LOGGERS = ("rasterio._env", "rasterio._err", "rasterio._io", "rasterio._base", "pyogrio._io", "pyogrio._err")


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


def prepare_network() -> None:
    """Set GDAL's settings for the network where the environment doesn't, for this process and those it starts."""
    for key, value in NETWORK.items():
        os.environ.setdefault(key, value)
    for name in _LOGGERS:  # a filter is added once, however often it is asked for
        logging.getLogger(name).addFilter(_hide_in_log)


def reading_error(file: FileName, error: BaseException, otherwise: LulcsegError) -> LulcsegError:
    """Return the sentence for a file that couldn't be opened or read.

    Args:
        file: The file.
        error: What GDAL raised.
        otherwise: The sentence for a file on this machine.
    """
    said, status = _said(error), network_status(error)
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
            remedy=f"check the address and the network, and {_TRANSIENT}",
        )
    reason = said.splitlines()[0] if said else type(error).__name__
    return LulcsegError(f"it can't be read ({reason[:200]})", where=file, remedy=f"check the file, or {_TRANSIENT}")


def network_status(error: BaseException) -> int | None:
    """Return the HTTP status that GDAL was answered with; 0 if nothing was reached, None if something else failed."""
    said = _said(error)
    if found := _STATUS.search(said):
        return int(found[1])
    return 0 if _UNREACHED.search(said) else None


def failed_status(file: FileName, status: int) -> LulcsegError:
    """Return the sentence for a server's refusal."""
    return LulcsegError(
        f"the server answered with HTTP status {status}", where=file, remedy=_REMEDIES.get(status, _TRANSIENT)
    )


def _said(error: BaseException) -> str:
    """Return what GDAL said, from the error and what led to it, without secrets."""
    parts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        parts.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    return hide_secrets("\n".join(part for part in parts if part))


def _hide_in_log(record: logging.LogRecord) -> bool:
    """Take secrets out of a library's log record."""
    record.msg, record.args = hide_secrets(record.getMessage()), ()
    return True
