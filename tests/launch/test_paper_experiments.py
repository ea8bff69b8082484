"""The paper's experiments and sweeps, held against PAPER's tables: written here by hand, not read from conf/."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

import pytest
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.launch.command_line import groups, program_of
from lulcseg.launch.compose import compose, compose_all
from lulcseg.launch.jobs import jobs_from, jobs_of
from lulcseg.launch.wandb_agents import wandb_sweep
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.mosaic import MosaicSettings
from tests.support.checkout import ROOT

# Section 2 and Table 2 for what every trial shares; Tables 3 and 5 for patches and batches.
SHARED = {
    "sampling.patch_size": 512, "sampling.method": "stratified", "sampling.totals": "exact", "trainer.epochs": 20,
    "augment.name": "none", "scaling.method": "none", "mosaic.name": "single", "model.name": "unet",
    "model.filters": 32, "model.depth": 4, "validation.fraction": 0.0,
    "optim.learning_rate": 0.001, "optim.schedule": "cosine",  # the paper prints neither: what all runs had
}  # fmt: skip
TABLE_5 = {128: 1024, 256: 256, 512: 64, 1024: 16}
GRID_PATCHES = {128: 154_112, 256: 38_528, 512: 9_632, 1024: 2_408}
BATCHES = [10, 50, 100, 150, 200, 250, 280]
EXPERIMENTS: dict[str, dict[str, Any]] = {
    **{f"batch{b}": {"trainer.batch_size": b, "sampling.match_total": 3_986} for b in BATCHES},
    **{
        f"patch{size}_grid": {
            "sampling.patch_size": size, "sampling.method": "grid", "sampling.cell": 1024,
            "sampling.background": "Other", "sampling.min_valid": 0.0,
            "sampling.totals": "per_feature", "trainer.batch_size": batch,
        }
        for size, batch in TABLE_5.items()
    },
    **{
        f"patch{size}_stratified": {
            "sampling.patch_size": size, "sampling.patches": GRID_PATCHES[size], "trainer.batch_size": batch,
        }
        for size, batch in TABLE_5.items()
        if size != 128
    },
    "patch128_stratified": {
        "sampling.patch_size": 128, "sampling.match_total": 154_514, "sampling.totals": "per_feature",
        "trainer.batch_size": 1024,
    },
    "augment_off": {"sampling.match_total": 22_830},
    "augment_on": {"sampling.match_total": 22_830, "augment.name": "paper"},
    "scaling_off": {"sampling.match_total": 22_830},
    "scaling_on": {"sampling.match_total": 22_830, "scaling.method": "min_max", "scaling.over": "batch"},
    "full_training": {
        "sampling.match_total": 22_830, "augment.name": "paper", "scaling.method": "min_max", "scaling.over": "batch",
        "mosaic.name": "multiple", "trainer.epochs": 100, "trainer.batch_size": 20,
    },
}  # fmt: skip
SERIES = {"batch", "patch_grid", "patch_stratified"}
"""What the paper's batches and patch sizes are variants of; each runs by itself with any number."""
TRANSFER = {"place", "transfer", "transfer_source", "transfer_exchange", "transfer_camera"}
SOURCES = ["sources_rgb", "sources_rgb_dsm", "sources_rgb_dsm_nir"]
OURS = {*SOURCES, "demo", "demo_small", "transfer_plain", "transfer_augmented", *TRANSFER}
PATCHES = [f"patch{size}_{how}" for how in ("grid", "stratified") for size in (128, 256, 512, 1024)]
SWEEPS: dict[str, tuple[list[str], list[float | None], tuple[str | None, list[str]]]] = {
    "batch_size": ([f"batch{b}" for b in (10, 50, 100, 150, 200, 250, 280)], [10, 50, 100, 150, 200, 250, 280],
                   ("slope", [])),
    "patch_size": (PATCHES, [128, 256, 512, 1024] * 2, ("slope", PATCHES[4:])),
    "augmentation": (["augment_off", "augment_on"], [None, None], ("difference", ["augment_off", "augment_on"])),
    "scaling": (["scaling_off", "scaling_on"], [None, None], ("difference", ["scaling_off", "scaling_on"])),
    "full_training": (["full_training"], [None], (None, [])),
    "passes": (["single", "multiple"], [None, None], ("difference", ["single", "multiple"])),
}  # fmt: skip


def flat(plain: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in plain.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


@cache
def of_nothing() -> dict[str, Any]:
    return flat(asdict(compose("train")))


@cache
def runs_of(sweep: str) -> list[Any]:
    return [job.settings for job in jobs_from(program_of(sweep), ["-m", f"+sweeps={sweep}"])]


STUDIED = (
    "fast_path_off", "fast_path_on", "grid_corrected", "stratified_corrected", "stratified_ground",
    "augment_on_scaled", "augment_on_scaled_after", "augment_transfer", "augment_transfer_scaled",
    "augment_transfer_scaled_after",
)  # fmt: skip
ENCODERS = ("encoder_random", "encoder_imagenet", "encoder_frozen", "encoder_slow")
WEIGHTED = (
    "grid_inverse", "stratified_dice_ce", "stratified_effective_number", "stratified_focal", "stratified_inverse",
    "stratified_lovasz", "stratified_tversky",
)  # fmt: skip
STUDIES = (
    "adaptation", "joined", "longer", "preprocessing", "rotations",
    "augmentation_time", "batch_rates", "batch_steps", "calibration", "ensemble", "fast_path", "losses", "one_class",
    "pass_sets", "pass_weights", "patch_batch", "patch_window", "pretrained", "sampling", "sources", "transfer",
)  # fmt: skip
"""What the study adds to take the paper's artefacts apart, and one that asks whether speed costs accuracy."""


def test_no_experiment_of_the_papers_is_missing_or_unknown() -> None:
    assert set(groups()["experiment"]) == {*EXPERIMENTS, *OURS, *STUDIED, *ENCODERS, *WEIGHTED, *SERIES}
    assert {p.stem for p in (ROOT / "sweeps").glob("*.yaml")} == {*SWEEPS, "replicates", *STUDIES}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_is_what_the_paper_describes_and_nothing_else(name: str) -> None:
    composed = compose("train", [f"+experiment={name}"])
    mine, default = flat(asdict(composed)), of_nothing()
    expected = SHARED | EXPERIMENTS[name]
    assert {key: mine[key] for key in expected} == expected
    changed = {key for key, value in mine.items() if value != default[key]} - {"run_dir", "name"}
    presets = ("augment.p.", "mosaic.passes", "mosaic.weight")
    assert {key for key in changed if not key.startswith(presets)} <= set(expected), "it changes what the paper doesn't"
    assert composed.augment == AugmentSettings(composed.augment.name).with_preset()
    assert composed.mosaic == MosaicSettings(composed.mosaic.name).with_preset()
    assert mine["name"] == name


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_is_the_papers_trial(name: str) -> None:
    program, (values, levels, contrast) = program_of(name), SWEEPS[name]
    runs = runs_of(name)
    assert [(r.trial.value, r.trial.level, r.seed) for r in runs] == [
        (value, level, seed) for value, level in zip(values, levels, strict=True) for seed in range(5)
    ]
    assert {r.trial.name for r in runs} == {name}
    assert {(r.trial.contrast.kind, tuple(r.trial.contrast.values)) for r in runs} == {(contrast[0], (*contrast[1],))}
    for run in runs:
        folder = run.output if program == "predict" else run.run_dir
        assert folder == f"runs/{name}/{run.trial.value}/seed{run.seed}"
        if program == "train":
            assert run.sampling.seed == 0, "its runs don't share a plan"
    if program == "train":
        ends = values[:: max(1, len(values) - 1)]
        lone = compose_all("train", [[f"+experiment={value}", "seed=4"] for value in ends])
        for alone, run in zip(lone, [run for run in runs if run.seed == 4 and run.trial.value in ends], strict=True):
            mine, swept = flat(asdict(alone)), flat(asdict(run))
            differing = {key for key in mine if mine[key] != swept[key]}
            assert all(key in {"run_dir", "sampling.seed"} or key.startswith("trial.") for key in differing)


def test_the_trial_of_pretrained_encoders_differs_in_their_weights_alone() -> None:
    runs = runs_of("pretrained")
    assert [(run.trial.value, run.seed) for run in runs] == [(name, seed) for name in ENCODERS for seed in range(5)]
    plain = {run.name: flat(asdict(run)) for run in runs if run.seed == 0}
    changed = {name: {k: v for k, v in plain[name].items() if v != plain["encoder_random"][k]} for name in ENCODERS[1:]}
    own = {"name", "run_dir", "trial.value"}
    weights = {"model.encoder_weights": "imagenet"}
    expected = [weights, weights | {"model.freeze": "encoder"}, weights | {"optim.encoder_rate": 0.1}]
    assert [{k: v for k, v in each.items() if k not in own} for each in changed.values()] == expected
    assert runs[0].trial.contrast.values == ["encoder_random", "encoder_imagenet"]


def test_a_sweep_says_which_script_runs_it() -> None:
    predicted = {name for name in groups()["sweeps"] if program_of(name) == "predict"}
    again = {"adaptation", "calibration", "ensemble", "joined", "rotations"}
    assert predicted == again | {"passes", "pass_sets", "pass_weights", "patch_window"}


def test_the_passes_are_of_the_models_trained_with_augmentation() -> None:
    runs = runs_of("passes")
    trained = {run.run_dir for run in runs_of("augmentation")}
    for run in runs:
        assert run.mosaic.name == run.trial.value
        folder = run.checkpoint.removesuffix("/checkpoints/best.ckpt")
        assert folder in trained
        assert folder.endswith(f"augment_on/seed{run.seed}")
    with pytest.raises(LulcsegError, match=r"predicts models that are trained already; write .*lulcseg predict -m"):
        jobs_from("train", ["-m", "+sweeps=passes"])
    with pytest.raises(LulcsegError, match=r"trains models; write .*lulcseg train -m \+sweeps=scaling"):
        jobs_from("predict", ["-m", "+sweeps=scaling"])


@pytest.mark.parametrize("name", [*SWEEPS, "replicates"])
def test_a_sweep_holds_parameters_seeds_and_what_the_trial_is(name: str) -> None:
    content = yaml.safe_load((ROOT / "sweeps" / f"{name}.yaml").read_text())
    where = {"checkpoint"} if name == "passes" else set()
    assert set(content) == {"defaults", "hydra", "trial"} | where
    assert content["defaults"] == [f"base/{program_of(name)}"]
    assert set(content["hydra"]) == {"sweeper"}
    assert content["hydra"]["sweeper"]["params"]["seed"] == "0,1,2,3,4"
    assert set(content["hydra"]["sweeper"]["params"]) <= {"seed", "+experiment", "mosaic"}


def test_the_trial_of_calibration_compares_the_log_loss() -> None:
    runs = runs_of("calibration")
    assert {run.calibration for run in runs} == {"none", "temperature", "vector"}
    assert all(run.calibration == run.trial.value for run in runs)
    assert {(run.trial.contrast.metric, *run.trial.contrast.values) for run in runs} == {("nll", "none", "temperature")}
    assert all("probabilities" in run.mosaic.outputs for run in runs)


def test_any_batch_and_any_patch_size_is_an_experiment_too() -> None:
    batch = compose("train", ["+experiment=batch", "trainer.batch_size=30"])
    assert (batch.name, batch.trainer.batch_size, batch.sampling.match_total) == ("batch", 30, 3986)
    grid = compose("train", ["+experiment=patch_grid", "sampling.patch_size=96"])
    assert (grid.sampling.method, grid.sampling.patch_size) == ("grid", 96)
    with pytest.raises(LulcsegError, match=r"there is no conf/experiment/batch51\.yaml; did you mean 'batch5"):
        jobs_from("train", ["+experiment=batch51"])


def test_what_is_said_on_the_command_line_stands_over_the_sweep() -> None:
    jobs = jobs_of(
        "train", ["+sweeps=batch_size", "+experiment=batch50", "seed=7,8", "sampling.seed=null", "hydra.verbose=true"]
    )
    assert [(j.settings.name, j.settings.seed, j.settings.sampling.seed) for j in jobs] == [
        ("batch50", 7, None), ("batch50", 8, None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["batch_size", "passes", "replicates", "losses", "adaptation", "patch_batch", "patch_window"]
)
def test_a_wandb_sweep_is_of_the_same_runs(name: str) -> None:
    program = program_of(name)
    made = yaml.safe_load(yaml.safe_dump(wandb_sweep(name, ["cache=/c"])))
    assert made["program"] == f"{program}.py"
    assert made["method"] == "grid"
    assert set(made["metric"]) == {"name", "goal"}
    assert made["command"][:4] == ["${env}", "${interpreter}", "-m", "lulcseg"]
    assert made["command"][4:7] == [program, "-m", f"+sweeps={name}"]
    assert made["command"][-1] == "${args_no_hyphens}"
    fixed = [word for word in made["command"][6:-1] if word != "logger.offline=false"]
    swept = runs_of(name)
    runs = [[]]
    for key, values in made["parameters"].items():
        runs = [[*run, f"{key}={value}"] for run in runs for value in values["values"]]
    assert len(runs) == len(swept)
    assert "cache=/c" in fixed
    fixed.remove("cache=/c")
    number = len(runs) * 2 // 3
    (one,) = jobs_of(program, [*fixed, *runs[number]])
    assert one.settings in swept
    if name == "batch_size":
        assert made["metric"]["name"] == "synthetic_2018_single/kappa"
    with pytest.raises(LulcsegError, match="did you mean 'batch_size'"):
        wandb_sweep("batch_sise")


def test_the_trial_of_losses_differs_in_loss_and_sampling_alone() -> None:
    runs = runs_of("losses")
    stated = {run.name: flat(asdict(run)) for run in runs if run.seed == 0}
    assert set(stated) == {"patch512_grid", "patch512_stratified", *WEIGHTED}
    assert len(runs) == 5 * len(stated)
    for name, settings in stated.items():
        plain = stated["patch512_grid" if "grid" in name else "patch512_stratified"]
        changed = {k for k, v in settings.items() if v != plain[k]} - {"name", "run_dir", "trial.value"}
        assert len(changed) == int(name in WEIGHTED), name
        assert changed <= {"loss.name", "loss.class_weights"}
    assert runs[0].trial.contrast.values == ["grid_inverse", "patch512_stratified"]


def test_the_trial_of_sources_is_of_one_scene_in_pairs() -> None:
    runs = runs_of("sources")
    assert [(run.trial.value, run.seed) for run in runs] == [(value, seed) for value in SOURCES for seed in range(5)]
    used = {run.trial.value: (run.scene, *run.scenes.sources) for run in runs}
    scene = "synthetic2018_sources"
    assert used == {
        "sources_rgb": (scene, "rgb"),
        "sources_rgb_dsm": (scene, "rgb", "dsm"),
        "sources_rgb_dsm_nir": (scene, "rgb", "dsm", "nir"),
    }
    assert {(run.sampling.seed, run.trial.contrast.kind, *run.trial.contrast.values) for run in runs} == {
        (0, "difference", *SOURCES[:2])
    }
    own = [job.settings for job in jobs_of("train", ["+sweeps=sources", "scene=mine.yaml", "seed=0"])]
    assert {run.scene for run in own} == {"mine.yaml"}
