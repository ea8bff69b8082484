"""A scene's imagery at the size of a picture: each pixel the mean of its ground, read block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Grid, Window
from lulcseg.legend import Legend
from lulcseg.pictures.display_range import DisplayRange, are_bytes, rgb_bands
from lulcseg.progress import tracked

_BLOCK = 2048
"""Side of the ground read at once, in pixels."""


class _Imagery(Protocol):
    @property
    def band_dtypes(self) -> Sequence[str]: ...

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]: ...


class _Labels(Protocol):
    def read(self, window: Window) -> NDArray[np.uint8]: ...


class PicturedScene(Protocol):
    """The parts of a scene that pictures of it need."""

    @property
    def name(self) -> str:
        """The scene's name."""
        ...

    @property
    def grid(self) -> Grid:
        """Its grid."""
        ...

    @property
    def legend(self) -> Legend:
        """Its classes."""
        ...

    @property
    def bands(self) -> int:
        """Number of bands of its imagery."""
        ...

    @property
    def imagery(self) -> _Imagery:
        """Reader of its imagery."""
        ...

    @property
    def labels(self) -> _Labels | None:
        """Reader of its labels, if it has any."""
        ...


class PictureCells:
    """The pixels of a picture as cells of a grid: each a whole number of the grid's pixels, together all of them.

    Args:
        grid: The grid that is pictured.
        max_px: Longer side of the picture, in pixels; a smaller grid keeps its size.

    Attributes:
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        rows: (height + 1,) the grid's rows at which cells begin, and its last.
        cols: (width + 1,) its columns.
    """

    def __init__(self, grid: Grid, max_px: int) -> None:
        scale = max(1.0, max(grid.height, grid.width) / max_px)
        self.height, self.width = max(1, round(grid.height / scale)), max(1, round(grid.width / scale))
        self.rows = np.arange(self.height + 1) * grid.height // self.height
        self.cols = np.arange(self.width + 1) * grid.width // self.width

    def blocks(self) -> Iterator[tuple[slice, slice, Window]]:
        """Yield rows and columns of cells, and their window of the grid, with a progress bar if it takes long."""
        cut = [(r, c) for r in _split_spans(self.rows) for c in _split_spans(self.cols)]
        for r, c in tracked(cut, "Making previews"):
            row, col = int(self.rows[r.start]), int(self.cols[c.start])
            yield r, c, Window(row, col, int(self.rows[r.stop]) - row, int(self.cols[c.stop]) - col)


def _split_spans(edges: NDArray[np.int64]) -> Iterator[slice]:
    """Split cells into runs of about a block's pixels."""
    start = 0
    while start < len(edges) - 1:
        stop = int(np.searchsorted(edges, edges[start] + _BLOCK, side="right")) - 1
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop


def average_imagery(scene: PicturedScene, cells: PictureCells) -> NDArray[np.uint8]:
    """Return the mean of each cell's valid pixels as RGB; displayed bands other than 8-bit are stretched.

    Args:
        scene: The scene.
        cells: Of its grid.

    Returns:
        (height, width, 3) uint8, white where there is no imagery.
    """
    bands = rgb_bands(scene.bands)
    mean = np.zeros((cells.height, cells.width, 3), dtype=np.float32)
    valid = np.zeros((cells.height, cells.width), dtype=np.bool_)
    for r, c, window in cells.blocks():
        image, there = scene.imagery.read(window)
        rows, cols = cells.rows[r] - window.row, cells.cols[c] - window.col
        count = _sum_cells(there.astype(np.float64), rows, cols)
        total = _sum_cells(np.where(there, image[bands], 0).astype(np.float64), rows, cols)
        mean[r, c] = np.moveaxis(total / np.maximum(count, 1), 0, -1)
        valid[r, c] = count > 0
    as_it_is = are_bytes(scene.imagery.band_dtypes) or not valid.any()
    displayed = mean if as_it_is else DisplayRange.of(mean[valid]).stretch(mean)
    picture = np.rint(displayed).astype(np.uint8)
    picture[~valid] = 255
    return picture


def window_imagery(scene: PicturedScene, window: Window, longest: int) -> NDArray[np.uint8]:
    """Return a window of a scene's imagery as a picture, as :func:`average_imagery` does the whole.

    Args:
        scene: An open scene.
        window: The ground, in pixels of the scene's grid.
        longest: Longer side of the picture in pixels; a smaller window keeps its pixels.

    Returns:
        (h, w, 3) uint8, white where there is no imagery.
    """
    return average_imagery(_SceneWindow(scene, window), PictureCells(scene.grid.crop(window), longest))


class _SceneWindow:
    """A window of a scene as a scene of its own."""

    labels = None

    def __init__(self, scene: PicturedScene, window: Window) -> None:
        self.name, self.legend, self.bands = scene.name, scene.legend, scene.bands
        self.band_dtypes = scene.imagery.band_dtypes
        self.grid = scene.grid.crop(window)
        self.imagery = self
        self._scene, self._window = scene, window

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        moved = Window(window.row + self._window.row, window.col + self._window.col, window.height, window.width)
        return self._scene.imagery.read(moved)


def _sum_cells(values: NDArray[np.float64], rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum (…, h, w) values over cells that begin at the given rows and columns."""
    sums: NDArray[np.float64] = np.add.reduceat(np.add.reduceat(values, rows, axis=-2), cols, axis=-1)
    return sums
