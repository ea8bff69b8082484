from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone

import pystac
import pytest
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rasterio.crs import CRS
from rasterio.warp import transform_bounds
from shapely.geometry import Polygon, box, shape

import lulcseg
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend
from lulcseg.maps.stac import stac_item

LEGEND = Legend(
    (
        LandClass(10, "Trees & <vines>", "#1020ab"),
        LandClass(0, "Été", "#ff0000"),
        LandClass(200, "草地", "#00ff00"),
        LandClass(4, "trees – vines", "#c8c4b7"),
    )
)
GRID = Grid("EPSG:28355", 312_345.5, 8_071_234.25, 2.0, 1.5, 13_000, 11_000)
MADE = datetime(2026, 3, 4, 15, 6, 7, 891, tzinfo=timezone(timedelta(hours=10)))
NAMES = {
    "map": "map.tif",
    "probabilities": "map_probabilities.tif",
    "confidence": "map_confidence.tif",
    "entropy": "map_entropy.tif",
    "disagreement": "map_disagreement.tif",
    "polygons": "vector/map.gpkg",
    "review": "review.gpkg",
    "areas": "areas.csv",
}
RASTERS = ("map", "probabilities", "confidence", "entropy", "disagreement")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "out" / "vector").mkdir(parents=True)
    paths = {key: tmp_path / "out" / name for key, name in NAMES.items()}
    for size, path in enumerate(paths.values(), start=1):
        path.write_bytes(b"x" * size)
    return paths


@pytest.fixture
def made(files, tmp_path):
    def make(**settings):
        defaults = {
            "grid": GRID,
            "legend": LEGEND,
            "assets": files,
            "folder": tmp_path / "out",
            "date": "2018-06",
            "created": MADE,
            "properties": {"checkpoint_sha256": "ab12", "passes": "multiple", "batch": 8},
        }
        return json.loads(json.dumps(stac_item("map-1", "A map", **(defaults | settings))))

    return make


def test_it_is_a_valid_item_for_another_reader(made):
    plain = made()
    item = pystac.Item.from_dict(plain, migrate=False)
    schema = JsonSchemaSTACValidator().validate_core(plain, pystac.STACObjectType.ITEM, "1.1.0")
    assert schema.endswith("v1.1.0/item-spec/json-schema/item.json")
    assert (item.id, item.properties["title"], item.common_metadata.title) == ("map-1", "A map", "A map")
    assert item.common_metadata.created == MADE.astimezone(UTC).replace(microsecond=0)
    assert item.properties["processing:software"] == {"lulcseg": lulcseg.__version__}
    assert item.properties["lulcseg:checkpoint_sha256"] == "ab12"
    assert item.properties["lulcseg:batch"] == 8
    assert set(item.assets) == set(NAMES)


def test_a_broken_item_would_not_pass(made):
    plain = made()
    del plain["properties"]["start_datetime"]
    with pytest.raises(pystac.errors.STACValidationError):
        JsonSchemaSTACValidator().validate_core(plain, pystac.STACObjectType.ITEM, "1.1.0")


@pytest.mark.parametrize("crs", ["EPSG:28355", CRS.from_epsg(28355).to_wkt()])
def test_the_grid_is_in_the_projection_fields(made, crs):
    plain = made(grid=Grid(crs, *(getattr(GRID, f) for f in ("left", "top", "xres", "yres", "height", "width"))))
    read = ProjectionExtension.ext(pystac.Item.from_dict(plain))
    assert read.code == "EPSG:28355"
    assert (read.epsg, read.wkt2) == (28355, None)
    assert read.shape == [13_000, 11_000]
    assert read.transform == [2.0, 0.0, 312_345.5, 0.0, -1.5, 8_071_234.25]
    assert read.bbox == [312_345.5, 8_071_234.25 - 19_500, 312_345.5 + 22_000, 8_071_234.25]


def test_a_crs_without_a_code_goes_in_as_wkt2(made):
    crs = "+proj=laea +lat_0=-17.4 +lon_0=145.9 +ellps=GRS80 +units=m"
    read = ProjectionExtension.ext(pystac.Item.from_dict(made(grid=Grid(crs, -50, 50, 1, 1, 100, 100))))
    assert read.code is None
    assert read.item.to_dict()["properties"]["proj:code"] is None, "said, not left out"
    assert read.wkt2.startswith("PROJCRS[")
    assert CRS.from_wkt(read.wkt2) == CRS.from_user_input(crs)


def test_the_footprint_is_the_grid_bent_into_longitude_and_latitude(made):
    plain = made()
    expected = transform_bounds(CRS.from_user_input(GRID.crs), "EPSG:4326", *GRID.bounds(), densify_pts=200)
    assert plain["bbox"] == pytest.approx(expected, abs=2e-6)
    (ring,) = plain["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    outline = shape(plain["geometry"])
    assert outline.is_valid
    assert outline.exterior.is_ccw
    assert outline.bounds == tuple(plain["bbox"])
    assert outline.area == pytest.approx(box(*expected).area, rel=0.03)


def test_long_sides_are_curved(made):
    """A side 600 km long strays kilometres from the line between its corners (worked out by other code, rasterio)."""
    wide = Grid("EPSG:28355", 200_000, 6_000_000, 1000, 1000, 600, 600)
    outline = shape(made(grid=wide)["geometry"])
    left, bottom, right, top = transform_bounds(CRS.from_epsg(28355), "EPSG:4326", *wide.bounds(), densify_pts=500)
    assert outline.bounds == pytest.approx((left, bottom, right, top), abs=2e-4)
    corners = Polygon(outline.exterior.coords[::20])
    assert len(corners.exterior.coords) == 5
    assert corners.hausdorff_distance(outline) > 0.02  # degrees; about 2 km


@pytest.mark.parametrize("crs", ["EPSG:0", "nonsense"])
def test_a_crs_that_cannot_be_read_is_said(made, crs):
    with pytest.raises(LulcsegError, match="longitude and latitude"):
        made(grid=Grid(crs, 0, 0, 1, 1, 1, 1))


def test_a_grid_off_the_earth_is_said(made):
    with pytest.raises(LulcsegError, match="not defined"):
        made(grid=Grid("EPSG:28355", 1e9, 1e9, 1, 1, 100, 100))


@pytest.mark.parametrize(
    ("date", "at", "start", "end"),
    [
        ("2018", None, "2018-01-01T00:00:00Z", "2018-12-31T23:59:59Z"),
        ("2018-06", None, "2018-06-01T00:00:00Z", "2018-06-30T23:59:59Z"),
        ("2018-12", None, "2018-12-01T00:00:00Z", "2018-12-31T23:59:59Z"),
        ("2020-02", None, "2020-02-01T00:00:00Z", "2020-02-29T23:59:59Z"),
        ("2018-06-12", "2018-06-12T00:00:00Z", "2018-06-12T00:00:00Z", "2018-06-12T23:59:59Z"),
        ("2018-06-28/2018-07", None, "2018-06-28T00:00:00Z", "2018-07-31T23:59:59Z"),
        ("2018-06-12T08:30:00+10:00", "2018-06-11T22:30:00Z", None, None),
        ("2018-06-12 08:30:00", "2018-06-12T08:30:00Z", None, None),
    ],
)
def test_dates(made, date, at, start, end):
    plain = made(date=date)
    properties = plain["properties"]
    assert properties["datetime"] == at
    assert (properties.get("start_datetime"), properties.get("end_datetime")) == (start, end)
    assert "lulcseg:datetime_is" not in properties
    JsonSchemaSTACValidator().validate_core(plain, pystac.STACObjectType.ITEM, "1.1.0")
    assert pystac.Item.from_dict(plain).get_datetime() == (at and datetime.fromisoformat(at))


@pytest.mark.parametrize("date", [None, "winter 2018", "2018-13", "2018-06-31", "20180612", "2019/2018", "", "0000"])
def test_without_a_date_the_time_of_making_stands_and_is_said(made, date):
    plain = made(date=date)
    assert plain["properties"]["datetime"] == plain["properties"]["created"] == "2026-03-04T05:06:07Z"
    assert "start_datetime" not in plain["properties"]
    said = plain["properties"]["lulcseg:datetime_is"]
    assert said.startswith("the time of making")
    assert (date or "date") in said
    JsonSchemaSTACValidator().validate_core(plain, pystac.STACObjectType.ITEM, "1.1.0")


def test_the_legend_is_in_the_classification_fields(made):
    asset = pystac.Item.from_dict(made()).assets["map"]
    classes = ClassificationExtension.ext(asset).classes
    assert [(c.value, c.title, c.color_hint, c.nodata) for c in classes] == [
        (10, "Trees & <vines>", "1020AB", None),
        (0, "Été", "FF0000", None),
        (200, "草地", "00FF00", None),
        (4, "trees – vines", "C8C4B7", None),
        (255, "No data", None, True),
    ]
    names = [c.name for c in classes]
    assert names == ["trees-vines", "ete", "class-3", "trees-vines-4", "nodata"]
    assert all(re.fullmatch(r"[0-9A-Za-z_-]+", name) for name in names)


def test_short_names_stay_apart(made):
    names = ["a b", "a-b", "a b 2", "nodata", "class", "!", "?"]
    legend = Legend(tuple(LandClass(code, name, "#000000") for code, name in enumerate(names)))
    classes = made(legend=legend)["assets"]["map"]["classification:classes"]
    short = [c["name"] for c in classes]
    assert len(set(short)) == len(names) + 1
    assert [c["title"] for c in classes[:-1]] == names


def test_rasters_say_how_values_are_stored(made):
    assets = made()["assets"]
    for key in RASTERS:
        assert (assets[key]["data_type"], assets[key]["nodata"]) == ("uint8", 255)
        assert assets[key].get("raster:scale") == (None if key == "map" else 0.004)
    assert [b["name"] for b in assets["probabilities"]["bands"]] == ["trees-vines", "ete", "class-3", "trees-vines-4"]
    assert [b["description"] for b in assets["probabilities"]["bands"]] == LEGEND.names
    for key in ("confidence", "entropy", "disagreement"):
        assert [b["name"] for b in assets[key]["bands"]] == [key]
    assert assets["map"]["bands"] == [{"name": "class"}]
    assert not any("bands" in assets[key] for key in ("polygons", "review", "areas"))


def test_assets_are_found_beside_the_item(made, tmp_path, files):
    plain = made()
    item = pystac.Item.from_dict(plain, href=str(tmp_path / "out" / "map.json"))
    types = {"tif": pystac.MediaType.COG, "gpkg": pystac.MediaType.GEOPACKAGE, "csv": "text/csv"}
    for key, asset in item.assets.items():
        assert asset.href == f"./{NAMES[key]}"
        assert asset.get_absolute_href() == files[key].as_posix()
        assert asset.media_type == types[NAMES[key].rsplit(".")[-1]]
        assert FileExtension.ext(asset).size == files[key].stat().st_size
        assert asset.title
        assert asset.roles[0] in ("data", "metadata")
    assert made(folder=tmp_path / "stac")["assets"]["polygons"]["href"] == "./../out/vector/map.gpkg"


def test_extensions_are_those_in_use(made, files):
    everything = {url.split("/")[3]: url.split("/")[4] for url in made()["stac_extensions"]}
    assert everything == {
        "classification": "v2.0.0",
        "file": "v2.1.0",
        "processing": "v1.2.0",
        "projection": "v2.0.0",
        "raster": "v2.0.0",
    }
    item = pystac.Item.from_dict(made(), migrate=False)
    assert all(item.ext.has(name) for name in ("classification", "file", "proj"))
    few = made(assets={"polygons": files["polygons"]})["stac_extensions"]
    assert [url.split("/")[3] for url in few] == ["file", "processing", "projection"]


def test_an_unknown_asset_is_a_mistake(made, files):
    with pytest.raises(KeyError, match="thumbnail"):
        made(assets={"thumbnail": files["map"]})
