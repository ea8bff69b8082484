"""Maps that are cut off or damaged, wherever one is read: drawn, or refused in one sentence."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.maps.classraster import LEGEND_TAG, ClassRaster, carried_legend, codes_in
from tests.conftest import LEGEND, write_raster

CASES = 6 * int(os.environ.get("LULCSEG_TORTURE", "1"))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    codes = np.random.default_rng(0).choice(np.array([10, 20, 30], np.uint8), (1, 96, 128))
    plain = write_raster(tmp_path / "plain.tif", codes, nodata=255)
    with rasterio.open(plain, "r+") as data:
        data.update_tags(**{LEGEND_TAG: json.dumps(LEGEND)})
    path = tmp_path / "map.tif"
    rasterio.shutil.copy(plain, path, driver="COG", compress="deflate")  # as maps are written: pixels at the end
    return path


def commands(path: Path, scene: Path, folder: Path) -> dict[str, list[str]]:
    return {
        "quicklook": ["quicklook", str(path), "--out", str(folder / "q.png")],
        "beside": ["beside", str(path), "--scene", str(scene), "--size", "64", "--out", str(folder / "b.png")],
        "reference": ["reference", str(path), "--out", str(folder / "r.gpkg"), "--points", "300"],
        "assess": ["assess", str(path), str(scene.parent / "points.gpkg")],
    }


def exit_code(words: list[str]) -> object:
    try:
        main(words)
    except SystemExit as left:
        return left.code
    return 0


@pytest.mark.parametrize("name", ["quicklook", "beside", "reference", "assess"])
def test_a_map_that_is_cut_off_is_refused_by_name(
    make_scene: Callable[..., Path], whole: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scene, path = make_scene(), tmp_path / "cut.tif"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    with pytest.raises(SystemExit) as left:
        main(commands(path, scene, tmp_path)[name])
    assert left.value.code == 2
    assert f"{path}: it can't be read to its end: damaged or cut off" in capsys.readouterr().err
    assert not (tmp_path / "r.gpkg").exists()


def test_any_damage_is_read_or_refused(make_scene: Callable[..., Path], whole: Path, tmp_path: Path) -> None:
    scene, rng, bytes_of_it = make_scene(), random.Random(11), whole.read_bytes()
    path = tmp_path / "damaged.tif"
    for case in range(CASES):
        content = bytearray(bytes_of_it[: rng.randrange(len(bytes_of_it))] if case % 3 == 0 else bytes_of_it)
        for _ in range(rng.randrange(1, 20)):
            content[rng.randrange(min(len(content), 600 if case % 3 == 1 else 10**9))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        (tmp_path / "r.gpkg").unlink(missing_ok=True)
        for words in commands(path, scene, tmp_path).values():
            assert exit_code(words) in {0, 2}, words


@pytest.mark.parametrize("read", [carried_legend, codes_in])
def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    loop = tmp_path / "loop.tif"
    loop.symlink_to(loop)
    with pytest.raises(LulcsegError, match="no such file"):
        read(loop)


def test_the_damaged_one_of_two_open_rasters_is_named(whole: Path, tmp_path: Path) -> None:
    from lulcseg.grid import Window
    from lulcseg.legend import Legend

    path = tmp_path / "cut.tif"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    legend = Legend.from_plain(LEGEND)
    with ClassRaster(path, legend) as cut, ClassRaster(whole, legend), pytest.raises(LulcsegError, match=r"cut\.tif"):
        cut.read(Window(0, 0, 96, 128))
