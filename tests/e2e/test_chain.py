"""The whole chain through both entry scripts, on a scene of 96 × 128 pixels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import torch
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.pictures.previews import write_previews
from lulcseg.run.predict import predict
from lulcseg.run.train import train
from lulcseg.scene.scene import Scene
from lulcseg.settings.config import TrainConfig
from lulcseg.settings.from_plain import fill
from lulcseg.training.checkpoints import RunCheckpoints, check_resumable
from lulcseg.training.model_record import TRAINING
from lulcseg.training.monitor import Monitor
from lulcseg.training.training_settings import TrainingSettings
from tests.conftest import write_raster
from tests.support.small_runs import QUICK, SMALL, run, script
from tests.support.wandb_files import OfflineRun

Make = Callable[..., Path]


def test_train_then_predict(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene, other = make_scene("one"), make_scene("two", seed=5)
    done = script("train.py", f"scene={scene}", f"cache={cache}", "run_dir=run", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    for name in ("config.yaml", "plan.gpkg", "plan.json", "metrics.csv", "record.json", "report.html"):
        assert (run / name).stat().st_size > 0, name
    (shown,) = (OfflineRun(folder) for folder in run.glob("wandb/offline-run-*"))
    record = json.loads((run / "record.json").read_text())
    assert record["state"] == "finished"
    assert record["steps"] == 6 * -(-len(gpd.read_file(run / "plan.gpkg")) // 8)
    assert record["plan"]["digest"]
    assert record["shown"] == {"service": "wandb", "project": "lulcseg", "group": "run", "id": shown.run.run_id}
    assert (shown.run.display_name, shown.run.job_type, shown.exit_code) == ("run_seed0", "train", 0)
    curves = pd.read_csv(run / "metrics.csv").dropna(subset="train/loss_epoch")
    logged = [h["train/loss_epoch"] for h in shown.history if "train/loss_epoch" in h]
    assert logged == pytest.approx(curves["train/loss_epoch"].to_list())
    assert {a.type for a in shown.artifacts.values()} == {"plan", "run_table", "model"}
    assert set(shown.logged("maps/one_single")["masks"]) == {"map", "labels"}
    assert shown.summary["training_seconds"] == record["training_seconds"]
    assert shown.summary["peak_memory_bytes"] > 0

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

    mapping = ["mosaic=multiple", "mosaic.outputs=[probabilities,confidence]", f"cache={cache}"]
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
    every = {r.run.job_type: r for r in map(OfflineRun, run.glob("wandb/offline-run-*"))}
    assert every["predict"].run.display_name == "run_seed0_two_multiple"
    assert every["predict"].config["model_of"] == record["shown"]
    assert every["predict"].summary["two_multiple/kappa"] > 0.8


@pytest.fixture
def trained(make_scene: Make, cache: Path, tmp_path: Path) -> Path:
    """A run of one short epoch, in this process."""
    return run(tmp_path / "base_run", f"scene={make_scene('base')}", f"cache={cache}", *QUICK)


def test_augmentation_is_shown_before_it_is_used(
    make_scene: Make, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    run(
        tmp_path / "run", f"scene={make_scene()}", f"cache={cache}", *SMALL, "trainer.epochs=1",
        "augment=paper", "augment.p.clouds=0.5", "augment.p.blur=0", "stop_after=training",
    )  # fmt: skip
    sheets = {p.name for p in (tmp_path / "run").glob("augmentation*.png")}
    assert sheets == {f"augmentation{name}.png" for name in ("", "_contrast", "_noise", "_geometry", "_weather")}
    logged = {
        p.name.split("_")[0] for p in (tmp_path / "run").glob("wandb/offline-run-*/files/media/images/augmentation/*")
    }
    assert logged == {"versions", "contrast", "noise", "geometry", "weather"}


def test_training_goes_on_from_a_checkpoint(trained: Path, cache: Path, tmp_path: Path) -> None:
    scene = yaml.safe_load((trained / "config.yaml").read_text())["scene"]
    last = trained / "checkpoints" / "last.ckpt"
    options = [f"scene={scene}", f"cache={cache}", *QUICK, f"ckpt_path={last}", "stop_after=training"]
    more = run(tmp_path / "more", *options, "trainer.epochs=2")  # the rate is constant: it may be prolonged
    steps = json.loads((trained / "record.json").read_text())["steps"]
    assert json.loads((more / "record.json").read_text())["steps"] == 2 * steps
    assert (more / "checkpoints" / "best.ckpt").is_file()
    for changed, part in (("model.filters=4", "another model"), ("seed=9", "another plan, seed")):
        with pytest.raises(LulcsegError, match=part):
            run(tmp_path / "other", *options, "trainer.epochs=2", changed)
        assert not (tmp_path / "other").exists()
    for changed, part in (
        ("trainer.batch_size=4", "another trainer.batch_size;"),
        ("loss.prior_correction=1", "another loss.prior_correction;"),
        ("augment=light", r"another augment\.name;"),
        ("optim=sgd", r"another optim\.name, optim\.weight_decay;"),
    ):
        with pytest.raises(LulcsegError, match=part):
            run(tmp_path / "none", *options, "trainer.epochs=2", changed)
        assert not (tmp_path / "none").exists()
    with pytest.raises(LulcsegError, match="has been trained for 1 epochs"):
        run(tmp_path / "none", *options, "trainer.epochs=1")
    with pytest.raises(LulcsegError, match="holds a run already"):
        run(trained, *options, "trainer.epochs=2")


def test_augmented_training_goes_on_as_if_it_had_not_stopped(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    options = [
        f"scene={make_scene()}",
        f"cache={cache}",
        *QUICK,
        "sampling.patches=24",
        "model.filters=4",
        "augment=paper",
    ]
    options += ["augment.margin=4", "trainer.precision=32-true", "stop_after=training"]
    last = Path("checkpoints") / "last.ckpt"
    whole = run(tmp_path / "whole", *options, "trainer.epochs=2")
    begun = run(tmp_path / "begun", *options)
    more = [*options, "trainer.epochs=2", f"ckpt_path={begun / last}"]
    resumed = run(tmp_path / "resumed", *more)
    losses, weights = [], []
    for folder in (whole, resumed):
        curves = pd.read_csv(folder / "metrics.csv").dropna(subset="train/loss_epoch")
        losses.append(curves.loc[curves["epoch"] == 1, "train/loss_epoch"].to_numpy())
        weights.append(torch.load(folder / last, weights_only=True)["state_dict"])
    assert losses[0].size == 1
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert (begun / "augmentation.png").is_file(), "nothing was augmented"
    assert weights[0].keys() == weights[1].keys()
    for name, values in weights[0].items():
        assert torch.allclose(values, weights[1][name], rtol=1e-5, atol=1e-6), name
    assert json.loads((resumed / "plan.json").read_text())["meta"]["margin"] == 4
    with pytest.raises(LulcsegError, match=r"another trainer\.micro_batch;"):
        run(tmp_path / "none", *more, "trainer.micro_batch=4")
    assert not (tmp_path / "none").exists()


def test_micro_batches_are_compared_where_patches_are_augmented() -> None:
    for overrides, compared in (
        (["augment=none"], False),
        (["augment=none", "augment.p.blur=0"], False),
        (["augment=none", "augment.p.blur=0.5"], True),
        ([], True),
        (["augment=light"], True),
    ):
        config = compose("train", ["scene=any", "trainer.micro_batch=2", *overrides])
        found = TrainingSettings.of(config).fixed()
        assert found.get("trainer.micro_batch") == (2 if compared else None), overrides
        assert found["trainer.epochs"] == config.trainer.epochs


def test_only_a_constant_rate_is_prolonged(trained: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    config = fill(TrainConfig, yaml.safe_load((trained / "config.yaml").read_text()), "config.yaml")
    config.trainer.epochs = 2
    settings = TrainingSettings.of(config)
    check_resumable(trained / "checkpoints" / "last.ckpt", settings)
    config.optim.schedule = checkpoint[TRAINING]["optim.schedule"] = "cosine"
    torch.save(checkpoint, tmp_path / "cosine.ckpt")
    with pytest.raises(LulcsegError, match=r"laid out over 1 epochs, not 2; set trainer\.epochs=1"):
        check_resumable(tmp_path / "cosine.ckpt", settings)
    checkpoint[TRAINING]["trainer.epochs"] = 2
    torch.save(checkpoint, tmp_path / "interrupted.ckpt")
    check_resumable(tmp_path / "interrupted.ckpt", settings)
    del checkpoint[TRAINING]
    torch.save(checkpoint, tmp_path / "earlier.ckpt")
    check_resumable(tmp_path / "earlier.ckpt", settings)


def test_going_on_keeps_the_best_of_all_epochs(trained: Path, tmp_path: Path) -> None:
    earlier = trained / "checkpoints"
    callback = RunCheckpoints(tmp_path / "new", Monitor("x", "min"), earlier=earlier / "last.ckpt")
    callback.load_state_dict({"best_model_score": torch.tensor(0.25), "best_model_path": str(earlier / "best.ckpt")})
    assert (tmp_path / "new" / "best.ckpt").read_bytes() == (earlier / "best.ckpt").read_bytes()
    alone: Any = SimpleNamespace(strategy=SimpleNamespace(reduce_boolean_decision=bool))
    assert not callback.check_monitor_top_k(alone, torch.tensor(0.5))
    assert callback.check_monitor_top_k(alone, torch.tensor(0.1))


def test_same_seed_same_plan_and_another_seed_another(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *SMALL, "stop_after=plan"]
    digests = []
    for number, seed in enumerate((3, 3, 4)):
        folder = run(tmp_path / str(number), *options, f"seed={seed}")
        digests.append(json.loads((folder / "record.json").read_text())["plan"]["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_two_scenes_and_validation_blocks(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    names = ",".join(str(make_scene(n, seed=i)) for i, n in enumerate(("a", "b")))
    options = ["validation.fraction=0.3", "validation.block=32", "sampling.patch_size=16", "augment=light"]
    folder = tmp_path / "run"
    chosen = [f"scenes.train=[{names}]", f"cache={cache}", f"run_dir={folder}", *QUICK, *options]
    score = train(compose("train", chosen))
    record = json.loads((folder / "record.json").read_text())
    assert record["train_scenes"] == ["a", "b"]
    assert record["assessments"] == [f"assessment/{n}_{k}" for n in "ab" for k in ("single", "labels")]
    assert record["plan"]["validation"] > 0
    assert "val/mean_f1" in (folder / "metrics.csv").read_text().splitlines()[0]
    assert sorted(p.name for p in (folder / "maps").glob("*.tif")) == ["a_single.tif", "b_single.tif"]
    scored = json.loads((folder / "assessment" / "a_single.json").read_text())
    assert score == scored["mean_f1"], "the run's score isn't that of its first map"
    assert scored["inside_training"]["n_scored"] + scored["outside_training"]["n_scored"] == 40


def test_grid_sampling_and_scaling(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    options = [
        "sampling=grid",
        "sampling.cell=32",
        "sampling.background=Bare",
        "scaling=batch",
        "sampling.patch_size=16",
    ]
    folder = run(tmp_path / "run", f"scene={make_scene()}", f"cache={cache}", *QUICK, *options)
    plan = json.loads((folder / "record.json").read_text())["plan"]
    assert plan["train"] == 4 * 4  # cells of 32 that meet the 48 × 64 block of trees: 2 × 2


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
        (["scenes.train=x.yaml"], r"write scenes\.train=\[x\.yaml\]"),
        (["scenes.train=[{scene},{two}]"], "has 2 bands"),
        (["scenes.train=[{scene},{coarse}]"], r"set resolution: 0\.5"),
        (["scenes.assess=[{two}]"], "has 2 bands"),
        (["scenes.assess=[{column}]"], "has no column 'klass'"),
        (["trainer.accelerator=gpu"], "this machine has no gpu"),
        (["mosaic.patch_size=100000"], "above 8192"),
        (["mosaic.region=none.gpkg"], "there is no such file"),
        (["augment=geometry", "augment.margin=8", "validation.fraction=0.3"], "held out for validation"),
        (["run_dir=/proc/none/run"], "/proc/none/run"),
    ],
)
def test_bad_training_input_leaves_nothing(
    make_scene: Make, cache: Path, tmp_path: Path, options: list[str], part: str
) -> None:
    if "gpu" in part and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    scenes = {
        "scene": make_scene(),
        "two": make_scene("two", imagery={"files": ["image.tif"], "bands": [1, 2]}),
        "coarse": make_scene("coarse", resolution=1.0),
        "column": make_scene("column", points={"file": "points.gpkg", "column": "klass"}),
    }
    filled = [option.format(**scenes) if "{" in option else option for option in options]
    with pytest.raises(LulcsegError, match=part):
        train(
            compose(
                "train", [f"scene={scenes['scene']}", f"run_dir={tmp_path / 'run'}", f"cache={cache}", *QUICK, *filled]
            )
        )
    assert not (tmp_path / "run").exists()


def test_a_margin_and_the_ground_that_a_plan_handed_in_holds_out_are_refused(
    make_scene: Make, cache: Path, tmp_path: Path
) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *QUICK, "augment=geometry"]
    held_out = ["validation.fraction=0.3", "validation.block=32", "sampling.patch_size=16"]
    drawn = run(tmp_path / "drawn", *options, *held_out, "stop_after=plan")
    taken = [*options, f"sampling.plan={drawn / 'plan.gpkg'}"]
    with pytest.raises(LulcsegError, match="held out for validation"):
        run(tmp_path / "none", *taken, "augment.margin=8")
    assert not (tmp_path / "none").exists()
    bare = run(tmp_path / "bare", *taken, "stop_after=plan")
    assert json.loads((bare / "plan.json").read_text())["meta"]["margin"] == 0


def test_points_in_the_margin_are_scored_as_seen(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *QUICK, "sampling.patches=4", "sampling.patch_size=16"]
    options += ["model.filters=4"]
    seen = []
    for name, margin in (("none", 0), ("wide", 16)):
        chosen = [*options, "augment=geometry", f"augment.margin={margin}"]
        folder = run(tmp_path / name, *chosen)
        scored = json.loads((folder / "assessment" / "scene_single.json").read_text())
        seen.append(scored["inside_training"]["n_scored"])
    assert 0 < seen[0] < seen[1] < 40


def test_colours_of_float_imagery_need_a_range(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = make_scene(labels={"file": "labels.gpkg", "column": "class", "uncovered": "Bare"})
    with rasterio.open(scene.parent / "image.tif") as source:
        values = source.read().astype(np.float32) * 12
    write_raster(scene.parent / "image.tif", values)
    options = [f"scene={scene}", f"cache={cache}", *QUICK, "augment=light", "stop_after=training"]
    with pytest.raises(LulcsegError, match=r"float32 values.*set scaling\.range"):
        run(tmp_path / "none", *options)
    assert not (tmp_path / "none").exists()
    folder = run(tmp_path / "range", *options, "scaling.range=[0,3060]")
    assert json.loads((folder / "record.json").read_text())["state"] == "finished"


def test_one_checkpoint_is_mapped_by_each_that_may_stand_for_the_batch(
    make_scene: Make, cache: Path, tmp_path: Path
) -> None:
    options = [f"scene={make_scene()}", f"cache={cache}", *QUICK, "scaling=batch", "scaling.at_prediction=mosaic"]
    folder = run(tmp_path / "run", *options, "reading.decoded=true")
    assert json.loads((folder / "record.json").read_text())["dropped_patches"] == 0
    checkpoint = folder / "checkpoints" / "best.ckpt"
    request = [f"checkpoint={checkpoint}", f"scene={make_scene('other', seed=4)}", f"cache={cache}"]
    for choice in ("patch", "mosaic", "training"):
        predict(compose("predict", [*request, "mosaic=single", f"at_prediction={choice}"]))
    maps = {m["path"]: m["scaled_over"] for m in json.loads((folder / "record.json").read_text())["maps"]}
    assert maps == {"maps/scene_single.tif": "mosaic"} | {
        f"maps/other_single_{choice}.tif": choice for choice in ("patch", "mosaic", "training")
    }
    for path, choice in maps.items():
        with rasterio.open(folder / path) as mapped:
            assert mapped.tags()["scaled_over"] == choice
        assert (folder / path.replace("maps/", "assessment/")).with_suffix(".json").is_file()
    plain = run(tmp_path / "plain", *options[:-2], "stop_after=training")
    request[0] = f"checkpoint={plain / 'checkpoints' / 'best.ckpt'}"
    with pytest.raises(LulcsegError, match=r"at_prediction: a model trained with .* has no statistics of the batch"):
        predict(compose("predict", [*request, "at_prediction=mosaic"]))


def test_script_prints_one_sentence_and_leaves_with_2(tmp_path: Path) -> None:
    done = script("train.py", "scene=none.yaml", f"cache={tmp_path / 'cache'}", "run_dir=out/run", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "there is no scene 'none.yaml'" in done.stderr
    assert not (tmp_path / "out").exists()
    (tmp_path / "inner").mkdir()
    done = script("predict.py", cwd=tmp_path / "inner")
    assert done.returncode == 2
    assert "checkpoint is missing" in done.stderr
    assert (tmp_path / "inner").is_dir()


def test_a_number_of_steps_is_come_near_to_in_whole_epochs(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    quick = [f"scene={make_scene()}", f"cache={cache}", *QUICK, "stop_after=training"]
    few, many = (run(tmp_path / f"s{steps}", *quick, f"trainer.steps={steps}") for steps in (1, 17))
    record = json.loads((many / "record.json").read_text())
    an_epoch = -(-record["plan"]["train"] // 8)
    assert record["steps"] == an_epoch * round(17 / an_epoch) > an_epoch
    assert json.loads((few / "record.json").read_text())["steps"] == an_epoch, "an epoch at least"
    assert yaml.safe_load((many / "config.yaml").read_text())["trainer"]["epochs"] == round(17 / an_epoch)


def test_several_scenes_are_mapped_at_once_and_previews_are_drawn_once(
    trained: Path, make_scene: Make, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def counted(scene: Any, out_dir: Path) -> dict[str, Any]:
        drawn.append(scene.name)
        return write_previews(scene, out_dir)

    monkeypatch.setattr("lulcseg.pictures.previews.write_previews", counted)
    wanted = [str(make_scene(name, seed=seed)) for name, seed in (("east", 5), ("west", 6))]
    request = [f"checkpoint={trained / 'checkpoints' / 'best.ckpt'}", f"cache={cache}", "mosaic=single", "show=none"]
    for name in ("first", "second"):
        predict(compose("predict", [*request, f"scenes.assess=[{','.join(wanted)}]", f"output={tmp_path / name}"]))
    assert drawn == ["east", "west"], "the second prediction takes the first one's"
    for name in ("first", "second"):
        folder = tmp_path / name
        entries = json.loads((folder / "record.json").read_text())["scenes"]
        assert set(entries) == {"east", "west", *json.loads((trained / "record.json").read_text())["train_scenes"]}
        assert all((folder / entry["imagery_preview"]).is_file() for entry in entries.values())
        assert {p.stem for p in (folder / "maps").glob("*.tif")} == {"east_single", "west_single"}
    one, other = (tmp_path / name / "previews" / "east.png" for name in ("first", "second"))
    assert one.read_bytes() == other.read_bytes()
