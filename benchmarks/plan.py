"""Seconds to draw and save the paper's largest plan, beside GeoPandas on the same features, in one run.

python benchmarks/plan.py [--corners 40] [--totals per_feature exact covered] [--repeat 3]

About 154,500 patches of 128² over 3,912 features that have Table 7's feature counts and areas. GeoPandas does the two
parts that it has calls for: as many random points in each feature, and the same rows written to a GeoPackage.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import geopandas as gpd

    from lulcseg.grid import Grid
    from lulcseg.legend import Legend

TABLE_7 = {
    "Banana Plantation": (243, 1860),
    "Berry Crops": (69, 92),
    "Forestry Plantation": (118, 981),
    "Other": (323, 281_344),
    "Sugarcane Crop": (515, 7621),
    "Tea Tree Plantation": (42, 188),
    "Tree Crop - Mature": (2289, 6249),
    "Tree Crop - Young": (280, 988),
    "Vineyards": (33, 146),
}
"""Features and hectares of each class (Clark, Phinn & Scarth, Table 7)."""
WANTED = 16 * 9632
SIDE, RES = 110_000, 0.5


class Landscape:
    """What a plan is drawn in: features on a grid, without imagery.

    Args:
        corners: Corners of a feature's outline.
    """

    name = "landscape"

    def __init__(self, corners: int) -> None:
        """Scatter features whose areas are Table 7's to the hectare."""
        from lulcseg.grid import Grid
        from lulcseg.legend import PAPER_LEGEND

        self.legend: Legend = PAPER_LEGEND
        self.grid: Grid = Grid("EPSG:28355", 300_000.0, 8_050_000.25, RES, RES, SIDE, SIDE)
        self._features = _features(self.grid, self.legend, corners)

    def polygons(self) -> gpd.GeoDataFrame:
        """Return the features: ``class_index``, ``feature``, ``area_m2`` and geometry."""
        return self._features.copy()

    def valid_share(self, rows: Any, cols: Any, size: int) -> Any:
        """Refuse: there is no imagery."""
        raise NotImplementedError

    labelled_share = valid_share


def _features(grid: Grid, legend: Legend, corners: int) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import numpy as np
    import shapely

    rng = np.random.default_rng(0)
    index, area = [], []
    for number, name in enumerate(legend.names):
        count, hectares = TABLE_7[name]
        share = rng.lognormal(0, 1, count)
        index += [number] * count
        area += (share / share.sum() * hectares * 1e4).tolist()
    areas, turn = np.array(area), np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = 1 + 0.3 * rng.random((len(areas), corners))
    ring = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=-1)
    scale = np.sqrt(areas / shapely.area(shapely.polygons(ring)))
    reach, extent = 1.3 * scale, SIDE * RES
    x, y = reach + rng.random((2, len(areas))) * (extent - 2 * reach)
    centre = np.stack([grid.left + x, grid.top - y], axis=-1)
    shapes = shapely.polygons(ring * scale[:, None, None] + centre[:, None])
    columns = {"class_index": index, "feature": range(len(areas)), "area_m2": areas}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=grid.crs)


def main() -> None:
    """Time drawing and saving, ours and GeoPandas', and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corners", type=int, default=40, help="corners of a feature's outline")
    totals = ("per_feature", "exact", "covered")
    parser.add_argument("--totals", nargs="+", default=list(totals), choices=totals)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the fastest counts")
    settings = parser.parse_args()

    from rich.console import Console
    from rich.table import Table

    from lulcseg.sampling.draw import draw_plan
    from lulcseg.settings.sampling import SamplingSettings

    scene = Landscape(settings.corners)
    table = Table(title=f"A plan of 128² over {len(scene.polygons()):,} features: seconds, best of {settings.repeat}")
    for column in ("totals", "patches", "draw", "GeoPandas' points", "save", "GeoPandas' to_file", "draw + save"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for total in settings.totals:
            drawn, plan = best(
                settings.repeat,
                lambda total=total: draw_plan(
                    [scene], SamplingSettings(totals=total, patches=WANTED, patch_size=128, min_valid=0.0), seed=1
                ),
            )
            saved, _ = best(settings.repeat, lambda plan=plan: plan.save(Path(folder) / "plan.gpkg"))
            points, _ = best(settings.repeat, lambda plan=plan: _geopandas_points(scene, plan))
            rows = plan.rows.reset_index(drop=True)
            written, _ = best(settings.repeat, lambda rows=rows: rows.to_file(Path(folder) / "rows.gpkg"))
            seconds = (drawn, points, saved, written, drawn + saved)
            table.add_row(total, f"{len(plan):,}", *(f"{s:.2f}" for s in seconds))
    Console(width=110).print(table)


def _geopandas_points(scene: Landscape, plan: Any) -> Any:
    """Draw the plan's number of points in each feature with GeoPandas."""
    import numpy as np

    features = scene.polygons()
    counts = np.bincount(plan.rows["feature"], minlength=len(features))
    some = counts > 0
    return features.geometry[some].sample_points(counts[some], rng=1)


def best(repeat: int, work: Any) -> tuple[float, Any]:
    """Return the shortest time of several runs, in seconds, and what the last one gave."""
    times, result = [], None
    for _ in range(repeat):
        started = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - started)
    return min(times), result


if __name__ == "__main__":
    main()
