"""The check of a scene: a fault of one part leaves the others standing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.enums import ColorInterp

from lulcseg.scene.check.estimate import estimate
from lulcseg.scene.check.imagery_check import check_imagery
from lulcseg.scene.check.labels_check import check_labels
from lulcseg.scene.check.points_check import check_points
from lulcseg.scene.fill_values import BandRange
from lulcseg.scene.scene import Scene
from tests.conftest import CRS, LEFT, RES, box, write_raster

Make = Callable[..., Path]


def test_class_outside_the_legend_is_a_remark(make_scene: Make, cache: Path) -> None:
    path = make_scene(labels={"rasters": ["c*.tif"]})
    write_raster(path.parent / "c1.tif", np.full((1, 96, 64), 10, np.uint8))
    write_raster(path.parent / "c2.tif", np.full((1, 96, 64), 77, np.uint8), left=LEFT + 64 * RES)
    scene = Scene.open(str(path), cache)
    found = check_labels(scene)
    assert any("c2.tif: value 77 is not in the legend" in remark for remark in found.remarks), found.remarks
    assert found.facts["source"] == "2 class rasters"
    assert check_points(scene).facts["scorable"] == "40"


def test_unknown_class_of_polygons_and_points_is_a_remark(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    for name in ("labels.gpkg", "points.gpkg"):
        frame = gpd.read_file(path.parent / name)
        frame.loc[0, "class"] = "Quarry"
        frame.to_file(path.parent / name)
    scene = Scene.open(str(path), cache)
    assert check_imagery(scene).facts["files"] == "1 file"
    for found in (check_labels(scene), check_points(scene)):
        assert any("'Quarry'" in remark for remark in found.remarks), found
    assert estimate(scene).facts


def test_broken_tile_is_a_remark_that_names_it(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["image.tif", "broken.tif"]})
    broken = write_raster(path.parent / "broken.tif", np.random.default_rng(0).integers(0, 255, (3, 96, 128), np.uint8),
                          left=LEFT + 128 * RES, compress="deflate")  # fmt: skip
    broken.write_bytes(broken.read_bytes()[:20_000])
    found = check_imagery(Scene.open(str(path), cache))
    assert any("broken.tif: it can't be read" in remark for remark in found.remarks), found.remarks
    assert found.facts["files"] == "2 files"


def test_gaps_count_inside_the_boundary_and_with_warped_images(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["image.tif", "b.tif"]}, labels=None, points=None)
    write_raster(path.parent / "b.tif", np.ones((3, 96, 128), np.uint8), left=LEFT + 256 * RES)
    gap = "The images leave 1 gap"
    assert any(gap in remark for remark in check_imagery(Scene.open(str(path), cache)).remarks)
    bounded = make_scene("b", imagery={"files": [str(path.parent / "image.tif"), str(path.parent / "b.tif")]},
                         boundary="area.gpkg", labels=None, points=None)  # fmt: skip
    gpd.GeoDataFrame(geometry=[box(0, 0, 96, 128)], crs=CRS).to_file(bounded.parent / "area.gpkg")
    assert not any("gap" in remark for remark in check_imagery(Scene.open(str(bounded), cache)).remarks)
    # the ground between the two, given in another CRS and reaching further north and south
    between = make_scene("w", imagery={"files": [*(str(path.parent / n) for n in ("image.tif", "b.tif")), "c.tif"]},
                         boundary="area.gpkg", labels=None, points=None)  # fmt: skip
    gpd.GeoDataFrame(geometry=[box(0, 0, 96, 384)], crs=CRS).to_file(between.parent / "area.gpkg")
    write_raster(between.parent / "c.tif", np.ones((3, 140, 180), np.uint8), left=LEFT + 100 * RES,
                 top=8_050_000.25 + 10, crs="EPSG:7855")  # fmt: skip
    scene = Scene.open(str(between), cache)
    assert len(scene.imagery.rasters.warped) == 1
    assert not any("gap" in remark for remark in check_imagery(scene).remarks)


def test_estimate_says_what_it_is_for(make_scene: Make, cache: Path) -> None:
    facts = estimate(Scene.open(str(make_scene()), cache)).facts
    assert "under 1 s on a data-centre GPU" in facts["single-pass map"]
    assert "9,635 patches × 20 epochs" in facts["training as in the paper"]
    assert not any(value.startswith("0 s") or " 0 s " in value for value in facts.values())


@pytest.mark.parametrize("column", ["klass"])
def test_missing_column_is_a_remark(make_scene: Make, cache: Path, column: str) -> None:
    labels = {"file": "labels.gpkg", "column": column, "uncovered": "Bare"}
    found = check_labels(Scene.open(str(make_scene(labels=labels)), cache))
    assert any("did you mean 'class'" in remark for remark in found.remarks)


def test_values_of_bands_are_listed_and_undeclared_fill_is_said(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["f.tif"]}, labels=None, points=None)
    values = np.random.default_rng(0).random((3, 40, 50)).astype(np.float32)
    values[:, :, :7] = np.float32(-3.4028234663852886e38)
    write_raster(path.parent / "f.tif", values)
    found = check_imagery(Scene.open(str(path), cache))
    assert found.facts["values"].startswith("band 1: -3.40282e+38 … 0.99")
    (said,) = [remark for remark in found.remarks if "nothing declares it" in remark]
    assert said.startswith("280 pixels of bands 1, 2, 3 hold -3.40282e+38, which looks like no data")
    nodata = said.rpartition("imagery.nodata: ")[2].rstrip(".")
    path.write_text(path.read_text().replace("imagery:\n", f"imagery:\n  nodata: {nodata}\n"))
    found = check_imagery(Scene.open(str(path), cache))
    assert found.facts["without imagery"].startswith("14.00 %")
    assert not [remark for remark in found.remarks if "declares" in remark]


@pytest.mark.parametrize(
    ("values", "fill"),
    [
        ([0.2, 0.9, -9999.0], -9999.0), ([120.0, 300.0, -32768.0], -32768.0), ([1e38, 3.0, 4.0], 1e38),
        ([-9999.0, -9990.0, -9980.0], None), ([0.0, 255.0, 3.0], None), ([-20.0, -3.0, 7.0], None),
    ],
)  # fmt: skip
def test_fill_is_told_from_values(values: list[float], fill: float | None) -> None:
    found = BandRange.of(np.array(values))
    assert found.fill == fill
    parts = [BandRange.of(np.array(values[:1])), BandRange.of(np.array(values[1:]))]
    whole = parts[0].joined(parts[1])
    assert (whole.low, whole.high) == (min(values), max(values))


def test_a_palette_is_read_as_its_colours_and_said(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["p.tif"]}, labels=None, points=None)
    write_raster(path.parent / "p.tif", np.ones((1, 9, 9), np.uint8))
    with rasterio.open(path.parent / "p.tif", "r+") as out:
        out.write_colormap(1, {1: (255, 0, 0, 255)})
    found = check_imagery(Scene.open(str(path), cache))
    assert found.facts["bands in the first file"] == "1 red, 2 green, 3 blue: the colours of its palette"
    assert found.facts["values"] == "band 1: 255 … 255; band 2: 0 … 0; band 3: 0 … 0"
    assert not any("palette" in remark for remark in found.remarks)
    path.write_text(path.read_text().replace("imagery:\n", "imagery:\n  palette: index\n"))
    found = check_imagery(Scene.open(str(path), cache))
    assert found.facts["bands in the first file"] == "1 palette"
    assert found.facts["values"] == "band 1: 1 … 1"


def test_a_palette_beside_other_bands_is_said(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["p.tif"]}, labels=None, points=None)
    write_raster(path.parent / "p.tif", np.ones((2, 9, 9), np.uint8), photometric="MINISBLACK")
    with rasterio.open(path.parent / "p.tif", "r+") as out:
        out.colorinterp = [ColorInterp.palette, ColorInterp.undefined]
    remarks = check_imagery(Scene.open(str(path), cache)).remarks
    assert any("1 image holds numbers of a palette beside other bands" in remark for remark in remarks), remarks


def test_a_class_too_small_for_the_pixels_is_said_and_gets_no_patches(make_scene: Make, cache: Path) -> None:
    path = make_scene(points=None)
    frame = gpd.read_file(path.parent / "labels.gpkg")
    frame = frame[frame["class"] == "Trees"]
    tiny = [
        shapely.box(LEFT + c + 0.3, 8_050_000.25 - 20.45, LEFT + c + 0.45, 8_050_000.25 - 20.3) for c in range(5, 45)
    ]
    small = gpd.GeoDataFrame({"class": ["Water"] * 40}, geometry=tiny, crs=CRS)
    pd.concat([frame, small], ignore_index=True).to_file(path.parent / "labels.gpkg")
    scene = Scene.open(str(path), cache)
    assert scene.labels is not None
    assert 2 not in scene.labels.read(scene.grid.window)
    features = scene.polygons()
    assert features is not None
    assert set(features["class_index"]) == {0, 1}
    found = check_labels(scene)
    (said,) = [
        remark for remark in found.remarks if "No polygon of Water covers the centre of a pixel of 0.5 m" in remark
    ]
    assert said in scene.notes
    counts = {row["class"]: row["features"] for row in found.table}
    assert counts == {"Bare": 1, "Trees": len(frame), "Water": 40}
    assert found.facts["features"].startswith(f"{40 + len(frame)} of {40 + len(frame)} in the file and the uncovered")
    assert "40 features smaller than 4 pixels." in found.remarks
    tiny[3] = shapely.box(LEFT + 5.3, 8_050_000.25 - 20.45, LEFT + 5.9, 8_050_000.25 - 19.9)
    small = gpd.GeoDataFrame({"class": ["Water"] * 40}, geometry=tiny, crs=CRS)
    pd.concat([frame, small], ignore_index=True).to_file(path.parent / "labels.gpkg")
    features = Scene.open(str(path), cache).polygons()
    assert features is not None
    assert (features["class_index"] == 2).sum() == 40


def test_the_class_of_uncovered_ground_has_its_pixels_however_small_its_polygons(make_scene: Make, cache: Path) -> None:
    path = make_scene(points=None)
    frame = gpd.read_file(path.parent / "labels.gpkg")
    tiny = shapely.box(LEFT + 5.3, 8_050_000.25 - 20.45, LEFT + 5.45, 8_050_000.25 - 20.3)
    small = gpd.GeoDataFrame({"class": ["Bare"]}, geometry=[tiny], crs=CRS)
    pd.concat([frame[frame["class"] == "Trees"], small], ignore_index=True).to_file(path.parent / "labels.gpkg")
    scene = Scene.open(str(path), cache)
    assert scene.legend.names[scene.uncovered] == "Bare"
    assert scene.vanished == []
    assert not any("covers the centre" in remark for remark in check_labels(scene).remarks)


def test_empty_geometries_are_left_out_without_a_librarys_warning(make_scene: Make, cache: Path) -> None:
    path = make_scene(points=None)
    frame = gpd.read_file(path.parent / "labels.gpkg")
    none = gpd.GeoDataFrame({"class": ["Trees", "Trees"]}, geometry=[shapely.Polygon(), None], crs=CRS)
    pd.concat([frame, none], ignore_index=True).to_file(path.parent / "labels.gpkg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = Scene.open(str(path), cache).features
    assert features is not None
    assert len(features) == len(frame)


def test_every_feature_of_the_file_is_counted_once(make_scene: Make, cache: Path) -> None:
    labels = {"file": "labels.gpkg", "column": "class", "uncovered": "ignore", "crosswalk": {"Fence": "ignore"}}
    path = make_scene(labels=labels, boundary="area.gpkg", points=None)
    gpd.GeoDataFrame(geometry=[box(0, 0, 96, 100)], crs=CRS).to_file(path.parent / "area.gpkg")
    drawn = [
        ("Trees", box(0, 0, 40, 40)), ("Water", box(5, 5, 20, 20)),
        ("Bare", box(10, 10, 5, 10)), ("Bare", box(10, 10, 5, 4)), ("Bare", box(10, 14, 5, 6)),  # the last two hide it
        ("Bare", box(0, 100, 9, 9)),  # beside the boundary, touching it
        ("Water", box(500, 500, 9, 9)), ("Fence", box(50, 50, 9, 9)), ("Fence", box(500, 0, 9, 9)),
        ("Trees", shapely.Polygon()), ("Trees", shapely.Polygon([(LEFT, 8e6), (LEFT + 9, 8e6), (LEFT, 8e6)])),
    ]  # fmt: skip
    gpd.GeoDataFrame({"class": [name for name, _ in drawn]}, geometry=[shape for _, shape in drawn], crs=CRS).to_file(
        path.parent / "labels.gpkg"
    )
    found = check_labels(Scene.open(str(path), cache))
    assert found.facts["features"].startswith("4 of 11 in the file, ")
    assert sum(row["features"] for row in found.table) == 4
    for said in (
        "2 features without geometry left out.",
        "3 features outside the imagery left out.",
        "1 feature mapped to 'ignore' by the crosswalk.",
        "1 feature wholly under smaller ones left out.",
    ):
        assert said in found.remarks
