"""Vector files and what their class values mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
from shapely import MultiPoint, Point, box

from lulcseg.errors import LulcsegError
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.scene.file_names import split_layer
from lulcseg.scene.points import read_points
from lulcseg.scene.spec import PointsSpec
from lulcseg.scene.vectors import class_indices, class_named, crosswalk_table, read_vector, value_text

CRS = "EPSG:28355"
LEGEND = Legend(
    tuple(
        LandClass(code, name, "#000000") for code, name in enumerate(["Bare", "Trees", "Water", "Tree Crop - Mature"])
    )
)


def write_points(path: Path, values: list[Any], **columns: list[Any]) -> Path:
    geometry = [Point(350_000 + i, 8_000_000) for i in range(len(values))]
    gpd.GeoDataFrame({"class": values, **columns}, geometry=geometry, crs=CRS).to_file(path)
    return path


def points_of(path: Path, values: list[Any], labels: dict[Any, str], own: dict[Any, str] | None = None) -> list[int]:
    spec = PointsSpec(file=path.name, crosswalk=own or {})
    frame = read_points(spec, write_points(path, values), CRS, LEGEND, labels)
    return [int(i) for i in frame["class_index"]]


def test_points_without_a_crosswalk_take_the_labels_own(tmp_path: Path) -> None:
    labels = {11: "Bare", 12: "Trees", 13: "Water"}
    assert points_of(tmp_path / "p.gpkg", [11, 12, 13, 12], labels) == [0, 1, 2, 1]
    assert points_of(tmp_path / "q.gpkg", ["11", "Trees", "3"], labels) == [0, 1, 3], "names and codes it doesn't know"


def test_points_that_read_both_ways_are_refused(tmp_path: Path) -> None:
    """Codes 1…3 of the labels' file are other classes in the legend: off by one, if taken as codes."""
    labels = {1: "Bare", 2: "Trees", 3: "Water"}
    with pytest.raises(LulcsegError, match=r"p\.gpkg: column class: '1' .*'Bare'.*'Trees'.*points\.crosswalk"):
        points_of(tmp_path / "p.gpkg", [1, 2, 3], labels)
    assert points_of(tmp_path / "q.gpkg", [1, 2, 3], labels, own=labels) == [0, 1, 2]
    same = {"1": "Trees", "x": "Water"}
    assert points_of(tmp_path / "r.gpkg", ["1", "x", "2"], same) == [1, 2, 2], "both ways agree"
    assert points_of(tmp_path / "s.gpkg", ["2", "Bare"], {"1": "Bare", "2": "Water"}) == [2, 0], "'1' isn't there"


def test_a_second_choice_that_reads_both_ways_is_refused_too(tmp_path: Path) -> None:
    path = write_points(tmp_path / "p.gpkg", ["Bare", "Bare"], other=["1", None])
    spec = PointsSpec(file="p.gpkg", second="other")
    with pytest.raises(LulcsegError, match=r"column other: '1'"):
        read_points(spec, path, CRS, LEGEND, {"1": "Bare"})


def test_a_partial_crosswalk_leaves_the_names(tmp_path: Path) -> None:
    crosswalk: dict[Any, str] = {"Avocado": "Tree Crop - Mature", 7: "ignore", 8.0: "Water"}
    values = pd.Series(["Avocado", "Bare", "7", "8", None])
    assert class_indices(values, LEGEND, crosswalk, "f").tolist() == [3, 0, IGNORE, 2, -1]
    with pytest.raises(LulcsegError, match=r"class '2' \(1 features\) is not in the legend"):
        class_indices(pd.Series(["Bare", "2"]), LEGEND, crosswalk, "f")
    assert class_indices(pd.Series(["Bare", "Water"]), LEGEND, {"Bare": "Trees"}, "f").tolist() == [1, 2]


def test_a_name_goes_before_a_code() -> None:
    legend = Legend((LandClass(1, "2", "#000000"), LandClass(2, "1", "#000000"), LandClass(3, "x", "#000000")))
    assert class_indices(pd.Series([1.0, 2.0, 3.0, np.nan]), legend, {}, "f").tolist() == [1, 0, 2, -1]


def test_a_class_named_in_a_setting() -> None:
    assert class_named("Trees", LEGEND, "labels.uncovered") == 1
    assert class_named("ignore", LEGEND, "labels.uncovered") == IGNORE
    with pytest.raises(LulcsegError) as caught:
        class_named("Tres", LEGEND, "s.yaml: labels.uncovered")
    assert str(caught.value) == "s.yaml: labels.uncovered: there is no class 'Tres'; did you mean 'Trees'?"
    with pytest.raises(LulcsegError, match="the crosswalk maps 'a' to 'Tres'"):
        crosswalk_table(LEGEND, {"a": "Tres"}, "f")


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (3, "3"), (2.5, "2.5"), (" Road ", "Road"), ("", None), (None, None), (np.nan, None)],
)
def test_a_cell_as_text(value: object, text: str | None) -> None:
    assert value_text(value) == text


def test_layers(tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    frame = gpd.GeoDataFrame({"class": ["Bare"]}, geometry=[Point(1, 1)], crs=CRS)
    frame.to_file(path, layer="first")
    pyogrio.write_dataframe(pd.DataFrame({"note": ["x"]}), tmp_path / "one.gpkg", layer="a_table")
    frame.to_file(tmp_path / "one.gpkg", layer="places")
    assert len(read_vector(tmp_path / "one.gpkg", None, CRS, ["class"])) == 1, "one layer has geometry"
    frame.assign(**{"class": ["Water"]}).to_file(path, layer="second")
    with pytest.raises(
        LulcsegError, match=r"two\.gpkg: it has 2 layers with geometries \(first, second\); name one as labels\.layer"
    ):
        read_vector(path, None, CRS, ["class"], key="labels.layer")
    assert read_vector(path, "second", CRS, ["class"])["class"].tolist() == ["Water"]
    with pytest.raises(LulcsegError, match="did you mean 'second'"):
        read_vector(path, "secnd", CRS, ["class"])


def test_its_own_crs_and_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "p.gpkg"
    gpd.GeoDataFrame({"class": ["Bare"], "b": [1]}, geometry=[Point(147, -18)], crs="EPSG:4326").to_file(path)
    own = read_vector(path, None, None, None)
    assert (own.crs.to_string(), sorted(own.columns), own.attrs) == ("EPSG:4326", ["b", "class", "geometry"], {})
    warped = read_vector(path, None, CRS, ["class"])
    assert (warped.crs.to_string(), list(warped.columns)) == (CRS, ["class", "geometry"])
    assert warped.attrs["warped_from"] == "EPSG:4326"


def test_multipoints_of_one_point_are_points(tmp_path: Path) -> None:
    single, several = MultiPoint([(1, 2)]), MultiPoint([(1, 2), (3, 4)])
    gpd.GeoDataFrame({"class": ["Bare"]}, geometry=[single], crs=CRS).to_file(tmp_path / "p.gpkg")
    frame = read_points(PointsSpec(file="p.gpkg"), tmp_path / "p.gpkg", CRS, LEGEND, {})
    assert frame.geometry.tolist() == [Point(1, 2)]
    gpd.GeoDataFrame({"class": ["Bare"]}, geometry=[several], crs=CRS).to_file(tmp_path / "q.gpkg")
    with pytest.raises(LulcsegError, match="other than points"):
        read_points(PointsSpec(file="q.gpkg"), tmp_path / "q.gpkg", CRS, LEGEND, {})
    gpd.GeoDataFrame({"class": ["Bare"]}, geometry=[box(0, 0, 1, 1)], crs=CRS).to_file(tmp_path / "b.gpkg")
    assert read_vector(tmp_path / "b.gpkg", None, CRS, []).geometry[0].equals(box(0, 0, 1, 1))


def test_a_layer_may_follow_the_file(tmp_path: Path) -> None:
    assert split_layer("a b/farm.gpkg|layername=area of work") == ("a b/farm.gpkg", "area of work", None)
    path = write_points(tmp_path / "p.gpkg", ["Bare"])
    gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)], crs=CRS).to_file(path, layer="other", mode="a")
    with pytest.raises(LulcsegError, match=r"2 layers .*; name one: .*<file>\|layername=<layer>"):
        read_vector(path, None, None, None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Cafe\u0301", "Caf\u00e9"),
        ("Caf\u00e9", "Cafe\u0301"),
        ("Tree\u00a0Crop", "Tree Crop"),
        ("Tree Crop", "Tree\u202fCrop"),
    ],
)
def test_names_that_look_alike_are_one(written: str, meant: str) -> None:
    names = [LandClass(1, meant.replace("\u202f", " "), "#000000"), LandClass(2, "Other", "#ffffff")]
    legend = Legend(tuple(names))
    assert class_indices(pd.Series([written, "Other"]), legend, {}, "here").tolist() == [0, 1]
    assert class_indices(pd.Series([7]), legend, {"7": written}, "here").tolist() == [0]
    assert class_named(written, legend, "here") == 0


def test_codes_as_text_may_have_leading_zeros() -> None:
    assert class_indices(pd.Series(["00", "03", "1", 2.0]), LEGEND, {}, "here").tolist() == [0, 3, 1, 2]
    assert class_indices(pd.Series(["07", "7"]), LEGEND, {"7": "Bare", "07": "Water"}, "here").tolist() == [2, 0]


def test_measures_of_geometries_are_dropped_without_a_librarys_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    text = 'id,class,WKT\n1,Bare,"POINT M (350000 8000000 7)"\n'
    (tmp_path / "m.csv").write_text(text)
    (tmp_path / "m.vrt").write_text(
        "<OGRVRTDataSource><OGRVRTLayer name='m'><SrcDataSource relativeToVRT='1'>m.csv</SrcDataSource>"
        "<GeometryType>wkbPointM</GeometryType><LayerSRS>EPSG:28355</LayerSRS>"
        "<GeometryField encoding='WKT' field='WKT'/></OGRVRTLayer></OGRVRTDataSource>"
    )
    frame = read_vector(tmp_path / "m.vrt", None, CRS, ["class"])
    assert frame.geometry[0].equals(Point(350_000, 8_000_000))
    assert not [str(w.message) for w in recwarn if "Measured" in str(w.message)]


def test_a_shapefile_in_utf8_without_its_encoding_is_told(tmp_path: Path) -> None:
    legend = Legend([LandClass(1, "Café", "#000000"), LandClass(2, "Other", "#ffffff")])
    frame = gpd.GeoDataFrame({"class": ["Café"]}, geometry=[Point(0, 0)], crs=CRS)
    frame.to_file(tmp_path / "p.shp", encoding="utf-8")
    (tmp_path / "p.cpg").unlink()
    values = read_vector(tmp_path / "p.shp", None, CRS, ["class"])["class"]
    with pytest.raises(LulcsegError, match=r"is 'Café' in UTF-8, read in another encoding; put a file .*\.cpg"):
        class_indices(values, legend, {}, "p.shp")
