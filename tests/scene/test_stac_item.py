"""Imagery by a STAC item, and what the check says of imagery elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.scene.check.imagery_check import check_imagery
from lulcseg.scene.check.labels_check import check_labels
from lulcseg.scene.check.points_check import check_points
from lulcseg.scene.scene import Scene
from lulcseg.scene.scene_state import scene_state
from tests.conftest import CRS, LEFT, RES, TOP, write_raster
from tests.support.file_server import FileServer, serving

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "1")
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.01")


def item(**assets: Any) -> dict[str, Any]:
    """Return a valid item, as pystac writes it; an asset is its href or the whole of it."""
    made = pystac.Item("tile", None, None, datetime(2018, 8, 15, tzinfo=UTC), {})
    for key, asset in assets.items():
        made.add_asset(key, asset if isinstance(asset, pystac.Asset) else pystac.Asset(asset, media_type="image/tiff"))
    return made.to_dict(include_self_link=False)


def imagery(tmp_path: Path, content: Any, **section: Any) -> Scene:
    (tmp_path / "items").mkdir(exist_ok=True)
    (tmp_path / "items" / "item.json").write_text(content if isinstance(content, str) else json.dumps(content))
    section = {"stac": "items/item.json"} | section
    (tmp_path / "scene.yaml").write_text(yaml.safe_dump({"imagery": section}))
    return Scene.open(str(tmp_path / "scene.yaml"), tmp_path / "cache")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "tiles").mkdir()
    return write_raster(tmp_path / "tiles" / "a.tif", np.arange(3 * 64 * 64, dtype=np.uint8).reshape(3, 64, 64))


def test_a_relative_asset_starts_from_the_item(tmp_path: Path, image: Path) -> None:
    scene = imagery(tmp_path, item(visual="../tiles/a.tif", preview="x.png"), assets=["visual"])
    assert [f.path.resolve() for f in scene.image_files] == [image]
    assert imagery(tmp_path, item(visual=str(image))).image_files[0].path == image
    thumbnail = pystac.Asset("x.png", media_type="image/png")
    assert imagery(tmp_path, item(thumbnail=thumbnail, visual=f"file://{image}")).image_files[0].path == image


def test_an_item_and_its_assets_on_a_server(tmp_path: Path, image: Path) -> None:
    with serving(tmp_path) as server:
        content = item(one="../tiles/a.tif", two=server.url("tiles/a.tif"), three="/tiles/a.tif?sig=1")
        (tmp_path / "items").mkdir()
        for name in ("one", "two", "three"):
            scene = imagery(tmp_path, content, stac=server.url("items/item.json?token=1"), assets=[name])
            assert str(scene.image_files[0].path).removesuffix("?…") == server.url("tiles/a.tif")
            with rasterio.open(image) as here:
                assert np.array_equal(scene.imagery.read(scene.grid.window)[0], here.read())
        with pytest.raises(LulcsegError, match=r"none.json: the server answered with HTTP status 404"):
            imagery(tmp_path, content, stac=server.url("none.json"))


def test_tiles_of_an_item_are_a_mosaic_and_its_bands_are_not(tmp_path: Path, image: Path) -> None:
    write_raster(image.with_name("b.tif"), np.zeros((3, 64, 64), np.uint8), left=LEFT + 64 * RES)
    tiles = item(west="../tiles/a.tif", east="../tiles/b.tif", again="../tiles/c.tif")
    assert imagery(tmp_path, tiles, assets=["west", "east"]).grid.width == 128
    write_raster(image.with_name("c.tif"), np.zeros((3, 64, 64), np.uint8))
    with pytest.raises(LulcsegError, match=r"assets: assets west and again cover the same ground; .* not for its band"):
        imagery(tmp_path, tiles, assets=["west", "again"])


@pytest.mark.parametrize(
    ("content", "section", "message"),
    [
        ("no", {}, r"item.json: it is not JSON; give a STAC item"),
        ({"type": "Collection"}, {}, "it is a STAC Collection; give an item"),
        ({"type": "Feature", "assets": [1]}, {}, "it is not a STAC item"),
        (item(red="a.tif", nir="b.tif"), {}, "its assets are red, nir, of which 2 say they are rasters; name one"),
        (item(visual="a.tif"), {"assets": ["visul"]}, "it has no asset 'visul'; did you mean 'visual'"),
        (item(visual="a.tif"), {}, "there is no such file"),
        (item(visual=""), {}, "asset visual: it has no href"),
        (item(visual="a.tif"), {"files": ["a.tif"]}, "imagery.files is given beside imagery.stac"),
        (item(visual="a.tif"), {"stac": None, "assets": ["x"], "files": ["a"]}, "imagery.assets is given without"),
        (item(visual="a.tif"), {"stac": "none.json"}, "none.json: it can't be read"),
    ],
)
def test_what_is_no_item_is_a_sentence(tmp_path: Path, content: Any, section: dict[str, Any], message: str) -> None:
    with pytest.raises(LulcsegError, match=message):
        imagery(tmp_path, content, **section)


@pytest.fixture
def elsewhere(make_scene: Make, tmp_path: Path) -> Iterator[tuple[Path, Path, FileServer]]:
    """A scene here, the same scene with everything on a server, and the server."""
    here = make_scene("here")
    content = yaml.safe_load(here.read_text())
    with serving(here.parent) as server:
        content["imagery"]["files"] = [server.url("image.tif?sig=SECRET")]
        for section in ("labels", "points"):
            content[section]["file"] = server.url(content[section]["file"] + "?sig=SECRET")
        there = tmp_path / "there.yaml"
        there.write_text(yaml.safe_dump(content | {"name": "here"}))
        yield here, there, server


def test_a_scene_elsewhere_is_the_scene_here(elsewhere: tuple[Path, Path, FileServer], cache: Path) -> None:
    here, there = (Scene.open(str(path), cache) for path in elsewhere[:2])
    for known, found in (
        (here.features, there.features),
        (here.points, there.points),
        (here.polygons(), there.polygons()),
    ):
        assert known is not None
        assert found is not None
        assert known.equals(found)
    assert here.labels is not None
    assert there.labels is not None
    assert np.array_equal(here.labels.read(here.grid.window), there.labels.read(here.grid.window))
    state = scene_state(there)
    assert state == scene_state(Scene.open(str(elsewhere[1]), cache))
    assert "SECRET" not in json.dumps(state)
    text = elsewhere[1].read_text()
    (other := elsewhere[1].with_name("signed_anew.yaml")).write_text(text.replace("SECRET", "MORE"))
    assert scene_state(Scene.open(str(other), cache)) == state


def test_vector_files_elsewhere_are_told_by_their_content(
    elsewhere: tuple[Path, Path, FileServer], cache: Path
) -> None:
    here, there, server = elsewhere
    server.tell(validators=False)
    known = scene_state(Scene.open(str(here), cache))["vectors"]
    assert scene_state(Scene.open(str(there), cache))["vectors"] == known


def test_the_check_says_what_a_run_fetches(elsewhere: tuple[Path, Path, FileServer], cache: Path) -> None:
    here, there, _ = elsewhere
    assert "elsewhere" not in check_imagery(Scene.open(str(here), cache)).facts
    scene = Scene.open(str(there), cache)
    found = check_imagery(scene)
    size = (here.parent / "image.tif").stat().st_size
    assert found.facts["elsewhere"].startswith(f"1 of 1 file ({size / 1000:.3g} kB) at 127.0.0.1:")
    assert "with reading.decoded=true once, kept as" in found.facts["fetched"]
    assert not any("stored" in remark for remark in found.remarks), "it is small"
    parts = [found, check_labels(scene), check_points(scene)]
    assert [part.faults for part in parts] == [0, 0, 0]
    assert "SECRET" not in str(parts)


def test_the_check_names_images_that_are_laid_out_badly(tmp_path: Path) -> None:
    profile = {"transform": rasterio.Affine(RES, 0, LEFT, 0, -RES, TOP), "crs": CRS, "dtype": "uint8", "count": 1}
    with rasterio.open(tmp_path / "wide.tif", "w", driver="GTiff", width=2100, height=8, **profile) as out:
        out.write(np.ones((1, 8, 2100), np.uint8))
    with serving(tmp_path) as server:
        (tmp_path / "scene.yaml").write_text(yaml.safe_dump({"imagery": {"files": [server.url("wide.tif")]}}))
        found = check_imagery(Scene.open(str(tmp_path / "scene.yaml"), tmp_path / "cache"))
    rows, overviews = (remark for remark in found.remarks if "stored" in remark)
    assert rows.startswith("1 image elsewhere (wide.tif) is stored by whole rows, not by tiles")
    assert overviews.startswith("1 image elsewhere (wide.tif) is stored without overviews")


def test_class_rasters_elsewhere(make_scene: Make, cache: Path) -> None:
    codes = np.where(np.arange(128) < 50, 10, 20).astype(np.uint8)[None, None, :].repeat(96, axis=1)
    here = make_scene("here", labels={"rasters": ["c.tif"]})
    write_raster(here.parent / "c.tif", codes)
    with serving(here.parent) as server:
        content = yaml.safe_load(here.read_text()) | {"labels": {"rasters": [server.url("c.tif")]}}
        here.with_name("there.yaml").write_text(yaml.safe_dump(content))
        known, found = (Scene.open(str(path), cache) for path in (here, here.with_name("there.yaml")))
        assert known.labels is not None
        assert found.labels is not None
        assert np.array_equal(known.labels.read(known.grid.window), found.labels.read(known.grid.window))
        assert scene_state(found)["class_rasters"][0][:2] == ["c.tif", (here.parent / "c.tif").stat().st_size]
        (here.parent / "c.tif").rename(here.parent / "d.tif")
        with pytest.raises(LulcsegError, match=r"/c.tif: the server answered with HTTP status 404"):
            scene_state(found)
