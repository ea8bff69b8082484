"""Scene files of the real imagery lead to it from their own folder, however the data's folder is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.checkout import ROOT

DATA = ROOT.parent / "shared" / "data"


@pytest.mark.skipif(not (DATA / "dubai" / "tile1.tif").is_file(), reason="the real imagery isn't here")
def test_a_relative_folder_of_data_is_found_from_the_scene_files(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    script, folder = str(ROOT / "docs" / "study" / "real_scenes.py"), os.path.relpath(DATA, tmp_path / "work")
    subprocess.run([sys.executable, script, folder, "runs/scenes"], cwd=tmp_path / "work", check=True)
    written = sorted((tmp_path / "work" / "runs" / "scenes").glob("*.yaml"))
    assert len(written) == 4 + 6 + 5
    for path in written:
        content = yaml.safe_load(path.read_text())
        for name in content["imagery"]["files"]:
            assert (path.parent / name).is_file(), f"{path.name}: {name}"
    left_out = [yaml.safe_load(path.read_text())["name"] for path in written if "left_out" in path.name]
    assert left_out == ["dubai_left_out"] * 5
