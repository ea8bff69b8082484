"""A scene derived from another replaces nothing that the other consists of."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.sampling.plan import Plan
from lulcseg.scene.scene import Scene
from lulcseg.study.derived_scenes import _absolute_content, write_class_scene, write_ground_scene


def test_a_derived_scene_replaces_nothing_of_its_scene(make_scene, cache, monkeypatch):
    path = make_scene()
    scene = Scene.open(str(path), cache)
    monkeypatch.chdir(path.parent)
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    nothing = Plan.__new__(Plan)
    for out in (path.parent / path.name, path.parent / "labels.yaml", path.parent / "points.yaml"):
        with pytest.raises(LulcsegError, match="it is read, and would be replaced; give another name"):
            write_ground_scene(scene, nothing, out.relative_to(path.parent))
    with pytest.raises(LulcsegError, match="it is read, and would be replaced"):
        write_class_scene(scene, "Trees", path, "Bare")
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_ground_that_no_polygon_covers_is_of_the_rest_if_its_class_is_merged(make_scene, cache, tmp_path):
    labels = {"file": "labels.gpkg", "column": "class", "uncovered": "Water"}
    scene = Scene.open(str(make_scene(labels=labels)), cache)
    made = Scene.open(str(write_class_scene(scene, "Trees", tmp_path / "trees.yaml", "Bare")), cache)
    assert made.spec.labels.uncovered == "Bare"
    whole, own = scene.labels.read(scene.grid.window), made.labels.read(scene.grid.window)
    trees, rest = scene.legend.names.index("Trees"), made.legend.names.index("Bare")
    assert ((own == rest) == (whole != trees)).all()


def test_sources_and_addresses_stay_what_they_are(make_scene, cache, tmp_path):
    path = make_scene()
    plain = yaml.safe_load(path.read_text())
    plain["imagery"] = [{"name": "rgb", "files": ["image.tif"]}, {"name": "more", "files": ["image.tif"]}]
    path.write_text(yaml.safe_dump(plain))
    made = Scene.open(str(write_class_scene(Scene.open(str(path), cache), "Trees", tmp_path / "t.yaml", "Bare")), cache)
    assert made.bands == 6
    plain["imagery"] = {"files": ["https://example.org/a.tif"]}
    path.write_text(yaml.safe_dump(plain))
    named = SimpleNamespace(file=SimpleNamespace(path=path))
    assert _absolute_content(named)["imagery"]["files"] == ["https://example.org/a.tif"]


@pytest.mark.parametrize(
    ("changes", "land_class", "rest", "sentence"),
    [
        ({}, "Bare", "Bare", "Bare is what all other classes are merged into"),
        ({}, "Trees", "Other", "it has no class 'Other'; did you mean"),
        ({}, "Tree", "Bare", "it has no class 'Tree'; did you mean 'Trees'"),
        ({"labels": None}, "Trees", "Bare", "it has no labels"),
    ],
)
def test_a_scene_of_one_class_that_could_not_be_trained_on_is_refused(
    make_scene, cache, tmp_path, changes, land_class, rest, sentence
):
    scene = Scene.open(str(make_scene(**changes)), cache)
    with pytest.raises(LulcsegError, match=sentence):
        write_class_scene(scene, land_class, tmp_path / "out.yaml", rest)
    assert not (tmp_path / "out.yaml").exists()
