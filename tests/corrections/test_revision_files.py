"""A revision replaces no file, writes all of its files or none, and reads layers as they are named."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest

from lulcseg.cli import main
from lulcseg.corrections.revise_labels import revise_labels
from lulcseg.errors import LulcsegError
from lulcseg.maps.review_form import MAP_REVIEW
from lulcseg.scene.scene import Scene
from tests.conftest import box, write_raster
from tests.support.reviews import filled_in


@pytest.fixture
def review(tmp_path):
    return filled_in(tmp_path / "r.gpkg", MAP_REVIEW, [box(60, 80, 20, 20)], **{"class": ["Water"]})


@pytest.fixture
def polygon_scene(make_scene, cache):
    return Scene.open(str(make_scene()), cache)


@pytest.fixture
def raster_scene(make_scene, cache):
    labels = {"rasters": ["codes.tif"], "crosswalk": {"1": "Bare", "2": "Trees", "3": "Water"}}
    path = make_scene(labels=labels)
    write_raster(path.parent / "codes.tif", np.ones((1, 96, 128), dtype=np.uint8), nodata=255)
    return Scene.open(str(path), cache)


@pytest.mark.parametrize("name", ["v2.gpkg", "v2_difference.gpkg", "v2.txt", "v2"])
def test_a_scene_file_is_named_as_one(polygon_scene, tmp_path, review, name):
    with pytest.raises(LulcsegError, match=r"is not the name of a scene file; give --scene a name that ends in \.yaml"):
        revise_labels(polygon_scene, [review], tmp_path / "v2.gpkg", scene_out=tmp_path / name)
    assert not list(tmp_path.glob("v2*"))


@pytest.mark.parametrize("scene_kind", ["polygon_scene", "raster_scene"])
def test_all_files_are_written_or_none(request, tmp_path, review, scene_kind):
    scene = request.getfixturevalue(scene_kind)
    (tmp_path / "file").write_text("in the way of a folder")
    out = tmp_path / "new" / "er" / ("v2.tif" if scene_kind == "raster_scene" else "v2.gpkg")
    with pytest.raises(LulcsegError, match="it can't be written"):
        revise_labels(scene, [review], out, scene_out=tmp_path / "file" / "v2.yaml")
    assert not (tmp_path / "new").exists(), "folders that were made for it are gone too"


def test_the_file_that_can_not_be_written_is_named(polygon_scene, tmp_path, review, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    for name, file in (
        ("checked_polygons.write_layer", r"v2\.gpkg"),
        ("revise_labels.write_difference", r"v2_difference\.gpkg"),
        ("revise_labels.write_revised_scene", r"v2\.yaml"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(f"lulcseg.corrections.{name}", full)
            with pytest.raises(LulcsegError, match=rf"/{file}: can't be written \(No space left on device\)"):
                revise_labels(polygon_scene, [review], tmp_path / "v2.gpkg", scene_out=tmp_path / "v2.yaml")
        assert not list(tmp_path.glob("*v2*"))


@pytest.mark.parametrize("beside", ["v2.qml", "v2.tif.aux.xml", "v2_difference.gpkg"])
def test_files_beside_a_class_raster_are_not_replaced(raster_scene, tmp_path, review, beside):
    (tmp_path / beside).write_text("mine")
    with pytest.raises(LulcsegError, match=rf"{beside}: it exists already"):
        revise_labels(raster_scene, [review], tmp_path / "v2.tif")
    assert (tmp_path / beside).read_text() == "mine"
    assert [path.name for path in tmp_path.glob("v2*")] == [beside]


def test_a_layer_of_another_name_is_named_after_the_file(make_scene, tmp_path, cache, capsys):
    both = tmp_path / "both.gpkg"
    for name, place in (("ann", box(60, 80, 20, 20)), ("ben", box(70, 80, 5, 5))):
        one = filled_in(tmp_path / f"{name}.gpkg", MAP_REVIEW, [place], **{"class": ["Water"]})
        gpd.read_file(one).to_file(both, layer=name)
    scene, out = str(make_scene()), str(tmp_path / "v2.gpkg")
    command = ["revise", scene, "--cache", str(cache), "--out", out]
    with pytest.raises(SystemExit):
        main([*command, str(both)])
    assert "has 2 layers with geometries (ann, ben); name one: <file>|layername=<layer>." in capsys.readouterr().err
    main([*command, f"{both}|layername=ben"])
    assert gpd.read_file(tmp_path / "v2_difference.gpkg")["pixels"].tolist() == [25]
