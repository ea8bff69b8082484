"""Mosaics that a model was trained on are known by their values, whatever their scenes are called."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lulcseg.mosaic.trained_mosaics import was_trained_on
from lulcseg.scene.scene import Scene
from lulcseg.scene.statistics import mosaic_statistics
from lulcseg.training.model_record import ModelRecord
from tests.support.models import record

Make = Callable[..., Path]


@pytest.fixture
def trained(make_scene: Make, cache: Path) -> Scene:
    return Scene.open(str(make_scene("trained")), cache)


def record_of(scene: Scene, **changes: object) -> ModelRecord:
    digest = mosaic_statistics(scene.imagery, scene.cache).digest()
    return record(**{"scenes": [scene.name], "mosaics": [digest], **changes})


def renamed(path: Path, name: str, cache: Path) -> Scene:
    """Give a scene another name."""
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(content | {"name": name}))
    return Scene.open(str(path), cache)


def test_a_copy_under_another_name_is_the_same_mosaic(trained: Scene, cache: Path, tmp_path: Path) -> None:
    shutil.copytree(trained.file.path.parent, tmp_path / "copy")
    copy = renamed(tmp_path / "copy" / "scene.yaml", "another", cache)
    known = record_of(trained)
    assert was_trained_on(trained, [known])
    assert was_trained_on(copy, [known])
    assert not was_trained_on(copy, [record_of(trained, mosaics=None)]), "of earlier versions names are all there is"


def test_another_mosaic_of_the_same_name_is_another(trained: Scene, make_scene: Make, cache: Path) -> None:
    other = renamed(make_scene("other", seed=7), "trained", cache)
    assert not was_trained_on(other, [record_of(trained)])
    assert was_trained_on(other, [record_of(trained, mosaics=None)])


def test_one_of_several_models_is_enough(trained: Scene, make_scene: Make, cache: Path) -> None:
    other = Scene.open(str(make_scene("other", seed=7)), cache)
    assert was_trained_on(trained, [record_of(other), record_of(trained)])
    assert not was_trained_on(trained, [record_of(other)])


def test_it_travels_with_the_model_unless_it_is_of_an_earlier_version(trained: Scene) -> None:
    assert record_of(trained).to_plain()["mosaics"] == record_of(trained).mosaics
    assert "mosaics" not in record().to_plain()
