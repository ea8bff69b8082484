"""Names of vector files with a layer or a CRS after them: the same wherever such a file is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml

from lulcseg import assess
from lulcseg.cli import main
from lulcseg.scene.file_names import split_layer
from lulcseg.scene.scene import Scene
from lulcseg.scene.scene_files import check_scene_files
from lulcseg.scene.scene_state import scene_state
from tests.conftest import CRS, LEFT, RES, TOP, box

Make = Callable[..., Path]


def with_layers(path: Path) -> str:
    """Add a layer to a file, and return the name by which its first one is read."""
    layer = gpd.list_layers(path)["name"][0]
    gpd.GeoDataFrame({"class": ["Bare"]}, geometry=[box(0, 0, 1, 1)], crs=CRS).to_file(path, layer="other", mode="a")
    return f"{path.name}|layername={layer}"


def as_table(path: Path) -> str:
    """Write a file's features as CSV, and return the name by which it is read."""
    frame = gpd.read_file(path)
    frame.drop(columns="geometry").assign(wkt=frame.to_wkt()["geometry"]).to_csv(path.with_suffix(".csv"), index=False)
    return f"{path.stem}.csv|crs={CRS}"


@pytest.mark.parametrize("rename", [with_layers, as_table])
def test_labels_and_points_of_a_scene(make_scene: Make, cache: Path, rename: Callable[[Path], str]) -> None:
    path = make_scene()
    before = Scene.open(str(path), cache)
    labels, points = before.labels, before.points
    assert labels is not None
    expected = labels.read(before.grid.window)
    content = yaml.safe_load(path.read_text())
    for section in ("labels", "points"):
        content[section]["file"] = rename(path.parent / content[section]["file"])
    path.write_text(yaml.safe_dump(content))
    check_scene_files(str(path))
    scene = Scene.open(str(path), cache)
    assert scene.labels is not None
    np.testing.assert_array_equal(scene.labels.read(scene.grid.window), expected)
    assert points.drop(columns="geometry").equals(scene.points.drop(columns="geometry"))
    stated = dict(content)
    for section in ("labels", "points"):
        file, layer, crs = split_layer(content[section]["file"])
        stated[section] = content[section] | {"file": file, "layer": layer} | ({} if crs is None else {"crs": crs})
    path.write_text(yaml.safe_dump(stated))
    assert scene_state(Scene.open(str(path), cache)) == scene_state(scene), "the same by any name"


def test_what_is_assessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = np.random.default_rng(3).choice(np.array([10, 20], np.uint8), (30, 40))
    profile: dict[str, Any] = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": CRS, "nodata": 255}
    place = rasterio.Affine(RES, 0, LEFT, 0, -RES, TOP)
    with rasterio.open(tmp_path / "map.tif", "w", height=30, width=40, transform=place, **profile) as out:
        out.write(codes, 1)
    x, y = LEFT + (np.arange(40) + 0.5) * RES, np.full(40, TOP - 0.5 * RES)
    gpd.GeoDataFrame({"class": codes[0]}, geometry=gpd.points_from_xy(x, y), crs=CRS).to_file(tmp_path / "pts.gpkg")
    table, layer = as_table(tmp_path / "pts.gpkg"), with_layers(tmp_path / "pts.gpkg")
    frame = gpd.read_file(tmp_path / "pts.gpkg", layer="pts")
    frame.assign(geometry=frame.buffer(RES / 2)).to_file(tmp_path / "map.gpkg")
    polygons = with_layers(tmp_path / "map.gpkg")
    for name in (table, layer):
        for mapped in ("map.tif", polygons):
            main(["assess", str(tmp_path / mapped), str(tmp_path / name)])
            assert "kappa 1.000" in capsys.readouterr().out
        assert assess(tmp_path / "map.tif", str(tmp_path / name)).scores.kappa == 1
    with pytest.raises(SystemExit):
        main(["assess", str(tmp_path / "map.tif"), str(tmp_path / layer), "--layer", "other"])
    assert "the reference: layer is 'other', and 'pts' after the name of the file; name it once" in (
        capsys.readouterr().err
    )
