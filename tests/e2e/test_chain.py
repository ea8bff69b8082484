"""The whole chain through both entry scripts, on a scene of 96 × 128 pixels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml

from lulcseg.compose import ROOT, compose
from lulcseg.errors import LulcsegError
from lulcseg.run import predict, train
from lulcseg.scene.scene import Scene
from tests.conftest import write_raster

Make = Callable[..., Path]
SMALL = [
    "sampling.patch_size=32", "sampling.patches=48", "model.filters=8", "model.depth=2", "trainer.epochs=6",
    "trainer.batch_size=8", "trainer.accelerator=cpu", "trainer.workers=0", "optim.learning_rate=0.01",
]  # fmt: skip


def script(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"WANDB_MODE": "offline", "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, str(ROOT / name), *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_train_then_predict(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene, other = make_scene("one"), make_scene("two", seed=5)
    done = script("train.py", f"scene={scene}", f"cache={cache}", "hydra.run.dir=run", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    for name in ("config.yaml", "plan.gpkg", "plan.json", "metrics.csv", "record.json", "report.html"):
        assert (run / name).stat().st_size > 0, name
    assert list(run.glob("wandb/offline-run-*/run-*.wandb"))
    record = json.loads((run / "record.json").read_text())
    assert record["state"] == "finished"
    assert record["steps"] == 6 * -(-len(gpd.read_file(run / "plan.gpkg")) // 8)
    assert record["plan"]["digest"]

    scored = json.loads((run / "assessment" / "one_single.json").read_text())
    assert scored["n_scored"] == scored["n_points"] == 40
    assert scored["kappa"] > 0.8, "three plain colours are not learnt"
    labels = json.loads((run / "assessment" / "one_labels.json").read_text())
    assert labels["kappa"] == 1
    opened = Scene.open(str(scene), cache)
    with rasterio.open(run / "maps" / "one_single.tif") as mapped:
        assert mapped.crs.to_string() == opened.grid.crs
        assert tuple(mapped.transform)[:6] == opened.grid.transform
        assert set(np.unique(mapped.read(1))) <= {10, 20, 30}
        assert mapped.colormap(1)[20][:3] == (0x2D, 0x6A, 0x31)

    mapping = ["mosaic=multiple", "mosaic.probabilities=true", f"cache={cache}"]
    done = script("predict.py", "checkpoint=run/checkpoints/best.ckpt", f"scene={other}", *mapping, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((run / "assessment" / "two_multiple.json").read_text())["kappa"] > 0.8
    assert {m["path"] for m in json.loads((run / "record.json").read_text())["maps"]} == {
        "maps/one_single.tif",
        "maps/two_multiple.tif",
    }
    with rasterio.open(run / "maps" / "two_multiple_probabilities.tif") as layers:
        assert layers.count == 3
    assert "two" in (run / "report.html").read_text()


@pytest.fixture
def trained(make_scene: Make, cache: Path, tmp_path: Path) -> Path:
    """A run of one short epoch, in this process."""
    config = compose(
        "train", [f"scene={make_scene('base')}", f"cache={cache}", "logger=none", *SMALL, "trainer.epochs=1"]
    )
    train(config, tmp_path / "base_run")
    return tmp_path / "base_run"


def test_training_goes_on_from_a_checkpoint(trained: Path, cache: Path, tmp_path: Path) -> None:
    config = yaml.safe_load((trained / "config.yaml").read_text())
    options = [f"scene={config['scene']}", f"cache={cache}", "logger=none", *SMALL]
    last = trained / "checkpoints" / "last.ckpt"
    more = compose("train", [*options, "trainer.epochs=2", f"ckpt_path={last}", "stop_after=training"])
    train(more, tmp_path / "more")
    steps = json.loads((trained / "record.json").read_text())["steps"]
    assert json.loads((tmp_path / "more" / "record.json").read_text())["steps"] == 2 * steps
    other = compose("train", [*options, "model.filters=4", f"ckpt_path={last}", "stop_after=training"])
    with pytest.raises(LulcsegError, match="another model"):
        train(other, tmp_path / "other")


def test_same_seed_same_plan_and_another_seed_another(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *SMALL, "stop_after=plan"]
    digests = []
    for number, seed in enumerate((3, 3, 4)):
        train(compose("train", [*options, f"seed={seed}"]), tmp_path / str(number))
        digests.append(json.loads((tmp_path / str(number) / "record.json").read_text())["plan"]["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_two_scenes_and_validation_blocks(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    names = ",".join(str(make_scene(n, seed=i)) for i, n in enumerate(("a", "b")))
    options = ["validation.fraction=0.3", "validation.block=32", "sampling.patch_size=16", "trainer.epochs=1"]
    config = compose("train", [f"scenes.train=[{names}]", f"cache={cache}", "logger=none", *SMALL, *options])
    train(config, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["train_scenes"] == ["a", "b"]
    assert record["plan"]["validation"] > 0
    assert "val/mean_f1" in (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0]
    assert sorted(p.name for p in (tmp_path / "run" / "maps").glob("*.tif")) == ["a_single.tif", "b_single.tif"]


def test_scene_the_model_cannot_map_is_refused(trained: Path, make_scene: Make, cache: Path, tmp_path: Path) -> None:
    checkpoint = trained / "checkpoints" / "best.ckpt"
    before = sorted(p for p in trained.rglob("*") if "wandb" not in p.parts)
    cases = {
        "bands": (make_scene("bands", imagery={"files": ["image.tif"], "bands": [1, 2]}), "has 2 bands"),
        "coarse": (make_scene("coarse", resolution=2.0), r"set resolution: 0\.5"),
        "float": (make_scene("float"), "is float32"),
    }
    write_raster(cases["float"][0].parent / "image.tif", np.zeros((3, 96, 128), np.float32))
    legend = [{"code": 1, "name": "X", "colour": "#000000"}, {"code": 2, "name": "Y", "colour": "#ffffff"}]
    crosswalk = {"file": "labels.gpkg", "column": "class", "uncovered": "X", "crosswalk": {"Trees": "X", "Water": "Y"}}
    cases["legend"] = (make_scene("legend", legend=legend, labels=crosswalk, points=None), "crosswalk")
    for scene, part in cases.values():
        config = compose("predict", [f"checkpoint={checkpoint}", f"scene={scene}", f"cache={cache}"])
        with pytest.raises(LulcsegError, match=part):
            predict(config)
    assert sorted(p for p in trained.rglob("*") if "wandb" not in p.parts) == before, "something was half-written"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["sampling.patch_size=512"], "512"),
        (["sampling.method=grid", "sampling.background=Othr", "sampling.cell=32"], "background"),
        (["ckpt_path=none.ckpt"], "no such checkpoint"),
        (["scene=none.yaml"], "there is no scene"),
    ],
)
def test_bad_training_input_leaves_nothing(
    make_scene: Make, cache: Path, tmp_path: Path, options: list[str], part: str
) -> None:
    config = compose("train", [f"scene={make_scene()}", f"cache={cache}", "logger=none", *SMALL, *options])
    with pytest.raises(LulcsegError, match=part):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_script_prints_one_sentence_and_leaves_with_2(tmp_path: Path) -> None:
    done = script("train.py", "scene=none.yaml", f"cache={tmp_path / 'cache'}", "hydra.run.dir=out/run", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "there is no scene 'none.yaml'" in done.stderr
    assert not (tmp_path / "out").exists()
