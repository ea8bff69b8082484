"""Pictures of whole maps: the legend's colours at their places, shares, scale bars, imagery at the left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from matplotlib import colormaps

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.pictures import map_content
from lulcseg.pictures import map_sheet as module
from lulcseg.pictures.canvas import EDGE
from lulcseg.pictures.map_content import read_classes, read_values
from lulcseg.pictures.map_sheet import draw_quicklook
from lulcseg.pictures.painting import paint_classes
from lulcseg.scene.scene import Scene
from tests.conftest import write_raster
from tests.support.map_files import LEGEND, map_of, place_of, scattered, squares, tagged, values_of

Make = Callable[..., Path]


def test_a_small_map_is_drawn_in_squares_of_its_own_colours(tmp_path: Path) -> None:
    index = scattered(20, 30)
    picture = np.asarray(draw_quicklook(map_of(tmp_path / "a.tif", index), width=400))
    shown = squares(index, 12)  # 360 pixels are free for 30
    top, left = place_of(paint_classes(shown, LEGEND.classes), picture)
    panel = picture[top : top + 240, left : left + 360]
    for k, colour in enumerate(((0, 255, 0), (0x33, 0x33, 0x33), (0xC0, 0xC0, 0xF0))):
        assert (panel[shown == k] == colour).all()
    assert set(np.unique(panel[shown == IGNORE])) == {234, 255}  # chequers, of neither class's colour
    assert (left, picture.shape[1]) == (EDGE, 400)


@pytest.mark.parametrize("overviews", [(), (2, 4)])
def test_a_large_map_is_reduced_to_the_commonest_class(tmp_path: Path, overviews: tuple[int, ...]) -> None:
    index = np.zeros((1120, 560), dtype=np.uint8)
    index[:, 280:] = 2
    index[2::4, 2::4] = 1  # the middle of every cell, yet nowhere the commonest
    index[560:, :280] = IGNORE
    picture = np.asarray(draw_quicklook(map_of(tmp_path / "a.tif", index, overviews=overviews), width=320))
    expected = np.zeros((280, 140), dtype=np.uint8)
    expected[:, 70:] = 2
    expected[140:, :70] = IGNORE
    assert place_of(paint_classes(expected, LEGEND.classes), picture)[1] == EDGE


def test_a_large_map_is_read_through_its_overviews(tmp_path: Path) -> None:
    path = map_of(tmp_path / "a.tif", np.zeros((1024, 1024), dtype=np.uint8), overviews=(2, 4))
    with rasterio.open(path, "r+") as raster:  # the overviews stay as they were
        raster.write(np.full((1024, 1024), 30, dtype=np.uint8), 1)
    picture = np.asarray(draw_quicklook(path, width=320))
    assert (picture[200, EDGE : EDGE + 280] == (0, 255, 0)).all()


def test_shares_are_of_the_mapped_ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = np.full((100, 1000), 2, dtype=np.uint8)
    index[:20] = IGNORE
    index[20:60] = 0
    index[20, 0] = 1
    path = map_of(tmp_path / "a.tif", index)
    content = read_classes(path, None, 500, 500)
    notes = [(key.colour, key.name, key.note) for key in content.keys]
    assert notes == [
        ("#00ff00", "Cane", "50.0 %"),
        ("#333333", "Road", "< 0.1 %"),
        ("#c0c0f0", "Other", "50.0 %"),
        (None, "no class", ""),
    ]
    assert content.note == "Shares of the ground that is mapped; 20.0 % of the extent has no class."
    monkeypatch.setattr(map_content, "_MOST_COUNTED", 99_999)
    content = read_classes(path, None, 500, 500)
    assert [key.note for key in content.keys] == ["50.0 %", "–", "50.0 %", ""]  # one pixel of Road is in no picture
    assert "in this picture" in content.note


def test_what_the_tags_tell_stands_below_the_name(tmp_path: Path) -> None:
    path = map_of(tmp_path / "a.tif", scattered(20, 30))
    assert module.describe_map(read_classes(path, None, 100, 100)) == "20 rows × 30 columns"
    tagged(path, scene="farm", date="2018-08-15", mosaic="single_patch")
    about = module.describe_map(read_classes(path, None, 100, 100))
    assert about == "farm · 2018-08-15 · single pass, scaled over the patch · 20 rows × 30 columns"


def test_values_are_drawn_on_a_ramp(tmp_path: Path) -> None:
    steps = np.array([[0, 125, 250, 255], [250, 250, 0, 50]], dtype=np.uint8)
    picture = np.asarray(draw_quicklook(values_of(tmp_path / "a.tif", steps), width=320))
    side = 280 // 4
    colours = np.rint(colormaps["viridis"](np.minimum(steps / 250, 1))[..., :3] * 255).astype(np.uint8)
    top, left = place_of(np.kron(colours[1:], np.ones((side, side, 1), dtype=np.uint8)), picture)
    assert left == EDGE
    assert (picture[top - 1, left : left + side] == colours[0, 0]).all()
    assert set(np.unique(picture[top - side : top, left + 3 * side : left + 4 * side])) == {234, 255}
    content = read_values(tmp_path / "a.tif", 100, 100)
    assert content.ramp == "confidence"
    assert content.note.startswith("Mean 0.53; from 0.00 to 1.00 on nine tenths")
    bar = np.rint(colormaps["viridis"](np.linspace(0, 1, 280))[:, :3] * 255).astype(np.uint8)
    assert place_of(bar[None].repeat(16, axis=0), picture)[0] > top + side


def test_values_are_averaged_without_nodata(tmp_path: Path) -> None:
    steps = np.full((560, 560), 150, dtype=np.uint8)
    steps[:, ::2] = 50
    steps[::2] = IGNORE
    content = read_values(values_of(tmp_path / "a.tif", steps, None), 280, 280)
    expected = np.rint(np.array(colormaps["viridis"](0.8)[:3]) * 255)
    assert (content.pixels == expected).all()
    assert content.top == 0.5  # of what the ramp may end at, the least that holds them all
    assert content.ramp == "a"


def test_the_ramp_ends_where_next_to_no_values_lie_beyond(tmp_path: Path) -> None:
    steps = np.full((100, 100), 5, dtype=np.uint8)
    steps[0, :50] = 250
    content = read_values(values_of(tmp_path / "a.tif", steps), 100, 100)
    assert content.top == 0.05
    assert content.note.startswith("Mean 0.025; from 0.020 to 0.020 on nine tenths")
    last, shown = colormaps["viridis"](1.0)[:3], colormaps["viridis"](0.4)[:3]
    assert (content.pixels[0, 0] == np.rint(np.array(last) * 255)).all()
    assert (content.pixels[5, 5] == np.rint(np.array(shown) * 255)).all()
    nothing = values_of(tmp_path / "b.tif", np.full((20, 20), IGNORE, dtype=np.uint8))
    assert read_values(nothing, 100, 100).top == 1.0


def test_imagery_stands_at_the_left_of_its_own_ground(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    index = scattered(40, 50)
    path = map_of(tmp_path / "a.tif", index, row=30, col=60)  # its code 50 is none of the scene's
    picture = np.asarray(draw_quicklook(path, scene=scene, width=500))
    factor = (500 - 2 * EDGE - 12) // 2 // 50
    assert factor == 4
    image = np.moveaxis(scene.imagery.read(Window(30, 60, 40, 50))[0], 0, -1)
    place = place_of(np.kron(image, np.ones((4, 4, 1), dtype=np.uint8)), picture)
    mapped = place_of(paint_classes(squares(index, 4), LEGEND.classes), picture)
    assert place[0] == mapped[0]
    assert place[1] + 200 < mapped[1] < place[1] + 220


def test_imagery_is_reduced_as_the_map_is(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = Scene.open(str(make_scene(size=(300, 451))), cache)
    path = map_of(tmp_path / "a.tif", np.zeros((300, 451), dtype=np.uint8))
    content = read_classes(path, scene.legend, 280, 134)
    imagery = module._imagery_of(scene, path, content)
    assert imagery.shape == content.pixels.shape == (89, 134, 3)
    brown, green = imagery[-20:, -20:].mean(axis=(0, 1)), imagery[35:40, :60].mean(axis=(0, 1))
    np.testing.assert_allclose(brown, (180, 140, 90), atol=4)
    np.testing.assert_allclose(green, (40, 110, 50), atol=4)


def test_a_map_without_a_legend_takes_its_scenes(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    codes = np.random.default_rng(0).choice(np.array([10, 20, 30], dtype=np.uint8), (96, 128))
    path = write_raster(tmp_path / "a.tif", codes[None])
    with pytest.raises(LulcsegError, match="carries no legend"):
        draw_quicklook(path)
    picture = np.asarray(draw_quicklook(path, scene=scene, width=320))
    assert place_of(paint_classes((codes // 10 - 1), scene.legend.classes), picture)[1] > 160


@pytest.mark.parametrize("width", [320, 1000])
def test_many_long_names_stay_on_the_page(tmp_path: Path, width: int) -> None:
    classes = [LandClass(i, f"Irrigated horticulture, of kind {i}, mature and bearing", "#808080") for i in range(40)]
    path = map_of(tmp_path / f"{'long' * 30}.tif", scattered(30, 30), legend=Legend(tuple(classes)))
    picture = np.asarray(draw_quicklook(path, width=width))
    assert picture.shape[1] <= width
    for margin in (picture[:, : EDGE - 2], picture[:, -EDGE + 2 :], picture[-EDGE + 4 :]):
        assert (margin == 255).all()


def test_imagery_of_other_ground_is_refused(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = Scene.open(str(make_scene()), cache)
    path = map_of(tmp_path / "a.tif", scattered(20, 20), col=128)
    with pytest.raises(LulcsegError, match="shares no ground with the scene"):
        draw_quicklook(path, scene=scene)
