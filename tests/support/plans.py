"""Made-up scenes of a few rectangles, and plans drawn over them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import shapely

from lulcseg.grid import Grid, Window
from lulcseg.legend import LandClass, Legend
from lulcseg.sampling.draw import draw_plan
from lulcseg.settings.sampling import SamplingSettings, ValidationSettings

LEGEND = Legend((LandClass(0, "Other", "#aaaaaa"), LandClass(1, "Cane", "#00ff00"), LandClass(2, "Berry", "#ff0000")))
GRID = Grid("EPSG:28355", left=300_000.0, top=8_050_000.25, xres=0.5, yres=0.5, height=600, width=800)

WEST = [(0, Window(0, 0, 600, 400)), (1, Window(20, 420, 100, 200)), (1, Window(300, 500, 40, 40))]
BERRY = (2, Window(500, 700, 20, 30))


def no_pixels(rows, cols, size):
    raise AssertionError("pixels were read")


@dataclass
class FakeScene:
    """A scene whose features are windows of its grid."""

    name: str = "here"
    grid: Grid = GRID
    legend: Legend = LEGEND
    features: list = field(default_factory=list)  # (class index, window)
    valid_share: Callable = no_pixels  # (first rows, first columns, side) → share of valid pixels
    labelled_share: Callable = no_pixels

    def polygons(self):
        geometry = [shapely.box(*self.grid.bounds(w)) for _, w in self.features]
        return gpd.GeoDataFrame(
            {
                "class_index": np.array([c for c, _ in self.features], dtype=int),
                "feature": np.arange(len(geometry)) + 10,
                "area_m2": shapely.area(np.array(geometry, dtype=object)),
            },
            geometry=geometry,
            crs=self.grid.crs,
        )


class FakeLabels:
    """Labels held in an array, (h, w) uint8."""

    def __init__(self, label):
        self.label = label

    def read(self, window):
        assert self.label[window.row : window.row_end, window.col : window.col_end].shape == (
            window.height,
            window.width,
        ), "read outside the scene"
        return self.label[window.row : window.row_end, window.col : window.col_end]


def drawn(*scenes, seed=1, validation=None, **settings):
    """Draw a plan by settings of ``sampling:`` without looking at pixels; ``validation`` is (fraction, block)."""
    sampling = SamplingSettings(**{"patch_size": 32, "min_valid": 0.0} | settings)
    return draw_plan(scenes, sampling, None if validation is None else ValidationSettings(*validation), seed=seed)


def stratified(*scenes, **settings):
    return drawn(*scenes, **{"patches": 60} | settings)


def grid(*scenes, **settings):
    return drawn(*scenes, **{"method": "grid", "cell": 128, "background": None} | settings)
