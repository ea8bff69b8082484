"""How uncertain a map is, read from the rasters beside it."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window as RasterioWindow
from scipy.special import xlogy

from lulcseg.assessment.probability_points import probabilities_beside
from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.as_written import check_as_written
from lulcseg.maps.classraster import naming_damage, open_raster
from lulcseg.maps.polygons import open_aligned
from lulcseg.maps.probability_bands import probability_bands
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.maps.vectorise import ByteRaster

_REMEDY = "map again with mosaic.outputs=[entropy]"


class UncertaintyLayer:
    """A map's uncertainty, open for reading by windows; a context manager.

    It is ``<map>_entropy.tif``, else the entropy of ``<map>_probabilities.tif``, else 1 − ``<map>_confidence.tif``. The
    entropy is −Σ p ln p / ln K, in both cases.

    Args:
        mapped: The open map.
        legend: Its classes.

    Attributes:
        measure: What it is, for people.

    Raises:
        LulcsegError: None of them is there, or it can't be read, is damaged, or is another map's.
    """

    def __init__(self, mapped: ByteRaster, legend: Legend) -> None:
        shares = probabilities_beside(mapped.path)
        entropy, confidence = (mapped.path.with_name(f"{mapped.path.stem}_{k}.tif") for k in ("entropy", "confidence"))
        there = [path for path in (entropy, shares, confidence) if path.is_file()]
        if not there:
            raise LulcsegError(
                "it has neither entropy nor probabilities nor confidence beside it", where=mapped.path, remedy=_REMEDY
            )
        path = self._path = there[0]
        check_as_written(path, mapped.path.with_suffix(".json"))
        self._inverted = path == confidence
        self.measure = "1 - confidence" if self._inverted else "entropy"
        self._bands: list[int] = []
        with ExitStack() as stack:
            if path == shares:
                base = stack.enter_context(open_raster(mapped.path))
                self._shares = stack.enter_context(open_raster(path))
                self._bands = probability_bands(self._shares, base, legend, remedy=_REMEDY)
            else:
                self._steps = stack.enter_context(open_aligned(path, mapped))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        """Return the layer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._stack.close()

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Return the uncertainty of a window inside the map, (h, w) uint8, in steps of 1/250, 255 where unknown."""
        if self._bands:
            at = RasterioWindow(window.col, window.row, window.width, window.height)
            with naming_damage(self._path):
                return entropy_steps(self._shares.read(self._bands, window=at))
        steps = self._steps.read(window)
        if self._inverted:
            return np.where(steps <= SHARE_STEPS, SHARE_STEPS - np.minimum(steps, SHARE_STEPS), IGNORE).astype(np.uint8)
        return np.where(steps <= SHARE_STEPS, steps, IGNORE).astype(np.uint8)


def entropy_steps(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the entropy of stored probabilities as a share of its maximum, as rasters store it.

    Args:
        stored: (K, h, w) probabilities in steps of 1/250.

    Returns:
        (h, w) uint8 in steps of 1/250; 255 where a probability is unknown.

    Example:
        >>> entropy_steps(np.array([[125, 250, 255], [125, 0, 255]], dtype=np.uint8)[:, None]).tolist()
        [[250, 0, 255]]
    """
    known = (stored <= SHARE_STEPS).all(axis=0)
    total = stored.sum(axis=0, dtype=np.int64)
    known &= total > 0
    shares = stored / np.maximum(total, 1)
    entropy = -xlogy(shares, shares).sum(axis=0) / np.log(len(stored))
    steps = np.rint(np.clip(entropy, 0, 1) * SHARE_STEPS)
    return np.where(known, steps, IGNORE).astype(np.uint8)
