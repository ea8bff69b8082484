"""Class probabilities of both dates, read on the grid of two maps."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window as RasterioWindow

from lulcseg.assessment.probability_points import probabilities_beside
from lulcseg.change.crosswalks import CommonClasses
from lulcseg.change.map_pair import MapPair, shifted
from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import IGNORE
from lulcseg.maps.as_written import check_as_written
from lulcseg.maps.classraster import naming_damage, open_raster
from lulcseg.maps.probability_bands import probability_bands
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.scene.band_source import BandSource
from lulcseg.scene.band_validity import BandFacts, choose_rule

_REMEDY = "map again with mosaic.outputs=[probabilities], or leave them out with --no-probabilities"


def have_probabilities(paths: tuple[Path, Path]) -> tuple[bool, bool]:
    """Return which maps have probabilities beside them."""
    one, two = (probabilities_beside(path).is_file() for path in paths)
    return one, two


class ProbabilityPair:
    """The probabilities of two maps, open until the stack that they are opened on is closed.

    Args:
        paths: The two maps, with probabilities beside them.
        pair: The maps on one grid.
        common: Their classes.
        stack: Closes the files.

    Raises:
        LulcsegError: Probabilities can't be read, or are of other classes or pixels than their map.
    """

    def __init__(self, paths: tuple[Path, Path], pair: MapPair, common: CommonClasses, stack: ExitStack) -> None:
        self._number = len(common.classes)
        self._sides = [self._open(paths[side], pair, common, side, stack) for side in (0, 1)]

    @staticmethod
    def _open(mapped: Path, pair: MapPair, common: CommonClasses, side: int, stack: ExitStack) -> _OpenShares:
        path, legend = probabilities_beside(mapped), common.own[side]
        with open_raster(mapped) as base, open_raster(path) as data:
            bands = probability_bands(data, base, legend, remedy=_REMEDY)
            facts = BandFacts.of(data)
        check_as_written(path, mapped.with_suffix(".json"))
        on = pair.grid if pair.shifts[side] is None else None
        source = stack.enter_context(closing(BandSource(path, choose_rule(facts, bands), on, Resampling.nearest)))
        return _OpenShares(path, source, pair.shifts[side], common.tables[side][: len(legend)])

    def read(self, window: Window, classes: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> JointShares:
        """Read a window of the maps' grid.

        Args:
            window: Inside the grid.
            classes: The maps' common class indices there, (h, w) each.

        Raises:
            LulcsegError: The most probable classes are not the map's: the probabilities are of another map.
        """
        parts = [side.read(window, self._number) for side in self._sides]
        known = (classes[0] != IGNORE) & parts[0][1] & parts[1][1]
        shares = []
        for (values, _), index, side in zip(parts, classes, self._sides, strict=True):
            here = values[:, known]
            own = np.take_along_axis(here, index[known][None].astype(np.intp), axis=0)[0]
            if not side.merges and (own < here.max(axis=0, initial=0.0) - 1.01 / SHARE_STEPS).any():
                raise LulcsegError("its most probable classes are not the map's", where=side.path, remedy=_REMEDY)
            shares.append(here / here.sum(axis=0))
        return JointShares(known, shares[0], shares[1])


@dataclass(frozen=True, eq=False)
class JointShares:
    """Probabilities of a window: where they are known, (h, w) bool, and there those of both dates, (K, n), sum 1."""

    known: NDArray[np.bool_]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _OpenShares:
    """One date's open file, its shift against the grid, and the common class of each band."""

    path: Path
    source: Any
    shift: tuple[int, int] | None
    lead: NDArray[np.uint8]

    @property
    def merges(self) -> bool:
        """Whether bands are summed or dropped, so that the most probable class can be another one than the map's."""
        return IGNORE in self.lead or len(np.unique(self.lead)) < len(self.lead)

    def read(self, window: Window, number: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return (K, h, w) shares of the common classes, and where there are any."""
        at = shifted(window, self.shift)
        with naming_damage(self.path):
            stored, valid = self.source.read(RasterioWindow(at.col, at.row, at.width, at.height))
        shares = np.zeros((number, *stored.shape[1:]))
        for band, index in zip(stored, self.lead, strict=True):
            if index != IGNORE:
                shares[index] += np.where(band <= SHARE_STEPS, band, 0) / SHARE_STEPS
        there = shares.sum(axis=0) > 0
        return shares, there if valid is None else there & valid
