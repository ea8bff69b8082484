"""What a run's folder keeps of scenes that its models were not trained on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lulcseg.augment.band_matching import QUANTILES
from lulcseg.run.other_scenes import put_scene_values, put_trained_scenes
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RecordWriter, RunRecord
from lulcseg.run_folder.record_parts import SceneEntry
from lulcseg.run_folder.scene_values import SceneValues
from lulcseg.scene.scene import Scene
from tests.conftest import write_raster
from tests.support.models import record


@pytest.fixture
def scene(make_scene: Any, cache: Path) -> Scene:
    """A scene of 6,144 pixels whose three bands hold the values 0 to 63, each alike often."""
    path = make_scene("other", size=(64, 96))
    image = (np.arange(64 * 96) % 64).reshape(64, 96).astype("uint8")
    write_raster(path.parent / "image.tif", np.stack([image, image, image]))
    return Scene.open(str(path), cache)


def ensemble(quantiles: Any, scenes: list[str]) -> Any:
    return SimpleNamespace(record=record(quantiles=quantiles), trained_on=scenes)


def test_values_are_kept_beside_those_trained_on(scene: Scene, tmp_path: Path) -> None:
    training = [np.linspace(100, 200, QUANTILES).tolist()] * 3

    name = put_scene_values(scene, ensemble(training, ["own"]), RunFolder(tmp_path))

    assert name == "previews/other_values.json"
    values = SceneValues.load(tmp_path / name)
    assert values.trained_on == ("own",)
    np.testing.assert_allclose(values.training, training, atol=1e-4)  # seven digits
    np.testing.assert_allclose(values.mosaic[1], np.linspace(0, 63, QUANTILES), atol=1)
    np.testing.assert_allclose(values.matched[1], training[0], atol=2)  # matched is the distribution trained on


def test_values_that_were_not_recorded_or_cannot_be_matched_are_left_out(
    make_scene: Any, cache: Path, scene: Scene, tmp_path: Path
) -> None:
    training = [np.linspace(100, 200, QUANTILES).tolist()] * 3
    flat = make_scene("flat", size=(64, 96))
    write_raster(flat.parent / "image.tif", np.full((3, 64, 96), 9, dtype=np.uint8))

    unknown = put_scene_values(scene, ensemble(None, ["own"]), RunFolder(tmp_path))
    single = put_scene_values(Scene.open(str(flat), cache), ensemble(training, ["own"]), RunFolder(tmp_path))

    values = SceneValues.load(tmp_path / str(unknown))
    assert (values.training, values.matched, len(values.mosaic)) == ((), (), 3)
    values = SceneValues.load(tmp_path / str(single))
    assert values.matched == ()
    np.testing.assert_allclose(values.training, training, atol=1e-4)


def test_a_scene_that_was_trained_on_has_none(scene: Scene, tmp_path: Path) -> None:
    assert put_scene_values(scene, ensemble(None, ["other"]), RunFolder(tmp_path)) is None
    assert not (tmp_path / "previews").exists()


def trained_run(path: Path, *scenes: str) -> Path:
    """Write a run trained on scenes whose previews exist, and return its checkpoint's path."""
    writer = RecordWriter(RunFolder(path), RunRecord.of(train_scenes=list(scenes)))
    (path / "previews").mkdir(parents=True)
    for name in scenes:
        (path / "previews" / f"{name}.png").write_text(f"{name} of {path.name}")
        writer.put_scene(name, SceneEntry(imagery_preview=f"previews/{name}.png"))
    writer.put_scene("mapped", SceneEntry(imagery_preview="previews/mapped.png"))
    return RunFolder(path).best


def test_pictures_of_what_was_trained_on_come_from_the_models_runs(tmp_path: Path) -> None:
    checkpoints = [trained_run(tmp_path / "one", "a", "b"), trained_run(tmp_path / "two", "b", "c")]
    (tmp_path / "two/previews/c.png").unlink()
    folder = RunFolder(tmp_path / "maps")
    writer = RecordWriter(folder, RunRecord.of(state="mapped"))

    put_trained_scenes(writer, [*checkpoints, tmp_path / "nowhere/checkpoints/best.ckpt"])

    assert list(RunRecord.load(folder).scenes) == ["a", "b"]
    assert (folder.path / "previews/b.png").read_text() == "b of one"
    assert sorted(path.name for path in (folder.path / "previews").iterdir()) == ["a.png", "b.png"]


def test_a_models_own_folder_is_left_as_it_is(tmp_path: Path) -> None:
    checkpoint = trained_run(tmp_path / "one", "a")
    before = RunFolder(tmp_path / "one").record.read_bytes()

    put_trained_scenes(RecordWriter.load(RunFolder(tmp_path / "one")), [checkpoint])

    assert RunFolder(tmp_path / "one").record.read_bytes() == before
