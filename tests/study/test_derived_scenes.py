"""A scene derived from another replaces nothing that the other consists of."""

from __future__ import annotations

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.study.derived_scenes import write_class_scene, write_ground_scene


def test_a_derived_scene_replaces_nothing_of_its_scene(make_scene, cache, monkeypatch):
    path = make_scene()
    scene = Scene.open(str(path), cache)
    monkeypatch.chdir(path.parent)
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    nothing = Plan.__new__(Plan)
    for out in (path.parent / path.name, path.parent / "labels.yaml", path.parent / "points.yaml"):
        with pytest.raises(LulcsegError, match="it is read, and would be replaced; give another name"):
            write_ground_scene(scene, nothing, out.relative_to(path.parent))
    monkeypatch.setattr("lulcseg.study.derived_scenes.REST", "Bare")
    with pytest.raises(LulcsegError, match="it is read, and would be replaced"):
        write_class_scene(scene, "Trees", path)
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before
