"""Runs that stop at the plan, and runs that take one: what they write, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import yaml
from PIL import Image

from lulcseg import run as run_module
from lulcseg.compose import compose
from lulcseg.errors import LulcsegError
from lulcseg.run import train
from lulcseg.sampling.plan import Plan
from lulcseg.sampling.shares import pixel_shares
from lulcseg.scene.scene import Scene

Make = Callable[..., Path]
SMALL = [
    "sampling.patch_size=32", "sampling.patches=48", "model.filters=8", "model.depth=2", "trainer.epochs=1",
    "trainer.batch_size=8", "trainer.accelerator=cpu", "reading.workers=0", "logger=none",
]  # fmt: skip
PLAN = [*SMALL, "stop_after=plan"]


def run(run_dir: Path, *overrides: str) -> Path:
    train(compose("train", [*overrides, f"run_dir={run_dir}"]))
    return run_dir


def record_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "record.json").read_text())
    return content


@pytest.fixture
def first(make_scene: Make, cache: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A scene, and a run over it that stopped at the plan."""
    scene = make_scene("one")
    return scene, run(tmp_path / "first", f"scene={scene}", f"cache={cache}", *PLAN)


def test_a_run_that_stops_at_the_plan_leaves_it_counted_and_pictured(first: tuple[Path, Path], cache: Path) -> None:
    scene, folder = first
    names = {p.name for p in folder.iterdir()}
    assert names == {"config.yaml", "plan.gpkg", "plan.json", "plan.png", "previews", "record.json"}
    with Image.open(folder / "plan.png") as picture:
        assert picture.width > 1000
    plan, opened = Plan.load(folder / "plan.gpkg"), Scene.open(str(scene), cache)
    assert opened.labels is not None
    entry, summary = record_of(folder)["plan"], json.loads((folder / "plan.json").read_text())["summary"]
    assert entry["train"] == len(plan) == summary["patches"]
    assert entry["taken_from"] is None
    for key in ("touches", "overlap", "prior", "per_feature", "valid", "shifted"):
        assert entry[key] == summary[key], key
    shares = pixel_shares(plan, {"one": opened.labels})
    assert [e["pixels"] for e in entry["prior"].values()] == shares.tolist()
    # A pond of 16 × 21 pixels in 96 × 128, drawn for as often as ground two hundred times its size.
    assert entry["prior"]["Water"]["ground"] == pytest.approx(16 * 21 / (96 * 128))
    assert entry["prior"]["Water"]["shift"] > 0.5


def test_several_scenes_have_a_picture_each(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    names = ",".join(str(make_scene(n, seed=i)) for i, n in enumerate(("a", "b")))
    folder = run(tmp_path / "run", f"scenes.train=[{names}]", f"cache={cache}", *PLAN)
    assert sorted(p.name for p in folder.glob("*.png")) == ["plan_a.png", "plan_b.png"]


def test_training_takes_the_plan_and_its_shift_of_the_prior(
    first: tuple[Path, Path], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, folder = first
    given: dict[str, Any] = {}
    fit = run_module.fit

    def watched(*arguments: Any, **named: Any) -> Any:
        given.update(named, patches=len(arguments[2]))
        return fit(*arguments, **named)

    monkeypatch.setattr(run_module, "fit", watched)
    options = [
        f"scene={scene}",
        f"cache={cache}",
        *SMALL,
        f"sampling.plan={folder / 'plan.gpkg'}",
        "stop_after=training",
    ]
    again = run(tmp_path / "again", *options, "sampling.patch_size=64", "loss.prior_correction=1")
    entry, old = record_of(again)["plan"], record_of(folder)["plan"]
    assert entry["digest"] == old["digest"]
    assert entry["taken_from"] == {"path": str(folder / "plan.gpkg"), "digest": old["digest"], "edited": False}
    assert given["prior_shift"] == [e["shift"] for e in entry["prior"].values()]
    assert np.abs(given["prior_shift"]).max() > 0.5
    assert given["patches"] == old["train"]
    assert yaml.safe_load((again / "config.yaml").read_text())["sampling"]["patch_size"] == 32
    assert Plan.load(again / "plan.gpkg").digest() == old["digest"]


def test_an_edited_plan_is_recorded_as_one(
    first: tuple[Path, Path], cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene, folder = first
    rows = gpd.read_file(folder / "plan.gpkg")
    (folder / "plan.gpkg").unlink()
    rows.iloc[5:].to_file(folder / "plan.gpkg", layer="plan")
    capsys.readouterr()
    options = [f"scene={scene}", f"cache={cache}", *PLAN, f"sampling.plan={folder / 'plan.gpkg'}"]
    again = run(tmp_path / "again", *options, "sampling.patch_size=64")
    entry, old = record_of(again)["plan"], record_of(folder)["plan"]
    assert entry["train"] == len(rows) - 5
    assert entry["taken_from"]["edited"] is True
    assert entry["taken_from"]["digest"] == old["digest"] != entry["digest"]
    said = capsys.readouterr().out
    assert "edited since it was saved." in said
    assert "sampling.patch_size is 32, the plan's, not 64." in said


def test_the_ground_a_plan_holds_out_stands(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = make_scene("one")
    options = [f"scene={scene}", f"cache={cache}", *PLAN, "sampling.patch_size=16"]
    held = run(tmp_path / "held", *options, "validation.fraction=0.3", "validation.block=32")
    again = run(tmp_path / "again", *options, f"sampling.plan={held / 'plan.gpkg'}")
    assert record_of(again)["plan"]["validation"] == record_of(held)["plan"]["validation"] > 0
    assert yaml.safe_load((again / "config.yaml").read_text())["validation"] == {"fraction": 0.3, "block": 32}


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["sampling.plan=none.gpkg"], "there is no such file"),
        (["sampling.plan={plan}", "validation.fraction=0.2"], "it holds no ground out, and validation.fraction is 0.2"),
        (["sampling.plan={plan}", "scene={other}"], "it is a plan of scene 'one', the run trains on scene 'other'"),
        (["sampling.plan={plan}", "scene={larger}"], "made for other imagery: the grid is 96 × 128 and 128 × 128"),
        (["sampling.plan={broken}"], "this is not a GeoPackage"),
        (["sampling.plan={scene}"], "there is no such file"),
    ],
)
def test_a_plan_that_cannot_be_used_leaves_nothing(
    first: tuple[Path, Path], make_scene: Make, cache: Path, tmp_path: Path, options: list[str], part: str
) -> None:
    scene, folder = first
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(b"no package")
    broken.with_suffix(".json").write_bytes((folder / "plan.json").read_bytes())
    larger = make_scene("larger", size=(128, 128))
    larger.write_text(larger.read_text().replace("name: larger", "name: one"))
    places = {"plan": folder / "plan.gpkg", "scene": scene, "broken": broken}
    places |= {"other": make_scene("other"), "larger": larger}
    filled = [option.format(**places) for option in options]
    with pytest.raises(LulcsegError, match=part):
        run(tmp_path / "run", f"scene={scene}", f"cache={cache}", *SMALL, *filled)
    assert not (tmp_path / "run").exists()
