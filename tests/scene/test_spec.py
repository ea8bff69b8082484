"""Scene files as people write them: YAML's own types, slips, and the example of the documentation."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import yaml
from rasterio.errors import NotGeoreferencedWarning

from lulcseg.errors import LulcsegError
from lulcseg.scene.scene import Scene
from lulcseg.scene.spec import read_scene
from tests.conftest import CRS, box, write_raster
from tests.support.checkout import ROOT

Make = Callable[..., Path]


def rewrite(path: Path, **changes: object) -> str:
    content = yaml.safe_load(path.read_text()) | changes
    path.write_text(yaml.safe_dump({k: v for k, v in content.items() if v is not None}, allow_unicode=True))
    return str(path)


def test_dates_and_numbers_need_no_quotes(make_scene: Make, cache: Path) -> None:
    path = make_scene(labels={"rasters": ["classes.tif"], "crosswalk": {"1": "Bare"}}, points=None)
    write_raster(path.parent / "classes.tif", np.ones((1, 96, 128), np.uint8))
    text = path.read_text().replace("'2018-08-15'", "2018-08-15").replace("'1'", "1")
    assert "date: 2018-08-15" in text
    assert "1: Bare" in text
    path.write_text(text)
    scene = Scene.open(str(path), cache)
    assert scene.date == "2018-08-15"
    assert (scene.labels.read(scene.grid.window) == 0).all()
    rewrite(path, date=2018)
    assert Scene.open(str(path), cache).date == "2018"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"labels": "labels.gpkg"}, r"labels is not a section of settings"),
        ({"imagery": "image.tif"}, r"imagery is not a section of settings"),
        ({"points": ["points.gpkg"]}, r"points is not a section of settings"),
        ({"legend": [{"code": "a", "name": "x", "colour": "#000000"}] * 2}, "code 'a' of 'x' is not a whole number"),
        ({"resolution": -1}, "resolution=-1.* is below"),
        ({"resolution": 0}, "resolution=0.* is below"),
        ({"name": "../esc"}, "name '../esc' can't be part of a file name"),
        ({"name": "a\\b"}, "can't be part of a file name"),
        ({"name": ".."}, "can't be part of a file name"),
        ({"crs": "EPSG:999999"}, "crs 'EPSG:999999' is not known"),
        ({"crs": 28355.5}, "crs is not read as text"),
        ({"synthetic": {"size": 256}}, "other keys than name beside synthetic"),
    ],
)
def test_slips_get_a_sentence(make_scene: Make, cache: Path, changes: dict[str, object], part: str) -> None:
    with pytest.raises(LulcsegError, match=part) as caught:
        Scene.open(rewrite(make_scene(), **changes), cache)
    assert "\n" not in str(caught.value)
    assert not cache.exists()


def test_synthetic_alone_must_be_settings(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "s.yaml").write_text("synthetic: 5")
    with pytest.raises(LulcsegError, match="synthetic is not a section of settings"):
        Scene.open(str(tmp_path / "s.yaml"), cache)


def test_home_is_expanded(make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_scene(imagery={"files": ["~/image.tif", "~/im*.tif"]}, legend="~/legend.yaml", points=None, labels=None)
    (path.parent / "legend.yaml").write_text(
        "legend: [{code: 0, name: A, colour: '#000000'}, {code: 1, name: B, colour: '#ffffff'}]"
    )
    monkeypatch.setenv("HOME", str(path.parent))
    scene = Scene.open(str(path), cache)
    assert [f.path.name for f in scene.image_files] == ["image.tif"]
    assert scene.legend.names == ["A", "B"]


def test_picture_without_place_gets_a_sentence_and_no_warning(make_scene: Make, cache: Path) -> None:
    path = make_scene(imagery={"files": ["p.png"]}, labels=None, points=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        write_raster(path.parent / "p.png", np.ones((3, 8, 8), np.uint8), driver="PNG", crs=None, transform=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LulcsegError, match=r"p\.png: it has no coordinate reference system"):
            Scene.open(str(path), cache)


def test_example_of_the_documentation_opens(tmp_path: Path, cache: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "scene.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "scene.yaml").write_text(example[1], encoding="utf-8")
    (tmp_path / "mosaic").mkdir()
    write_raster(tmp_path / "mosaic" / "a.tif", np.full((4, 96, 128), 9, np.uint8))
    areas = gpd.GeoDataFrame({"class": ["Avocado", "Lychee"]}, geometry=[box(0, 0, 9, 9), box(20, 20, 9, 9)], crs=CRS)
    areas.to_file(tmp_path / "polygons.gpkg", layer="landuse")
    areas.to_file(tmp_path / "area.gpkg")
    given = {"class": ["Other", "Tree Crop - Mature"], "class2": [None, "Other"], "clear": ["yes", "no"]}
    gpd.GeoDataFrame(given, geometry=shapely.centroid(areas.geometry.to_numpy()), crs=CRS).to_file(
        tmp_path / "points.gpkg"
    )
    file = read_scene(str(tmp_path / "scene.yaml"), cache=cache)
    assert file.name == "tablelands2018"
    scene = Scene.open(str(tmp_path / "scene.yaml"), cache)
    assert scene.bands == 3
    assert sorted(set(scene.polygons()["class_index"])) == [0]
    assert scene.points["reason"].tolist() == ["", "not interpretable"]


def test_notes_say_what_was_assumed_and_warped(make_scene: Make, cache: Path) -> None:
    path = make_scene()
    assert Scene.open(str(path), cache).notes == [
        "1 pair of polygons overlaps, over 9.86 % of their ground: the smaller one wins."
    ]
    for name in ("labels.gpkg", "points.gpkg"):
        gpd.read_file(path.parent / name).to_crs("EPSG:4326").to_file(path.parent / name)
    notes = " ".join(Scene.open(str(path), cache).notes)
    assert "Polygons were warped from EPSG:4326" in notes
    assert "Points were warped from EPSG:4326" in notes
    rewrite(path, crs="EPSG:28354", legend=None, points=None, labels={"rasters": ["image.tif"]})
    notes = " ".join(Scene.open(str(path), cache).notes)
    assert "1 image off the scene's grid is warped" in notes
    assert "No legend is given: the paper's nine classes are assumed" in notes
