"""Runs that stop at the plan, and runs that take one: what they write, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml
from PIL import Image

from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.launch.compose import compose
from lulcseg.patches.datamodule import PatchData
from lulcseg.run import fit as fitting
from lulcseg.run import train as run_module
from lulcseg.run.train import train
from lulcseg.sampling.class_shares import cover
from lulcseg.sampling.plan import Plan
from lulcseg.scene.dataset import SceneDataset
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
    shares = cover(plan, {"one": opened.labels}).class_shares
    assert [e["pixels"] for e in entry["prior"].values()] == shares.tolist()
    # A pond of 16 × 21 pixels in 96 × 128, drawn for as often as ground two hundred times its size.
    assert entry["prior"]["Water"]["ground"] == pytest.approx(16 * 21 / (96 * 128))
    assert entry["prior"]["Water"]["shift"] > 0.5


def test_labels_without_imagery_do_not_shift_the_prior(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = make_scene("one")
    with rasterio.open(scene.parent / "image.tif", "r+") as image:
        values = np.maximum(image.read(), 1)
        values[:, 20:70, :40] = 0
        image.write(values)
        image.nodata = 0
    folder = run(tmp_path / "run", f"scene={scene}", f"cache={cache}", *PLAN, "sampling.min_valid=0")
    data, plan = SceneDataset(Scene.open(str(scene), cache)), Plan.load(folder / "plan.gpkg")
    places = plan.rows[["row", "col", "size", "size"]].to_numpy().tolist()
    pixels = sum(np.bincount(data.read(Window(*place))["mask"].ravel(), minlength=256)[:3] for place in places)
    entry = record_of(folder)["plan"]
    assert [e["pixels"] for e in entry["prior"].values()] == (pixels / pixels.sum()).tolist()
    assert data.labels is not None
    assert np.abs(pixels / pixels.sum() - cover(plan, {"one": data.labels}).class_shares).max() > 0.02
    assert (entry["sampled"], entry["valid"]) == (1.0, None)


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
        return replace(fit(*arguments, **named), dropped_patches=3)

    class Watched(PatchData):
        def __init__(self, scenes: Any, *arguments: Any, **named: Any) -> None:
            super().__init__(scenes, *arguments, **named)
            given["datasets"] = list(scenes.values())

    monkeypatch.setattr(run_module, "fit", watched)
    monkeypatch.setattr(fitting, "PatchData", Watched)
    options = [
        f"scene={scene}",
        f"cache={cache}",
        *SMALL,
        f"sampling.plan={folder / 'plan.gpkg'}",
        "stop_after=training",
    ]
    changed = ["sampling.patch_size=64", "loss.prior_correction=1", "reading.decoded=true"]
    again = run(tmp_path / "again", *options, *changed)
    entry, old = record_of(again)["plan"], record_of(folder)["plan"]
    assert entry["digest"] == old["digest"]
    assert entry["taken_from"]["path"] == str(folder / "plan.gpkg")
    assert entry["taken_from"]["digest"] == old["digest"]
    assert entry["taken_from"]["edited"] is False
    assert given["prior_shift"] == [e["shift"] for e in entry["prior"].values()]
    assert np.abs(given["prior_shift"]).max() > 0.5
    assert given["patches"] == old["train"]
    assert yaml.safe_load((again / "config.yaml").read_text())["sampling"]["patch_size"] == 32
    assert Plan.load(again / "plan.gpkg").digest() == old["digest"]
    assert record_of(again)["dropped_patches"] == 3
    assert all(data.imagery.path.is_relative_to(cache / "decoded") for data in given["datasets"])


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
        (["sampling.plan={scene}"], "a plan is read from its GeoPackage"),
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


def test_how_a_plan_was_made_goes_with_it(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"scene={make_scene('one')}", f"cache={cache}", *PLAN]
    laid = ["sampling.method=grid", "sampling.cell=32", "sampling.background=Bare", "sampling.edge=shift"]
    cells = run(tmp_path / "cells", *options, *laid, "sampling.match_total=null", "sampling.totals=exact")
    matched = run(tmp_path / "matched", *options, "sampling.totals=exact", "sampling.match_total=30")
    made = record_of(cells)["plan"]["made"]
    assert made["origins"]["one"]["easting"] == 330_000
    expected = {"method": "grid", "totals": None, "n_patches": None, "cell": 32, "edge": "shift", "background": "Bare"}
    assert {key: made[key] for key in expected} == expected
    made = record_of(matched)["plan"]["made"]
    assert made["match_total"]["asked"] == 30
    assert made["match_total"]["total"] == record_of(matched)["plan"]["train"]
    assert (made["totals"], made["n_patches"]) == ("exact", made["match_total"]["n_patches"])
    assert (made["features_left_out"], made["features_covered"], made["patch_size"]) == (0, 0, 32)
    capsys.readouterr()
    for folder, own in ((cells, laid), (matched, ["sampling.totals=exact", "sampling.match_total=30"])):
        again = run(tmp_path / f"{folder.name} again", *options, f"sampling.plan={folder / 'plan.gpkg'}")
        taken, drawn = (yaml.safe_load((f / "config.yaml").read_text())["sampling"] for f in (again, folder))
        for key in (option.split("=")[0].removeprefix("sampling.") for option in own):
            assert taken[key] == drawn[key], key
        assert taken["plan"] == str(folder / "plan.gpkg")
        said = capsys.readouterr().out
        assert record_of(again)["plan"]["notes"]
        assert all(note in said for note in record_of(again)["plan"]["notes"])
    assert "sampling.match_total is 30, the plan's, not null." in said


def test_what_is_noted_of_a_drawn_plan_is_said_and_recorded(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"scene={make_scene('one')}", f"cache={cache}", *PLAN, "sampling.match_total=1", "validation.fraction=0"]
    (note,) = record_of(run(tmp_path / "run", *options))["plan"]["notes"]
    assert "come nearest" in note
    assert note in capsys.readouterr().out


def test_other_processes_take_the_plan_of_the_first(
    first: tuple[Path, Path], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, folder = first
    taken = tmp_path / "taken"
    run(taken, f"scene={scene}", f"cache={cache}", *PLAN, f"sampling.plan={folder / 'plan.gpkg'}")
    record = record_of(taken)
    (taken / "record.json").write_text(json.dumps(record | {"state": "running"}))
    before = sorted((p, p.stat().st_mtime_ns) for p in taken.rglob("*"))
    given: dict[str, Any] = {}

    def fit(config: Any, scenes: Any, plan: Plan, run_dir: Path, **named: Any) -> None:
        given.update(named, plan=plan, run_dir=run_dir, patch_size=config.sampling.patch_size)

    def make_plan(*_: Any) -> None:
        raise AssertionError("the plan is made again")

    monkeypatch.setattr(run_module, "fit", fit)
    monkeypatch.setattr(run_module, "make_plan", make_plan)
    monkeypatch.setenv("LULCSEG_RUN_DIR", str(taken))
    monkeypatch.setenv("LOCAL_RANK", "1")
    options = [f"scene={scene}", f"cache={cache}", *SMALL, f"sampling.plan={folder / 'plan.gpkg'}"]
    run(tmp_path / "elsewhere", *options, "sampling.patch_size=64")
    assert given["plan"].digest() == record["plan"]["digest"]
    assert (given["run_dir"], given["patch_size"]) == (taken, 32)
    assert given["prior_shift"] == [e["shift"] for e in record["plan"]["prior"].values()]
    given.clear()
    run(tmp_path / "elsewhere", *options, "stop_after=plan")
    assert not given
    assert sorted((p, p.stat().st_mtime_ns) for p in taken.rglob("*")) == before
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["trainer.devices=9", "trainer.strategy=ddp"], "batch_size=8 leaves some of 9 devices without a patch"),
        (["trainer.devices=3", "trainer.strategy=ddp", "trainer.micro_batch=1"], "batch_size=8 can't be split across"),
        (["trainer.devices=none"], "trainer.devices=none with strategy auto is not available here"),
        (["trainer.strategy=dpd"], "trainer.devices=auto with strategy dpd is not available here"),
        (["trainer.devices=64", "trainer.strategy=ddp", "trainer.batch_size=64"], "training patches cannot be shared"),
        (
            ["trainer.devices=40", "trainer.strategy=ddp", "trainer.batch_size=40", "sampling.patches=200",
             "sampling.patch_size=16", "validation.fraction=0.1", "validation.block=32"],
            "validation patches cannot be shared among 40 devices",
        ),
    ],
)  # fmt: skip
def test_devices_that_the_plan_cannot_be_dealt_to_are_told_before_anything_is_written(
    make_scene: Make, cache: Path, tmp_path: Path, options: list[str], part: str
) -> None:
    with pytest.raises(LulcsegError, match=part):
        run(tmp_path / "run", f"scene={make_scene('one')}", f"cache={cache}", *SMALL, *options)
    assert not (tmp_path / "run").exists()
