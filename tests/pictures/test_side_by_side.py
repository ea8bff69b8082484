"""Maps side by side: the window that is chosen, pixels and colours of the panels, what is said of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.pictures import side_by_side as module
from lulcseg.pictures import window_choice as choosing
from lulcseg.pictures.class_map import ClassMap, join_classes
from lulcseg.pictures.painting import paint_classes
from lulcseg.pictures.side_by_side import draw_side_by_side
from lulcseg.pictures.window_choice import choose_window, window_around
from lulcseg.scene.scene import Scene
from tests.conftest import LEFT, TOP, write_raster
from tests.support.map_files import map_of, place_of, tagged

Make = Callable[..., Path]
SIZE = (96, 128)


@pytest.fixture
def scene(make_scene: Make, cache: Path) -> Scene:
    return Scene.open(str(make_scene()), cache)


def pair(folder: Path, one: np.ndarray, other: np.ndarray, legend: Legend) -> list[Path]:
    return [map_of(folder / "one.tif", one, legend=legend), map_of(folder / "other.tif", other, legend=legend)]


def chosen(paths: list[Path], size: int, area: Window | None = None) -> Window:
    maps = [ClassMap.open(path) for path in paths]
    grid = maps[0].grid
    return choose_window(maps, join_classes([m.legend for m in maps]), grid, area or grid.window, size)


def inside(window: Window, where: np.ndarray) -> int:
    return int(where[window.row : window.row_end, window.col : window.col_end].sum())


def mixture(window: Window, index: np.ndarray) -> int:
    counts = np.bincount(index[window.row : window.row_end, window.col : window.col_end].ravel(), minlength=256)[:255]
    return int(counts.sum() ** 2 - (counts**2).sum())


def starts(side: int, size: int, block: int) -> list[int]:
    """Return where windows may begin: every block, the last moved inside."""
    blocks = -(-size // block)
    return [
        min(k * block + (blocks * block - size) // 2, side - size)
        for k in range(max(1, -(-side // block) - blocks + 1))
    ]


@pytest.mark.parametrize("read", [(512, 4096), (32, 64)])
@pytest.mark.parametrize("size", [128, 200, 300])
def test_the_window_is_where_the_maps_differ_most(
    tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch, read: tuple[int, int], size: int
) -> None:
    monkeypatch.setattr(choosing, "_READ_ROWS", read[0])
    monkeypatch.setattr(choosing, "_READ_COLS", read[1])
    rng = np.random.default_rng(size)
    one = rng.choice(np.array([0, 1, 2, IGNORE], dtype=np.uint8), (610, 830))
    other = one.copy()
    for _ in range(30):
        r, c = rng.integers(0, 600), rng.integers(0, 820)
        other[r : r + 60, c : c + 60] = rng.choice(np.array([0, 1, IGNORE], dtype=np.uint8))
    where = (one != other) & (one != IGNORE) & (other != IGNORE)
    window = chosen(pair(tmp_path, one, other, scene.legend), size)
    assert (window.height, window.width) == (size, size)
    assert Window(0, 0, 610, 830).contains(window)
    block = max(-(-size // 8), 16)
    all_windows = [Window(r, c, size, size) for r in starts(610, size, block) for c in starts(830, size, block)]
    best = max(inside(w, where) for w in all_windows)
    assert window in all_windows
    # blocks at a window's end may reach beyond it, so that it can lack a little of the most
    assert inside(window, where) >= (best if size % block == 0 else 0.93 * best)
    assert inside(window, where) > 1.5 * np.mean([inside(w, where) for w in all_windows])


def test_of_equals_the_first_is_chosen(tmp_path: Path, scene: Scene) -> None:
    one = np.zeros((400, 400), dtype=np.uint8)
    other = one.copy()
    for r, c in ((300, 20), (20, 300), (20, 150)):
        other[r : r + 16, c : c + 16] = 1
    paths = pair(tmp_path, one, other, scene.legend)
    assert chosen(paths, 64) == Window(0, 112, 64, 64)
    other[200:217, 200:217] = 2  # a little more
    assert chosen(pair(tmp_path, one, other, scene.legend), 64).contains(Window(200, 200, 17, 17))


def test_nodata_differs_from_nothing(tmp_path: Path, scene: Scene) -> None:
    one = np.zeros((400, 400), dtype=np.uint8)
    other = one.copy()
    other[:200] = IGNORE
    other[300:304, 300:304] = 1
    assert chosen(pair(tmp_path, one, other, scene.legend), 64).contains(Window(300, 300, 4, 4))


def test_classes_are_the_same_by_name(tmp_path: Path, scene: Scene) -> None:
    turned = Legend(tuple(dataclasses.replace(c, code=c.code + 1) for c in reversed(scene.legend.classes)))
    one = np.random.default_rng(0).choice(np.array([0, 1, 2], dtype=np.uint8), (300, 300))
    other = 2 - one
    other[200:210, 100:110] = 1
    paths = [map_of(tmp_path / "a.tif", one, legend=scene.legend), map_of(tmp_path / "b.tif", other, legend=turned)]
    window = chosen(paths, 64)
    assert window.contains(Window(200, 100, 10, 10))


@pytest.mark.parametrize("twice", [False, True])
def test_of_one_map_the_richest_mix_is_shown(tmp_path: Path, scene: Scene, twice: bool) -> None:
    index = np.full((500, 500), IGNORE, dtype=np.uint8)
    index[:, :250] = 0
    index[:250, :200:2] = 1  # two classes
    index[300:400:3, 100:200] = 1
    index[301:400:3, 100:200] = 2  # three
    paths = pair(tmp_path, index, index, scene.legend)[: 2 if twice else 1]
    window = chosen(paths, 96)
    options = [Window(r, c, 96, 96) for r in starts(500, 96, 16) for c in starts(500, 96, 16)]
    assert mixture(window, index) == max(mixture(w, index) for w in options) > 0.6 * 96**4
    assert window == max(options, key=lambda w: mixture(w, index))


def test_a_map_of_nothing_has_a_window_all_the_same(tmp_path: Path, scene: Scene) -> None:
    path = map_of(tmp_path / "a.tif", np.full((300, 300), IGNORE, dtype=np.uint8), legend=scene.legend)
    assert chosen([path], 64) == Window(0, 0, 64, 64)


def test_blocks_are_fewer_on_large_maps(tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "_MOST_BLOCKS", 16)
    one = np.zeros((1000, 1000), dtype=np.uint8)
    other = one.copy()
    other[610:640, 860:890] = 1  # in the middle of a block of 250
    window = chosen(pair(tmp_path, one, other, scene.legend), 64)
    assert window == Window(593, 843, 64, 64)


def test_a_window_is_cut_to_what_there_is(tmp_path: Path, scene: Scene) -> None:
    one = np.zeros((60, 200), dtype=np.uint8)
    other = one.copy()
    other[30, 150] = 1
    window = chosen(pair(tmp_path, one, other, scene.legend), 100)
    assert (window.row, window.height, window.width) == (0, 60, 100)
    assert window.col <= 150 < window.col_end


def test_a_window_near_an_edge_is_moved_inside() -> None:
    area = Window(10, 20, 100, 200)
    assert window_around(60, 120, area, 40) == Window(40, 100, 40, 40)
    assert window_around(10, 219, area, 40) == Window(10, 180, 40, 40)
    assert window_around(109, 20, area, 40) == Window(70, 20, 40, 40)
    assert window_around(60, 120, area, 150) == Window(10, 45, 100, 150)


def drawn(tmp_path: Path, scene: Scene, **options):
    """Return two maps' indices and the picture of them."""
    rng = np.random.default_rng(1)
    one = rng.choice(np.array([0, 1, 2, IGNORE], dtype=np.uint8), SIZE)
    other = one.copy()
    other[40:60, 70:100] = rng.choice(np.array([0, 1, 2, IGNORE], dtype=np.uint8), (20, 30))
    paths = pair(tmp_path, one, other, scene.legend)
    tagged(paths[0], mosaic="single")
    tagged(paths[1], mosaic="multiple")
    return one, other, draw_side_by_side(paths, scene, **options)


def test_panels_show_the_same_ground_pixel_for_pixel(tmp_path: Path, scene: Scene) -> None:
    one, other, result = drawn(tmp_path, scene, at=(LEFT + 40.2, TOP - 25.2), size=40)
    assert result.window == Window(30, 60, 40, 40)
    assert result.centre == (LEFT + 40, TOP - 25)
    rows, cols = result.window.slices_in(Window(0, 0, *SIZE))
    picture = np.asarray(result.picture)
    image = np.moveaxis(scene.imagery.read(result.window)[0], 0, -1)
    at = [place_of(np.kron(image, np.ones((8, 8, 1), dtype=np.uint8)), picture)]
    labels = scene.labels.read(result.window)
    assert set(np.unique(labels)) == {0, 1}
    for index in (one[rows, cols], other[rows, cols], labels):
        shown = np.kron(index, np.ones((8, 8), dtype=np.uint8))
        at.append(place_of(paint_classes(shown, scene.legend.classes), picture))
    assert at[0][0] == at[1][0] == at[2][0] < at[3][0]
    assert at[0][1] < at[1][1] < at[2][1]
    assert at[3][1] == at[0][1]

    top, left = at[3][0], at[1][1]  # beside the labels: where they differ
    differing = picture[top : top + 320, left : left + 320][4::8, 4::8]
    where = (one != other)[rows, cols] & (one[rows, cols] != IGNORE) & (other[rows, cols] != IGNORE)
    assert 0 < where.sum() < 600
    assert ((differing == module._DIFFERING).all(axis=-1) == where).all()
    assert (np.ptp(differing[~where], axis=-1) == 0).all()
    assert differing[~where].min() > 170


def test_a_window_of_some_size_is_not_enlarged(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = Scene.open(str(make_scene(size=(400, 420))), cache)
    index = np.random.default_rng(0).choice(np.array([0, 1, 2], dtype=np.uint8), (400, 420))
    result = draw_side_by_side([map_of(tmp_path / "a.tif", index, legend=scene.legend)], scene, size=330)
    rows, cols = result.window.slices_in(Window(0, 0, 400, 420))
    assert result.window.height == result.window.width == 330
    place_of(paint_classes(index[rows, cols], scene.legend.classes), np.asarray(result.picture))


def test_what_is_said_of_the_window(tmp_path: Path, scene: Scene) -> None:
    one, other, result = drawn(tmp_path, scene, size=32)
    rows, cols = result.window.slices_in(Window(0, 0, *SIZE))
    both = (one[rows, cols] != IGNORE) & (other[rows, cols] != IGNORE)
    share = 100 * (both & (one != other)[rows, cols]).sum() / both.sum()
    assert share > 10
    x, y = result.centre
    assert result.about == (
        f"32 × 32 pixels around {x:.10g},{y:.10g}, where the first two maps differ most: "
        f"on {share:.1f} % of the ground that both map."
    )
    _, _, again = drawn(tmp_path, scene, at=result.centre, size=32)
    assert again.window == result.window
    assert again.about == result.about.replace(", where", ":").replace(" most:", "")
    path = tmp_path / "one.tif"
    assert (
        "where the mix of classes is richest: the first two maps differ nowhere"
        in draw_side_by_side([path] * 2, scene).about
    )
    assert draw_side_by_side([path], scene).about.endswith(", where the mix of classes is richest.")
    assert (
        draw_side_by_side([path], scene, at=result.centre, size=32).about == f"32 × 32 pixels around {x:.10g},{y:.10g}."
    )


def test_panels_are_named(tmp_path: Path, scene: Scene) -> None:
    one, _, _ = drawn(tmp_path, scene, size=32)
    maps = [ClassMap.open(tmp_path / name) for name in ("one.tif", "other.tif")]
    part = one[:32, :32]
    ground = module._Ground(scene, Window(0, 0, 32, 32), maps, [part, part], None, scene.legend.classes)
    assert [(p.title, p.about) for p in ground.panels(1)] == [
        ("Imagery, 2018-08-15", "scene"),
        ("Map, single pass", "one.tif"),
        ("Map, multiple pass", "other.tif"),
        ("Where they differ", "nowhere"),
    ]
    ground = dataclasses.replace(ground, maps=[maps[0]] * 3, read=[part] * 3, labels=part)
    assert [p.title for p in ground.panels(1)][-2:] == ["Labels", "Where the first two differ"]
    assert ground.panels(1)[1].about == str(tmp_path / "one.tif")  # of one name: told apart by their paths


def test_the_legend_is_of_what_occurs(tmp_path: Path, scene: Scene) -> None:
    part = np.array([[1, 1], [IGNORE, 1]], dtype=np.uint8)
    ground = module._Ground(scene, Window(0, 0, 2, 2), [], [part], None, scene.legend.classes)
    assert [k.name for k in ground.legend_keys()] == ["Trees", "no class"]
    assert [k.name for k in dataclasses.replace(ground, labels=part * 0).legend_keys()] == ["Bare", "Trees", "no class"]


def test_classes_of_maps_and_scene_are_joined_by_name(tmp_path: Path, scene: Scene) -> None:
    own = Legend((LandClass(1, "Water", "#0000ff"), LandClass(2, "Rock", "#ff0000")))
    rng = np.random.default_rng(0)
    one, other = (rng.integers(0, n, SIZE).astype(np.uint8) for n in (2, 3))
    paths = [map_of(tmp_path / "a.tif", one, legend=own), map_of(tmp_path / "b.tif", other, legend=scene.legend)]
    window = Window(0, 0, 60, 60)
    result = draw_side_by_side(paths, scene, at=(LEFT + 15, TOP - 15), size=60)
    assert result.window == window
    water, rock, bare, trees = (0, 0, 255), (255, 0, 0), (0xC8, 0xA1, 0x65), (0x2D, 0x6A, 0x31)
    labels = scene.labels.read(window)
    assert set(np.unique(labels)) == {0, 1, 2}
    for colours, index in (
        ((water, rock), one[:60, :60]),
        ((bare, trees, water), other[:60, :60]),  # by the first map's blue
        ((bare, trees, water), labels),
    ):
        expected = np.array(colours, dtype=np.uint8)[np.kron(index, np.ones((6, 6), dtype=np.uint8))]
        place_of(expected, np.asarray(result.picture))
    assert [c.name for c in join_classes([own, scene.legend])] == ["Water", "Rock", "Bare", "Trees"]


def test_maps_of_parts_of_the_scene_show_what_they_share(tmp_path: Path, scene: Scene) -> None:
    index = np.random.default_rng(0).choice(np.array([0, 1, 2], dtype=np.uint8), SIZE)
    whole = map_of(tmp_path / "whole.tif", index, legend=scene.legend)
    other = index[20:80, 30:90].copy()
    other[50:55, 50:55] = (other[50:55, 50:55] + 1) % 3
    part = map_of(tmp_path / "part.tif", other, row=20, col=30, legend=scene.legend)
    for paths in ([whole, part], [part, whole]):
        result = draw_side_by_side(paths, scene, size=16)
        assert Window(20, 30, 60, 60).contains(result.window)
        assert result.window.contains(Window(70, 80, 5, 5))
        rows, cols = result.window.slices_in(Window(0, 0, *SIZE))
        there = np.full(SIZE, IGNORE, dtype=np.uint8)
        there[20:80, 30:90] = other
        for expected in (index, there):
            shown = np.kron(expected[rows, cols], np.ones((20, 20), dtype=np.uint8))
            place_of(paint_classes(shown, scene.legend.classes), np.asarray(result.picture))
    assert draw_side_by_side([whole, part], scene).window == Window(20, 30, 60, 60)


def test_no_labels_no_panel(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = Scene.open(str(make_scene(labels=None)), cache)
    index = np.zeros(SIZE, dtype=np.uint8)
    with_labels = Scene.open(str(make_scene("other")), cache)
    path = map_of(tmp_path / "a.tif", index, legend=scene.legend)
    unlabelled = {"file": "labels.gpkg", "column": "class", "uncovered": "ignore"}
    none_here = Scene.open(str(make_scene("third", labels=unlabelled)), cache)
    widths = [
        draw_side_by_side([path], s, at=(LEFT + 54, TOP - 38), size=32).picture.width
        for s in (scene, with_labels, none_here)
    ]
    assert widths == [2 * 320 + 12 + 40, 3 * 320 + 2 * 12 + 40, 2 * 320 + 12 + 40]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"size": 15}, "--size: 15 pixels"),
        ({"size": 2049}, "choose 16 to 2,048"),
        ({"at": (LEFT - 0.1, TOP - 10)}, "outside the ground"),
        ({"at": (LEFT + 64, TOP - 10)}, f"choose E from {LEFT:.10g} to {LEFT + 64:.10g}"),
        ({"at": (LEFT + 10, TOP + 0.1)}, "outside the ground"),
        ({"at": (LEFT + 10, TOP - 48)}, "outside the ground"),
        ({"at": (float("1e300"), TOP)}, "outside the ground"),
    ],
)
def test_bad_windows(tmp_path: Path, scene: Scene, options: dict, part: str) -> None:
    path = map_of(tmp_path / "a.tif", np.zeros(SIZE, dtype=np.uint8), legend=scene.legend)
    with pytest.raises(LulcsegError) as caught:
        draw_side_by_side([path], scene, **options)
    assert part in str(caught.value)
    for at in ((LEFT, TOP), (LEFT + 63.9, TOP - 47.9)):
        draw_side_by_side([path], scene, at=at, size=16)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"left": LEFT + 0.2}, "its pixels (0.5 × 0.5 from 330000.2, 8050000.25) are not the scene's (0.5 × 0.5 from"),
        ({"res": 1.0}, "its pixels (1 × 1 from"),
        ({"crs": "EPSG:28356"}, "is in GDA94 / MGA zone 56, the scene in GDA94 / MGA zone 55"),
        ({"left": LEFT + 500}, "shares no ground with the scene"),
    ],
)
def test_maps_of_other_ground(tmp_path: Path, scene: Scene, options: dict, part: str) -> None:
    good = map_of(tmp_path / "good.tif", np.zeros(SIZE, dtype=np.uint8), legend=scene.legend)
    bad = write_raster(tmp_path / "bad.tif", np.full((1, *SIZE), 10, dtype=np.uint8), **options)
    for paths in ([bad], [good, bad]):
        with pytest.raises(LulcsegError) as caught:
            draw_side_by_side(paths, scene)
        assert part in str(caught.value)
        assert "bad.tif" in str(caught.value)


def test_two_parts_without_common_ground(tmp_path: Path, scene: Scene) -> None:
    parts = [
        map_of(tmp_path / f"{c}.tif", np.zeros((20, 20), dtype=np.uint8), col=c, legend=scene.legend) for c in (0, 40)
    ]
    with pytest.raises(LulcsegError, match="shares no ground with the scene and the maps before it"):
        draw_side_by_side(parts, scene)


def test_captions_have_room_above_narrow_strips(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = Scene.open(str(make_scene(size=(400, 100))), cache)
    path = map_of(tmp_path / "a.tif", np.zeros((400, 50), dtype=np.uint8), legend=scene.legend)
    result = draw_side_by_side([path], scene, size=400)
    assert (result.window.height, result.window.width) == (400, 50)
    assert result.picture.width == 3 * 280 + 2 * 12 + 40
