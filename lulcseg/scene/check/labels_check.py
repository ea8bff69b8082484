"""The check of the labels: areas as in the paper's Table 7, overlaps, invalid and doubtful features."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from lulcseg.files import hide_secrets
from lulcseg.legend import IGNORE, Legend
from lulcseg.scene.check.findings import Findings
from lulcseg.scene.format_quantities import format_area, format_count, format_share
from lulcseg.scene.ground_area import pixel_ground_area
from lulcseg.scene.labels import RasterLabels, invalid
from lulcseg.scene.overlaps import overlaps
from lulcseg.scene.pixel_cover import vanished_note
from lulcseg.scene.scene import Scene
from lulcseg.scene.spec import LabelsSpec

_SLIVER_PIXELS = 2.0
_TINY_PIXELS = 4.0


def check_labels(scene: Scene) -> Findings:
    """Check a scene's polygons or class rasters."""
    out = Findings("Labels")
    spec = scene.spec.labels
    if spec is None:
        out.remarks.append("The scene has no labels: it can be mapped, but not trained on.")
        return out
    with out.noting_faults():
        _look(scene, spec, out)
    return out


def _look(scene: Scene, spec: LabelsSpec, out: Findings) -> None:
    if spec.file is not None:
        out.facts["source"] = f"{hide_secrets(spec.file)}, column {spec.column}, uncovered ground is {spec.uncovered}"
    if isinstance(scene.labels, RasterLabels):
        out.facts["source"] = format_count(len(scene.labels.rasters.files), "class raster")
    assert scene.labels is not None  # burns the polygons, which checks their place
    features = scene.placed_polygons
    assert features is not None
    out.table = class_table(features, scene.legend)
    labelled, ground = float(features["area_m2"].sum()), scene.ground_area
    out.facts["features"] = f"{_count(scene, features)}, {format_area(labelled)}"
    out.facts["unlabelled"] = f"{format_share(max(0.0, ground - labelled), ground)} of the ground"
    if spec.file is not None:
        out.remarks += _remarks(scene)
    out.remarks += vanished_note(scene.vanished, scene.legend, scene.grid)
    lost = [scene.legend.names[k] for k in scene.vanished]
    missing = [row["class"] for row in out.table if row["features"] == 0 and row["class"] not in lost]
    labelled_classes = [row["class"] for row in out.table if row["features"] and row["class"] not in lost]
    if len(labelled_classes) == 1 and len(out.table) > 1:
        out.remarks.append(f"Only {labelled_classes[0]} is labelled: a model can learn nothing else.")
    elif missing:
        out.remarks.append(f"No feature of {', '.join(missing)}: the model can't learn it here.")


def _count(scene: Scene, features: gpd.GeoDataFrame) -> str:
    """Return how many features there are, of how many in the file."""
    if scene.source_features is None:
        return format_count(len(features), "region")
    drawn = int((features["feature"] < len(scene.source_features)).sum())
    rest = " and the uncovered ground" if drawn < len(features) else ""
    return f"{drawn:,} of {len(scene.source_features):,} in the file{rest}"


def class_table(features: gpd.GeoDataFrame, legend: Legend) -> list[dict[str, Any]]:
    """Return a row for each class: features, area (ha) and share of the labelled area, as in Table 7."""
    areas = features.groupby("class_index")["area_m2"].agg(["size", "sum"])
    total = float(features["area_m2"].sum())
    rows = []
    for index, land_class in enumerate(legend):
        count, area = (int(areas["size"][index]), float(areas["sum"][index])) if index in areas.index else (0, 0.0)
        rows.append(
            {"class": land_class.name, "features": count, "area (ha)": area / 1e4, "share": format_share(area, total)}
        )
    return rows


def _remarks(scene: Scene) -> list[str]:
    source, features = scene.source_features, scene.features
    assert source is not None
    assert features is not None
    remarks = []
    if "warped_from" in source.attrs:
        remarks.append(f"Polygons were warped from {source.attrs['warped_from']} to the scene's CRS.")
    geometries = source.geometry.to_numpy()
    broken = invalid(geometries)
    if len(broken):
        reason = shapely.is_valid_reason(geometries[broken[0]])
        remarks.append(
            f"{format_count(len(broken), 'invalid geometry', 'invalid geometries')} repaired (first: {reason})."
        )
    return remarks + _left_out(scene) + _doubtful(features, scene) + _overlaps(features, scene)


def _left_out(scene: Scene) -> list[str]:
    """Report the features of the file that no labelled ground is of: each is counted once."""
    source, features, placed = scene.source_features, scene.features, scene.placed_polygons
    assert source is not None
    assert features is not None
    assert placed is not None
    rest = features[~features["feature"].isin(placed["feature"])]
    outside = shapely.area(shapely.intersection(rest.geometry.to_numpy(), scene.ground)) == 0
    ignored = (rest["class_index"] == IGNORE).to_numpy() & ~outside
    hidden = len(rest) - int(outside.sum()) - int(ignored.sum())
    counted = (
        (len(source) - len(features), "without geometry left out"),
        (int(outside.sum()), "outside the imagery left out"),
        (int(ignored.sum()), "mapped to 'ignore' by the crosswalk"),
        (hidden, "wholly under smaller ones left out"),
    )
    return [f"{format_count(number, 'feature')} {what}." for number, what in counted if number]


def _doubtful(features: gpd.GeoDataFrame, scene: Scene) -> list[str]:
    """Report how many features are tiny, slivers or duplicates."""
    geometries = features.geometry.to_numpy()
    area, length = shapely.area(geometries), shapely.length(geometries)
    pixel, side = scene.grid.pixel_area, min(scene.grid.xres, scene.grid.yres)
    tiny = int((area < _TINY_PIXELS * pixel).sum())
    width = 2 * area / np.where(length > 0, length, np.inf)
    slivers = int(((width < _SLIVER_PIXELS * side) & (area >= _TINY_PIXELS * pixel)).sum())
    wkb = shapely.to_wkb(shapely.normalize(geometries))
    duplicates = len(wkb) - len(set(wkb))
    remarks = []
    if tiny:
        remarks.append(f"{format_count(tiny, 'feature')} smaller than {_TINY_PIXELS:g} pixels.")
    if slivers:
        remarks.append(f"{format_count(slivers, 'sliver')} narrower than {_SLIVER_PIXELS:g} pixels on average.")
    if duplicates:
        remarks.append(
            f"{format_count(duplicates, 'feature is an exact duplicate', 'features are exact duplicates')} of others."
        )
    return remarks


def _overlaps(features: gpd.GeoDataFrame, scene: Scene) -> list[str]:
    """Report how much ground features share, and of which classes."""
    found = overlaps(features)
    if not found.pairs:
        return []
    area = found.area * pixel_ground_area(scene.grid) / scene.grid.pixel_area
    text = f"{format_count(found.pairs, 'pair')} of features overlap, over {format_area(area)}"
    if found.largest is not None:
        names = [scene.legend.names[c] if c != IGNORE else "ignore" for c in found.largest]
        text += f", {found.differing:,} of them of different classes (largest: {names[0]} / {names[1]})"
    return [f"{text}; the smaller feature wins."]
