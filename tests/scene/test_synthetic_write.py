from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.legend import PAPER_LEGEND, Legend
from lulcseg.scene.synthetic.write import write_landscape

SIZE = 256


@pytest.fixture(scope="module")
def landscapes(tmp_path_factory) -> dict[str, dict[str, Path]]:
    folder = tmp_path_factory.mktemp("landscapes")
    shifts = ("both", "sensor", "landuse", "none")
    return {s: write_landscape(folder / s, size=SIZE, seed=5, points=400, shift=s) for s in shifts}


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read()


def difference(files: dict[str, Path], where: np.ndarray | None = None) -> float:
    """Return how far 2015 is from 2018, on average, in grey values."""
    apart = np.abs(read(files["2018"]).astype(int) - read(files["2015"])).mean(axis=0)
    return float(apart.mean() if where is None else apart[where].mean())


def test_all_files_are_there_and_named(landscapes) -> None:
    files = landscapes["both"]
    assert set(files) == {
        "2018", "2015", "truth_2018", "truth_2015", "polygons_2018", "polygons_2015", "points", "training_ground",
        "heldout_ground", "scene_2018", "scene_2015", "scene_2018_training", "scene_2018_heldout",
        "scene_2015_training", "scene_2015_heldout",
    }  # fmt: skip
    assert {p.name for p in files["2018"].parent.iterdir()} == {p.name for p in files.values()}


def test_rasters_lie_on_one_grid(landscapes) -> None:
    for name in ("2018", "2015", "truth_2018", "truth_2015"):
        with rasterio.open(landscapes["both"][name]) as file:
            assert file.crs.to_epsg() == 28355
            assert file.res == (0.5, 0.5)
            assert file.shape == (SIZE, SIZE)
            assert file.count == (1 if name.startswith("truth") else 3)
            assert file.dtypes[0] == "uint8"
            assert file.bounds.left == 330_000
            assert file.bounds.top == 8_090_000
            if file.count == 1:
                colours = file.colormap(1)
                assert [colours[c][:3] for c in PAPER_LEGEND.codes] == [tuple(c) for c in PAPER_LEGEND.colours.tolist()]
                assert set(np.unique(file.read())) == set(PAPER_LEGEND.codes)


def test_points_carry_the_true_class(landscapes) -> None:
    files = landscapes["both"]
    points = gpd.read_file(files["points"])
    assert len(points) == 400
    assert points.crs.to_epsg() == 28355
    places = np.column_stack([points.geometry.x, points.geometry.y])
    for date in (2018, 2015):
        with rasterio.open(files[f"truth_{date}"]) as truth:
            codes = [int(v[0]) for v in truth.sample(places)]
        names = dict(zip(PAPER_LEGEND.codes, PAPER_LEGEND.names, strict=True))
        assert points[f"class_{date}"].tolist() == [names[c] for c in codes]
    ground = gpd.read_file(files["heldout_ground"]).geometry.union_all()
    assert points["heldout"].tolist() == points.within(ground).tolist()
    assert 0.2 < points["heldout"].mean() < 0.7


def test_scene_files_name_files_beside_them(landscapes) -> None:
    files = landscapes["both"]
    for name in files:
        if not name.startswith("scene_"):
            continue
        scene = yaml.safe_load(files[name].read_text(encoding="utf-8"))
        folder = files[name].parent
        assert scene["name"] == name.replace("scene", "synthetic")
        assert ("boundary" in scene) == name.endswith(("training", "heldout"))
        named = [*scene["imagery"]["files"], scene["labels"]["file"], scene["points"]["file"], scene.get("boundary")]
        assert all((folder / n).is_file() for n in named if n)
        assert scene["labels"]["uncovered"] == "Other"
        assert Legend.from_plain(scene["legend"]) == PAPER_LEGEND
        assert scene["labels"]["column"] in gpd.read_file(folder / scene["labels"]["file"]).columns
        assert scene["points"]["column"] in gpd.read_file(folder / scene["points"]["file"]).columns


def test_neither_shift_gives_the_same_ground_and_nearly_the_same_picture(landscapes) -> None:
    files = landscapes["none"]
    np.testing.assert_array_equal(read(files["truth_2018"]), read(files["truth_2015"]))
    assert 0 < difference(files) < 5


def test_sensor_shift_changes_the_picture_alone(landscapes) -> None:
    files = landscapes["sensor"]
    np.testing.assert_array_equal(read(files["truth_2018"]), read(files["truth_2015"]))
    assert difference(files) > 15
    np.testing.assert_array_equal(read(files["2018"]), read(landscapes["none"]["2018"]))


def test_land_use_shift_changes_the_ground_alone(landscapes) -> None:
    files = landscapes["landuse"]
    changed = (read(files["truth_2018"]) != read(files["truth_2015"]))[0]
    assert 0 < changed.mean() < 0.2
    assert difference(files, where=changed) > 8
    apart = np.abs(read(files["2018"]).astype(int) - read(files["2015"])).mean(axis=0)
    assert np.median(apart[~changed]) < 4


def test_both_shifts_together_hold_both(landscapes) -> None:
    both = landscapes["both"]
    assert difference(both) > 15
    np.testing.assert_array_equal(read(both["truth_2015"]), read(landscapes["landuse"]["truth_2015"]))


def test_same_seed_same_files_other_seed_others(tmp_path: Path) -> None:
    a, b, c = (write_landscape(tmp_path / n, size=128, seed=s, points=50) for n, s in (("a", 9), ("b", 9), ("c", 10)))
    for name in ("2018", "2015", "truth_2018", "truth_2015"):
        np.testing.assert_array_equal(read(a[name]), read(b[name]))
        assert (read(a[name]) != read(c[name])).any()
    for name in ("polygons_2018", "polygons_2015", "points", "training_ground"):
        assert gpd.read_file(a[name]).equals(gpd.read_file(b[name]))


def test_an_empty_folder_is_filled_and_progress_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    out = tmp_path / "deep" / "landscape"
    out.mkdir(parents=True)
    write_landscape(out, size=128, points=10, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    assert [p.name for p in out.parent.iterdir()] == ["landscape"]


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"size": 127}, "size"), ({"points": 0}, "points"), ({"shift": "senser"}, "shift")],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, settings: dict, word: str) -> None:
    with pytest.raises(LulcsegError, match=word):
        write_landscape(tmp_path / "out", **settings)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(LulcsegError, match="not an empty folder"):
        write_landscape(tmp_path, size=128)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LulcsegError, match="file"):
        write_landscape(tmp_path / "file" / "out", size=128)
    with pytest.raises(LulcsegError, match="not an empty folder"):
        write_landscape(tmp_path / "file", size=128)


def test_nothing_is_left_when_it_fails_half_way(tmp_path: Path) -> None:
    def fail(done: int, total: int) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_landscape(tmp_path / "out", size=128, progress=fail)
    assert list(tmp_path.iterdir()) == []
