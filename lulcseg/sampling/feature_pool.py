"""The digitised features of all scenes as one table, which patches are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import Legend


class SceneLike(Protocol):
    """What drawing a plan needs of a scene."""

    @property
    def name(self) -> str:
        """The scene's name, unique among the scenes of a plan."""
        ...

    @property
    def grid(self) -> Grid:
        """The scene's pixel grid."""
        ...

    @property
    def legend(self) -> Legend:
        """The scene's classes."""
        ...

    def polygons(self) -> gpd.GeoDataFrame | None:
        """Digitised features in the scene's CRS: ``class_index``, ``feature``, ``area_m2``, geometry."""
        ...

    def valid_share(self, rows: NDArray[np.int64], cols: NDArray[np.int64], size: int) -> NDArray[np.float64]:
        """Share of valid pixels, (n,) 0…1, in windows of ``size`` pixels with first rows and columns, (n,)."""
        ...

    def labelled_share(self, rows: NDArray[np.int64], cols: NDArray[np.int64], size: int) -> NDArray[np.float64]:
        """Share of pixels with a label, (n,) 0…1, in such windows."""
        ...


def pooled(scenes: Sequence[SceneLike]) -> pd.DataFrame:
    """Return the features of all scenes as one table, in the order of the scenes' names.

    Sorted by name, so that ties in sharing out patches are resolved alike whatever the order of the scenes.

    Args:
        scenes: The scenes.

    Returns:
        Columns ``class_index``, ``feature``, ``area_m2``, ``scene`` and ``geometry``.

    Raises:
        LulcsegError: A scene without polygons, an invalid polygon, or no polygon at all.
    """
    frames = []
    for scene in sorted(scenes, key=lambda s: s.name):
        polygons = scene.polygons()
        if polygons is None:
            raise LulcsegError(
                "the scene has no polygons to draw patches from", where=f"scene {scene.name}", remedy="give it labels"
            )
        geometry = polygons.geometry.to_numpy()
        invalid = np.flatnonzero(~shapely.is_valid(geometry))
        if invalid.size:
            first = polygons["feature"].iloc[int(invalid[0])]
            raise LulcsegError(
                f"{invalid.size} polygons are not valid (the first is feature {first}: "
                f"{shapely.is_valid_reason(geometry[invalid[0]])})",
                where=f"scene {scene.name}",
                remedy="repair them, such as with 'Fix geometries' in QGIS",
            )
        types = {"class_index": np.int64, "feature": np.int64, "area_m2": np.float64}
        frame = pd.DataFrame({name: polygons[name].to_numpy(dtype=dtype) for name, dtype in types.items()})
        frames.append(frame.assign(scene=scene.name, geometry=geometry))
    pool = pd.concat(frames, ignore_index=True)
    if pool.empty:
        raise LulcsegError(
            "there is no polygon over the imagery",
            where="scenes.train",
            remedy="check the polygons' CRS and extent with 'lulcseg check'",
        )
    return pool


def class_table(pool: pd.DataFrame, legend: Legend) -> list[dict[str, Any]]:
    """Return each class's number of features and area in m²; requested and drawn patches are filled in later."""
    features = np.bincount(pool["class_index"], minlength=len(legend))
    areas = np.bincount(pool["class_index"], weights=pool["area_m2"], minlength=len(legend))
    return [
        {"name": name, "features": int(n), "area_m2": float(a), "wanted": None, "drawn": None}
        for name, n, a in zip(legend.names, features, areas, strict=True)
    ]
