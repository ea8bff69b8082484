"""The landscape's surface model and near-infrared: of what stands on its ground, and written when asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window, blocks
from lulcseg.scene.scene import Scene
from lulcseg.scene.synthetic import VERSION
from lulcseg.scene.synthetic.heights_infrared import HEIGHTS, near_infrared, surface_heights
from lulcseg.scene.synthetic.layout import lay_out
from lulcseg.scene.synthetic.render import Renderer
from lulcseg.scene.synthetic.sensor import SURVEY_2015, SURVEY_2018
from lulcseg.scene.synthetic.write_sources import SOURCES
from lulcseg.scene.synthetic_scene import landscape_scene

SIDE = 96
"""Of the views, pixels of 2 m: 384 pixels of the mosaic."""


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(lay_out(4 * SIDE, 3), 2018, SURVEY_2018, 3, 6)


@pytest.fixture(scope="module")
def views(renderer: Renderer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return heights, near-infrared and the use of the pixel's middle, by name of its piece's."""
    whole = Window(0, 0, SIDE, SIDE)
    ids = renderer._rasterise(Window(0, 0, 4 * SIDE, 4 * SIDE), [p.polygon for p in renderer.layout.pieces])
    uses = np.array([p.uses[0] for p in renderer.layout.pieces])[ids[2::4, 2::4]]
    return surface_heights(renderer, whole), near_infrared(renderer, 2018, whole), uses


def test_pixels_do_not_depend_on_the_block(renderer: Renderer, views: tuple[np.ndarray, ...]) -> None:
    for block in blocks(Window(10, 7, 60, 55), 37, 41):
        rows, cols = block.slices_in(Window(0, 0, SIDE, SIDE))
        np.testing.assert_array_equal(surface_heights(renderer, block), views[0][rows, cols])
        np.testing.assert_array_equal(near_infrared(renderer, 2018, block), views[1][rows, cols])


def test_what_stands_on_the_ground_is_above_it(renderer: Renderer, views: tuple[np.ndarray, ...]) -> None:
    heights, _, uses = views
    ground = renderer.ground(Window(0, 0, 4 * SIDE, 4 * SIDE))
    rows, cols = Window(0, 0, 4 * SIDE, 4 * SIDE).slices_in(ground.window)
    above = ground.height[rows, cols].reshape(SIDE, 4, SIDE, 4).mean(axis=(1, 3)) / 2
    bare = heights - above  # hills and error alone
    assert np.abs(np.diff(bare, axis=0)).max() < 2, "the hills are steep"
    assert np.corrcoef(above.ravel(), (heights - bare.mean()).ravel())[0, 1] > 0.4
    assert above[np.isin(uses, ["forestry", "riparian", "forest"])].mean() > 3
    assert above[np.isin(uses, ["pasture", "road", "fallow"])].mean() < 1
    assert HEIGHTS[0] < heights.min() < heights.max() < HEIGHTS[1]
    np.testing.assert_array_equal(heights, np.round(heights, 2))


def test_plants_are_bright_in_near_infrared_by_their_kind(views: tuple[np.ndarray, ...]) -> None:
    _, infrared, uses = views
    mean = {use: float(infrared[uses == use].mean()) for use in np.unique(uses)}
    assert mean["creek"] < min(v for use, v in mean.items() if use not in {"creek", "dam"})
    crops, conifers = [v for u, v in mean.items() if u in {"banana", "cane", "vines"}], mean["forestry"]
    assert min(crops) > conifers + 10
    assert infrared.std() > 15


def test_the_dates_differ(renderer: Renderer, views: tuple[np.ndarray, ...]) -> None:
    other = Renderer(renderer.layout, 2015, SURVEY_2015, 3, 7)
    whole = Window(0, 0, SIDE, SIDE)
    assert np.abs(near_infrared(other, 2015, whole).astype(int) - views[1]).mean() > 5
    assert np.median(np.abs(surface_heights(other, whole) - views[0])) < 1, "the hills are the same"


def test_sources_are_written_when_asked_for_and_leave_the_landscape_as_it_is(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    landscape_scene(130, 5, "2018", cache)
    folder = next(path for path in (cache / "synthetic").iterdir() if path.is_dir())
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert not any("sources" in name for name in before)
    file = landscape_scene(130, 5, "2018_training", cache, ["nir", "dsm"])
    assert {n: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir() if (n := p.name) in before} == before
    with rasterio.open(file.parent / "dsm.tif") as dsm, rasterio.open(folder / "2018.tif") as mosaic:
        assert (dsm.res, dsm.shape, dsm.crs) == ((2.0, 2.0), (33, 33), mosaic.crs)
        assert (dsm.bounds.left, dsm.bounds.top) == (mosaic.bounds.left, mosaic.bounds.top)
    scene, alone = Scene.open(str(file), cache), Scene.open(str(folder / "scene_2018_training.yaml"), cache)
    assert (scene.name, scene.grid, scene.ground_area) == (alone.name, alone.grid, alone.ground_area)
    assert [band.name for band in scene.band_table or ()] == ["rgb.1", "rgb.2", "rgb.3", "nir.1", "dsm.1"]
    assert scene.imagery.optical == (0, 1, 2, 3)
    for mine, theirs in zip(scene.imagery.read(scene.grid.window), alone.imagery.read(alone.grid.window), strict=True):
        np.testing.assert_array_equal(mine[: len(theirs)] if theirs.ndim == 3 else mine, theirs)
    assert scene.labels is not None
    assert alone.labels is not None
    np.testing.assert_array_equal(scene.labels.read(scene.grid.window), alone.labels.read(scene.grid.window))
    assert len(scene.points) == len(alone.points)  # type: ignore[arg-type]
    capsys.readouterr()
    stamps = [path.stat().st_mtime_ns for path in sorted(file.parent.iterdir())]
    assert landscape_scene(130, 5, "2018_training", cache, ["nir", "dsm"]) == file
    assert [path.stat().st_mtime_ns for path in sorted(file.parent.iterdir())] == stamps
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("sources", "part"), [(["dms"], "no source 'dms'.*did you mean 'dsm'"), (["dsm", "dsm"], "'dsm' is listed twice")]
)
def test_unknown_sources_are_refused(tmp_path: Path, sources: list[str], part: str) -> None:
    (folder := tmp_path / "synthetic" / f"v{VERSION}_size128_seed1").mkdir(parents=True)
    (folder / "scene_2018.yaml").touch()
    with pytest.raises(LulcsegError, match=part):
        landscape_scene(128, 1, "2018", tmp_path, sources)
    assert set(SOURCES) == {"dsm", "nir"}
