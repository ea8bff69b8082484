"""Points and polygons in tables: the same as in a GeoPackage, or a sentence says why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import yaml

from lulcseg.assessment.assess_files import assess_files
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.mosaic.region import Region
from lulcseg.scene.check.labels_check import check_labels
from lulcseg.scene.scene import Scene
from lulcseg.scene.scene_state import scene_state
from lulcseg.scene.vectors import read_vector
from tests.conftest import CRS, LEFT, TOP, box, write_raster
from tests.support.file_server import serving

Make = Callable[..., Path]
Edit = Callable[[Path, dict[str, Any]], None]


def as_csv(path: Path, *, text: bool, crs: str = CRS, sep: str = ",") -> str:
    """Write a GeoPackage's features as CSV beside it, with geometry as text or coordinates; return its name."""
    frame = gpd.read_file(path).to_crs(crs)
    table = pd.DataFrame(frame.drop(columns="geometry"))
    if text:
        table["geometry"] = frame.geometry.to_wkt(rounding_precision=-1)
    else:
        names = ("lon", "lat") if crs == "EPSG:4326" else ("X", "Y")
        table[names[0]], table[names[1]] = frame.geometry.x, frame.geometry.y
    table.to_csv(path.with_suffix(".csv"), index=False, sep=sep)
    return path.with_suffix(".csv").name


def csv_labels(folder: Path, content: dict[str, Any]) -> None:
    content["labels"] |= {"file": as_csv(folder / "labels.gpkg", text=True), "crs": CRS}


def csv_points(folder: Path, content: dict[str, Any]) -> None:
    content["points"] |= {"file": as_csv(folder / "points.gpkg", text=False, sep=";"), "crs": CRS}


def points_as_text(folder: Path, content: dict[str, Any]) -> None:
    content["points"] |= {"file": as_csv(folder / "points.gpkg", text=True, sep="\t"), "crs": int(CRS.split(":")[1])}


def parquet(folder: Path, content: dict[str, Any]) -> None:
    for section in ("labels", "points"):
        gpd.read_file(folder / f"{section}.gpkg").to_parquet(folder / f"{section}.parquet")
        content[section]["file"] = f"{section}.parquet"


def plain_parquet(folder: Path, content: dict[str, Any]) -> None:
    pd.read_csv(folder / as_csv(folder / "points.gpkg", text=False)).to_parquet(folder / "points.parquet")
    content["points"] |= {"file": "points.parquet", "crs": CRS}


@pytest.mark.parametrize("edit", [csv_labels, csv_points, points_as_text, parquet, plain_parquet])
def test_a_table_is_what_the_geopackage_is(make_scene: Make, cache: Path, edit: Edit) -> None:
    path = make_scene()
    known = Scene.open(str(path), cache)
    content = yaml.safe_load(path.read_text())
    edit(path.parent, content)
    path.with_name("table.yaml").write_text(yaml.safe_dump(content))
    found = Scene.open(str(path.with_name("table.yaml")), cache)
    for one, other in ((known.points, found.points), (known.polygons(), found.polygons())):
        assert one is not None
        assert other is not None
        assert one.drop(columns="geometry").equals(other.drop(columns="geometry"))
        assert one.geometry.to_wkb().equals(other.geometry.to_wkb())
    assert known.labels is not None
    assert found.labels is not None
    assert np.array_equal(known.labels.read(known.grid.window), found.labels.read(known.grid.window))
    assert check_labels(found).faults == 0


def test_points_in_degrees_lie_where_they_lay(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    content = yaml.safe_load(path.read_text())
    content["points"] |= {"file": as_csv(path.parent / "points.gpkg", text=False, crs="EPSG:4326"), "crs": "EPSG:4326"}
    path.with_name("table.yaml").write_text(yaml.safe_dump(content))
    known, found = (Scene.open(str(each), cache).points for each in (path, path.with_name("table.yaml")))
    assert known is not None
    assert found is not None
    assert known.geometry.distance(found.geometry).max() < 1e-3
    assert found.attrs["warped_from"] == "EPSG:4326"


def test_a_stated_crs_counts_only_where_there_is_none(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    scene = Scene.open(str(path), cache)
    before = scene_state(scene)
    assert "crs" not in before["labels"] | before["points"], "fingerprints of earlier versions stay"
    assert scene.spec.labels is not None
    scene.spec.labels.crs = CRS
    assert scene_state(scene)["labels"]["crs"] == CRS
    assert scene.features is not None
    with pytest.raises(LulcsegError, match=r"crs is stated as EPSG:4326, but the file is in EPSG:.*; leave crs out"):
        read_vector(path.with_name("labels.gpkg"), None, CRS, None, own_crs="EPSG:4326")


def test_cells_are_what_they_look_like(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        '\ufeffclass,code,weight,clear,None,x,y\nNA,01,1.5,yes,None,1,2\n"Cane, ratoon",02,2,no,,,\n', encoding="utf-8"
    )
    frame = read_vector(tmp_path / "a.csv", None, None, None, own_crs=CRS)
    assert frame["class"].tolist() == ["NA", "Cane, ratoon"]
    assert frame["code"].tolist() == ["01", "02"]
    assert frame["weight"].tolist() == [1.5, 2.0]
    assert frame["clear"].tolist() == ["yes", "no"]
    assert frame["None"].isna().tolist() == [False, True]
    assert frame.geometry.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "crs", "message"),
    [
        ("class,x,y\nA,1,2\n", None, r"it has no coordinate reference system; state it: crs: in .*, or <file>\|crs="),
        ("class,x,y\nA,1,2\n", "EPSG:1", "crs 'EPSG:1' is not known; write it as EPSG:28355"),
        ("class,a,b\nA,1,2\n", CRS, r"it has no coordinates \(its columns are class, a, b\); name two columns x and y"),
        ("class,lon,lat\nA,1,2\n", CRS, r"its columns lon, lat don't go with crs GDA.*; state the CRS of these"),
        ("class,lon,lat\nA,-17,145\n", "EPSG:4326", "a latitude is beyond 90 degrees in column lat; exchange"),
        ("class;x;y\nA;1,5;2\n", CRS, r"column x: '1,5' is not a number; write numbers with a point"),
        ("class,WKT\nA,POINT (1 2)\nB,nowhere\n", CRS, "column WKT: row 2, 'nowhere', is not a geometry as text"),
        ("class,x,y\nA,1,2,3,4\n", CRS, "line 2 has 5 cells, and the header 3; put texts"),
        ("class,x,y\n\nA,1\n", CRS, "line 3 has 2 cells, and the header 3"),
        ('class,x,y\n"A,1,2\n', CRS, "it can't be read as CSV"),
        ("class,x,x\nA,1,2\n", CRS, "two columns are named 'x'; rename one of them"),
        ("class,x,y,,\nA,1,2,,\n", CRS, "two columns have no name; rename one of them, or take it out"),
        ("class,x,y,easting,northing\nA,1,2,3,4\n", CRS, "it has coordinates in x, y and in easting, northing; rename"),
        ("", CRS, "it is empty; give a table with a header"),
    ],
)
def test_what_is_no_table_is_a_sentence(tmp_path: Path, text: str, crs: str | None, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(LulcsegError, match=message):
        read_vector(tmp_path / "a.csv", None, None, ["class"], own_crs=crs)


def test_other_sentences(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("class,x,y\nCafé,1,2\n".encode("latin-1"))
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    for name, layer, message in (
        ("a.csv", None, "it is not text in UTF-8"),
        ("a.csv", "b", "it has no layer 'b': a table has none"),
        ("a.parquet", None, "it can't be read as Parquet"),
        ("b.csv", None, "there is no such file"),
    ):
        with pytest.raises(LulcsegError, match=message):
            read_vector(tmp_path / name, layer, None, None, own_crs=CRS)


def test_boundary_and_region_by_a_table(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    area = box(0, 0, 40, 50)
    pd.DataFrame({"geometry": [area.wkt]}).to_csv(path.with_name("area.csv"), index=False)
    content = yaml.safe_load(path.read_text()) | {"boundary": f"area.csv|crs={CRS}"}
    path.with_name("cut.yaml").write_text(yaml.safe_dump(content))
    scene = Scene.open(str(path.with_name("cut.yaml")), cache)
    assert (scene.grid.height, scene.grid.width) == (40, 50)
    region = Region.read(f"{path.with_name('area.csv')}|crs={CRS}", Scene.open(str(path), cache).grid)
    assert (region.window.height, region.window.width) == (40, 50)


def test_assess_by_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = np.repeat(np.array([10, 20], np.uint8), 32)[None, None, :].repeat(64, axis=1)
    write_raster(tmp_path / "map.tif", codes)
    rng = np.random.default_rng(0)
    x, y = LEFT + rng.random(50) * 16, TOP - rng.random(50) * 16
    frame = gpd.GeoDataFrame({"class": rng.choice([10, 20], 50)}, geometry=shapely.points(x, y), crs=CRS)
    frame.to_file(tmp_path / "p.gpkg")
    frame.to_parquet(tmp_path / "p.parquet")
    as_csv(tmp_path / "p.gpkg", text=False)
    known = assess_files(tmp_path / "p.gpkg", tmp_path / "map.tif").confusion
    assert known.sum() > 10
    assert np.array_equal(assess_files(tmp_path / "p.parquet", tmp_path / "map.tif").confusion, known)
    found = assess_files(tmp_path / "p.csv", tmp_path / "map.tif", reference_crs=CRS)
    assert np.array_equal(found.confusion, known)
    main(["assess", str(tmp_path / "map.tif"), str(tmp_path / "p.csv"), "--crs", CRS, "--out", str(tmp_path / "a")])
    assert json.loads((tmp_path / "a.json").read_text())["confusion"] == known.tolist()
    with serving(tmp_path) as server:
        main(["assess", server.url("map.tif"), server.url("p.csv"), "--crs", CRS, "--out", str(tmp_path / "b")])
    assert json.loads((tmp_path / "b.json").read_text())["confusion"] == known.tolist()
    with pytest.raises(SystemExit):
        main(["assess", str(tmp_path / "map.tif"), str(tmp_path / "p.csv")])
    assert "it has no coordinate reference system; state it" in capsys.readouterr().err


def test_a_table_of_numbers_is_not_taken_for_a_grid(tmp_path: Path) -> None:
    """GDAL reads rows of x, y and a number, in order, as a raster."""
    rows = [(LEFT + c + 0.2, TOP - r - 0.2, 10 + 10 * (c > 1)) for r in range(4) for c in range(4)]
    pd.DataFrame(rows, columns=["x", "y", "class"]).to_csv(tmp_path / "p.csv", index=False)
    write_raster(tmp_path / "map.tif", np.full((1, 64, 64), 10, np.uint8))
    found = assess_files(tmp_path / "p.csv", tmp_path / "map.tif", reference_crs=CRS)
    assert found.places == "points"


@pytest.mark.parametrize("header", ["class,x,y,X", "class,X,x,y", "class,x,y,lon,lat"])
def test_columns_are_those_of_exactly_these_names(tmp_path: Path, header: str) -> None:
    cells = {"class": "A", "x": "400000", "y": "8000000", "X": "1", "lon": "145", "lat": "-17"}
    (tmp_path / "a.csv").write_text(f"{header}\n{','.join(cells[name] for name in header.split(','))}\n")
    (point,) = read_vector(tmp_path / "a.csv", None, None, ["class"], own_crs=CRS).geometry
    assert (point.x, point.y) == (400_000, 8_000_000)
