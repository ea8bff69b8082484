"""Masks and metadata that lie beside a raster elsewhere: whether their server answered for them.

GDAL takes a file beside a raster for missing where its server fails, and then every pixel for valid.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from lulcseg.errors import LulcsegError
from lulcseg.scene.band_validity import BandFacts
from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.network_settings import PASSING, failed_status
from lulcseg.scene.raster_opening import open_dataset
from lulcseg.scene.web_server import ask

_MASK, _METADATA = ".msk", ".aux.xml"
_FIRST_BYTES = {_MASK: (b"I", b"M"), _METADATA: (b"<",)}
"""What such files begin with: TIFF and XML. Some servers answer with a page for whatever isn't there; one in HTML
can't be told from metadata, and does no harm."""

_STATUS = re.compile(r"HTTP response code on (\S+): (\d+)")

_FAILED: dict[str, int] = {}
"""Masks in buckets that failed in this process, with the status: GDAL takes them for missing from then on."""


@dataclass(frozen=True)
class _Answer:
    """What was found of a file beside a raster.

    Attributes:
        file: The file.
        failure: HTTP status of a failure that may pass; 0: nothing was reached; None: it didn't fail.
        there: Whether it is there.
    """

    file: RemoteFile
    failure: int | None = None
    there: bool = False


def open_with_sidecars(file: FileName) -> Any:
    """Open a raster for the first time: its mask and metadata are read, if they are there.

    Args:
        file: The raster.

    Returns:
        The open dataset (rasterio).

    Raises:
        rasterio.errors.RasterioError: It can't be opened.
        LulcsegError: Its server failed when it was asked for a file beside it.
    """
    answers = _look_beside(file)
    dataset = open_dataset(file)
    try:
        for answer in answers:
            _check(answer, BandFacts.of(dataset), file)
    except LulcsegError:
        dataset.close()
        raise
    return dataset


def _look_beside(file: FileName) -> list[_Answer]:
    """Ask for the files beside a raster that change its pixels, before GDAL does, until one answers with a failure."""
    if not isinstance(file, RemoteFile) or file.archive is not None or "?" in file.gdal_name:
        return []  # GDAL looks beside no signed address
    answers = []
    for ending in (_MASK, _METADATA):
        beside = RemoteFile(file.gdal_name + ending)
        answers.append(_of_server(beside, ending) if file.url is not None else _of_bucket(beside, ending))
        if answers[-1].failure is not None:
            break
    return answers


def _of_server(beside: RemoteFile, ending: str) -> _Answer:
    answer = ask(beside)
    failed = answer.status if answer.status in PASSING else None
    return _Answer(beside, failed, answer.status in {200, 206} and answer.content[:1] in _FIRST_BYTES[ending])


def _of_bucket(beside: RemoteFile, ending: str) -> _Answer:
    """Ask as GDAL does, whose answer to the same question is kept in memory."""
    if ending != _MASK:
        return _Answer(beside)
    heard = _Heard()
    log = logging.getLogger("rasterio._env")
    log.addHandler(heard)
    try:
        with open_dataset(beside):
            return _Answer(beside, there=True)
    except (RasterioError, CPLE_BaseError):
        statuses = [int(status) for address, status in heard.statuses() if address.endswith(_MASK)]
        failure = next((status for status in statuses if status in PASSING), None)
        if failure is not None:
            _FAILED[beside.gdal_name] = failure
        return _Answer(beside, _FAILED.get(beside.gdal_name))
    finally:
        log.removeHandler(heard)


class _Heard(logging.Handler):
    """Hears the statuses that GDAL is answered with by stores of objects: they are in no exception."""

    def __init__(self) -> None:
        super().__init__()
        self._said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is said."""
        self._said.append(record.getMessage())

    def statuses(self) -> list[tuple[str, str]]:
        """Return addresses, each with a status."""
        return [pair for said in self._said for pair in _STATUS.findall(said)]


def _check(answer: _Answer, facts: BandFacts, file: FileName) -> None:
    """Check that a file beside a raster didn't fail, and that a mask counts.

    Raises:
        LulcsegError: It failed, or GDAL hasn't found the mask.
    """
    if answer.failure:
        raise failed_status(answer.file, answer.failure)
    if answer.failure == 0:
        raise LulcsegError(
            "it can't be reached, so that it isn't known whether the raster has it beside it",
            where=answer.file,
            remedy="check the network, and try again",
        )
    if answer.there and answer.file.name.endswith(_MASK) and not facts.has_mask:
        raise LulcsegError(
            "it has a mask beside it (.msk) that could not be read", where=file, remedy="start again, in a new process"
        )
