"""Which files of a scene are missing is said without opening any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.scene.scene_files import check_scene_files

Make = Callable[..., Path]
NAMED: dict[str, Any] = {
    "imagery.files": {"imagery": {"files": ["image.tif", "none.tif"]}},
    "imagery.stac": {"imagery": {"stac": "none.json"}},
    "imagery.dsm.files": {
        "imagery": [{"name": "rgb", "files": ["image.tif"]}, {"name": "dsm", "files": ["none*.tif"]}]
    },
    "labels.file": {"labels": {"file": "none.gpkg", "column": "class", "uncovered": "Bare"}},
    "labels.rasters": {"labels": {"rasters": ["none.tif"]}},
    "points.file": {"points": {"file": "none.csv", "crs": "EPSG:28355"}},
    "boundary": {"boundary": "none.gpkg|layername=work"},
}


@pytest.mark.parametrize("key", NAMED)
def test_a_missing_file_is_named_with_its_key(make_scene: Make, key: str) -> None:
    path = make_scene(**NAMED[key])
    with pytest.raises(LulcsegError, match=f"{path}: {key}: there is no file '{path.parent}/none"):
        check_scene_files(str(path))


def test_what_is_there_or_elsewhere_or_made_passes(make_scene: Make, tmp_path: Path) -> None:
    check_scene_files(str(make_scene(boundary="labels.gpkg|layername=labels")))
    elsewhere = {"imagery": {"files": ["https://host/a.tif"]}, "boundary": "s3://bucket/a.gpkg"}
    check_scene_files(str(make_scene("elsewhere", **elsewhere)))
    (tmp_path / "made.yaml").write_text(yaml.safe_dump({"synthetic": {"size": 65536}}))
    check_scene_files(str(tmp_path / "made.yaml"))
    with pytest.raises(LulcsegError, match="there is no scene"):
        check_scene_files("nowhere")
