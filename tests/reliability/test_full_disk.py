"""Vector files on a disk that is full: none is half-written, and each ends in one sentence.

GDAL is stopped as a full disk stops it, before or after it has written to the file; where this process may mount a file
system of a few kilobytes (``LULCSEG_TORTURE``), a disk is really full.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
from pyogrio.errors import DataSourceError, FeatureError

from lulcseg.errors import LulcsegError
from lulcseg.files import replacing
from lulcseg.sampling import plan_file
from lulcseg.scene.layer_writing import write_layer
from lulcseg.scene.synthetic.write import write_landscape
from tests.conftest import CRS, box

FULL = FeatureError("Could not add feature to layer at index 7: database or disk is full\nsecond line")


def rows(number: int) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"x": range(number)}, geometry=[box(i, i, 9, 9) for i in range(number)], crs=CRS)


def write_alone(path: Path) -> None:
    with replacing(path) as part:
        write_layer(rows(3000), part, "x")


def write_plan(path: Path) -> None:
    plan_file.write(path, {"patches": rows(3000)}, {"digest": "x"})


def write_land(path: Path) -> None:
    write_landscape(path, size=128)


@pytest.mark.parametrize("error", [FULL, DataSourceError("Failed to commit transaction")])
@pytest.mark.parametrize("write", [write_alone, write_plan, write_land])
def test_nothing_is_left_of_what_could_not_be_written(
    write: Callable[[Path], None], error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pyogrio.write_dataframe

    def write_and_stop(frame: gpd.GeoDataFrame, path: Path, *arguments: Any, **settings: Any) -> None:
        real(frame.iloc[:5], path, *arguments, **settings)
        raise error

    monkeypatch.setattr(pyogrio, "write_dataframe", write_and_stop)
    path = tmp_path / "folder" / "x.gpkg"
    path.parent.mkdir()
    with pytest.raises(LulcsegError) as refused:
        write(path)
    assert str(error).splitlines()[0] in str(refused.value)
    assert str(refused.value).startswith(f"{path}: ")
    assert list(path.parent.iterdir()) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Return a maker of a file system of so many kilobytes."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(kilobytes: int) -> Path:
        subprocess.run(["umount", str(folder)], capture_output=True, check=False)
        words = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            pytest.skip("this process may not mount a file system")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


@pytest.mark.skipif("LULCSEG_TORTURE" not in os.environ, reason="mounts file systems")
@pytest.mark.parametrize("write", [write_alone, write_plan, write_land])
def test_a_disk_that_is_really_full_holds_a_whole_file_or_none(
    write: Callable[[Path], None], tiny_disk: Callable[[int], Path]
) -> None:
    for kilobytes in (16, 64, 100, 150, 300, 500, 560, 600, 1000):
        path = tiny_disk(kilobytes) / "x.gpkg"
        try:
            write(path)
        except LulcsegError:
            assert list(path.parent.iterdir()) == [], kilobytes
        else:
            assert path.is_dir() or len(pyogrio.read_dataframe(path)) == 3000
