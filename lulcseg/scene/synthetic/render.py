"""Rendering of the landscape: the mosaic and the true classes of any window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import rasterio.features
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry import Polygon, box

from lulcseg.grid import Window
from lulcseg.scene.synthetic.ground import Ground
from lulcseg.scene.synthetic.layout import Date, Layout
from lulcseg.scene.synthetic.light import illuminate, lie_of_the_land
from lulcseg.scene.synthetic.piece_table import Table, table_of
from lulcseg.scene.synthetic.sensor import ALIGN, APRON, Survey, expose
from lulcseg.scene.synthetic.texture import cover

_OVERHANG = 5.0
"""Distance by which crowns may overhang the edge of their piece, pixels."""


class Renderer:
    """Renders windows of a landscape on one date; a pixel's value does not depend on the window.

    Args:
        layout: The landscape.
        date: Date of the land uses.
        survey: Season, sun and camera.
        seed: Seed of the textures (the same on both dates).
        camera_seed: Seed of the camera's noise and of the mosaic's seams.
    """

    def __init__(self, layout: Layout, date: Date, survey: Survey, seed: int, camera_seed: int) -> None:
        wider = float(np.clip((layout.scale.size / 2048) ** 0.5, 0.4, 3.0))
        self.layout, self.seed, self.camera_seed = layout, seed, camera_seed
        self.survey = replace(survey, strip=survey.strip * wider)
        self.table: Table = table_of(layout, date)

    @cached_property
    def _outlines_with_overhang(self) -> list[Polygon]:
        """Outlines of the pieces, buffered by the overhang of their crowns."""
        reaches = self.table.has_crowns[0]
        return [
            p.polygon.buffer(_OVERHANG, quad_segs=2) if r and n else p.polygon
            for n, (p, r) in enumerate(zip(self.layout.pieces, reaches, strict=True))
        ]

    def classes(self, window: Window) -> NDArray[np.uint8]:
        """Return the true class codes, ``(h, w)`` uint8."""
        return self.table.code[self._rasterise(window, [p.polygon for p in self.layout.pieces])]

    def image(self, window: Window) -> NDArray[np.uint8]:
        """Return the mosaic, ``(3, h, w)`` uint8."""
        ground = self.ground(window)
        light = self.lit(ground.albedo, ground)
        rows, cols = window.slices_in(ground.window)
        return expose(light, ground.window, self.survey, self.camera_seed)[:, rows, cols]

    def ground(self, window: Window) -> Ground:
        """Return the ground of a window with what blur and shadows need around it, cut at multiples of 80 pixels."""
        row, col = window.row // ALIGN * ALIGN - APRON, window.col // ALIGN * ALIGN - APRON
        row_end = -(-window.row_end // ALIGN) * ALIGN + APRON
        col_end = -(-window.col_end // ALIGN) * ALIGN + APRON
        frame = Window(row, col, row_end - row, col_end - col)
        ids = self._rasterise(frame, [p.polygon for p in self.layout.pieces])
        owner = self._rasterise(frame, self._outlines_with_overhang)
        return cover(frame, ids, owner, table=self.table, season=self.survey.season, seed=self.seed * 101)

    def lit(self, albedo: NDArray[np.float32], ground: Ground) -> NDArray[np.float32]:
        """Return the light that a ground of some albedo reflects, ``(3, h, w)`` float32 both."""
        light = illuminate(albedo, ground.height, self.survey.azimuth, self.survey.elevation, self.survey.sky)
        light *= lie_of_the_land(ground.window, self.survey.azimuth, self.seed * 101)
        return light

    def _rasterise(self, window: Window, polygons: Sequence[Polygon]) -> NDArray[np.int32]:
        """Rasterise the pieces: return the number of the topmost piece at each pixel, ``(h, w)`` int32."""
        reach = _OVERHANG + 1
        view = box(window.col - reach, window.row - reach, window.col_end + reach, window.row_end + reach)
        near = np.sort(self.layout.tree.query(view))
        ids = np.zeros((window.height, window.width), dtype=np.int32)
        shapes = [(polygons[k], int(k)) for k in near if k > 0]
        if shapes:
            transform = Affine.translation(window.col, window.row)
            rasterio.features.rasterize(shapes, out=ids, transform=transform)
        return ids
