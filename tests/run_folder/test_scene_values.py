"""Values of a mosaic beside those trained on: the file's round trip, and files that aren't one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.run_folder.scene_values import SceneValues

VALUES = SceneValues(("a", "b"), ([0.0, 2.5, 255.0],), ([1.0, 2.0, 3.0],), ([1.0, 1.5, 3.0],))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    VALUES.save(tmp_path / "values.json")

    assert SceneValues.load(tmp_path / "values.json") == VALUES


def test_values_of_training_may_be_unknown(tmp_path: Path) -> None:
    SceneValues(["a"], [[0.123456789, 1.0]]).save(tmp_path / "values.json")

    assert SceneValues.load(tmp_path / "values.json") == SceneValues(("a",), ([0.1234568, 1.0],))


@pytest.mark.parametrize(
    "change",
    [{"mosaic": []}, {"training": [[1, 2], [1, 2]]}, {"mosaic": [[1]]}, {"matched": None}, {"mosaic": 3}],
)
def test_a_damaged_file_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    VALUES.save(tmp_path / "values.json")
    plain = json.loads((tmp_path / "values.json").read_text())
    (tmp_path / "values.json").write_text(json.dumps(plain | change))

    with pytest.raises(LulcsegError, match="not a mosaic's values"):
        SceneValues.load(tmp_path / "values.json")
    with pytest.raises(LulcsegError, match="missing"):
        SceneValues.load(tmp_path / "nowhere.json")
