"""What is refused of a map by several jobs, and the launchers' configurations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from lulcseg.launch import compose as composing
from lulcseg.launch import slurm
from lulcseg.launch.compose import compose, hydra_of, load
from lulcseg.launch.entry import run_hydra
from lulcseg.run_folder.settings_without_effect import FREE, settings_without
from lulcseg.settings.config import PredictConfig

MAP = ["checkpoint=best.ckpt", "scene=scene.yaml", "mosaic.shares=4"]


def refused(capsys: pytest.CaptureFixture[str], name: str, words: list[str]) -> str:
    def never(_: Any) -> float | None:
        raise AssertionError("it ran")

    with pytest.raises(SystemExit) as left:
        run_hydra(name, never, words)
    assert left.value.code == 2
    return capsys.readouterr().err


def test_jobs_of_several_devices_or_of_a_sweep_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "devices=2: each of the jobs of mosaic.shares has one device" in refused(
        capsys, "predict", [*MAP, "devices=2"]
    )
    assert "mosaic.shares=4 makes one map with several jobs, and -m makes several" in refused(
        capsys, "predict", ["-m", *MAP, "mosaic=single,cheap"]
    )
    assert "mosaic.shares: a sweep's maps are made one by one" in refused(
        capsys, "predict", ["-m", "+sweeps=passes", "mosaic.shares=4"]
    )
    assert "a training makes its maps in its own process" in refused(capsys, "train", ["mosaic.shares=4"])


@pytest.mark.parametrize(
    ("launcher", "extra", "plugin"),
    [("ray", "ray", "hydra-ray-launcher"), ("slurm", "slurm", "hydra-submitit-launcher")],
)
def test_a_launcher_that_is_missing_is_named_with_its_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, launcher: str, extra: str, plugin: str
) -> None:
    found = composing._is_importable
    monkeypatch.setattr(composing, "_is_importable", lambda package: "hydra_plugins" not in package and found(package))
    for name, words in (("predict", MAP), ("train", ["-m", "+sweeps=batch_size", "scene=scene.yaml"])):
        said = refused(capsys, name, [*words, f"hydra/launcher={launcher}"])
        assert f"isn't installed; run pip install 'lulcseg[{extra}]', which adds {plugin}." in said


def test_a_launcher_without_anything_to_launch_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "predict", [*MAP[:2], "hydra/launcher=joblib"])
    assert "'hydra/launcher=joblib' has nothing to launch: this is one job, which would run here" in said
    assert "add mosaic.shares=… for one map by several jobs, -m for several runs, or leave it out" in said
    said = refused(capsys, "train", ["scene=scene.yaml", "hydra/launcher=joblib"])
    assert "add -m for several runs, or leave it out" in said


def test_slurm_where_there_is_none(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    monkeypatch.setattr(slurm.shutil, "which", lambda _: None)
    for name, words in (("predict", MAP), ("train", ["-m", "+sweeps=batch_size", "scene=scene.yaml"])):
        said = refused(capsys, name, [*words, "hydra/launcher=slurm"])
        assert "hydra/launcher=slurm: Slurm isn't on this machine: there is no srun; start it on a machine" in said
    monkeypatch.setattr(slurm.shutil, "which", lambda _: "/usr/bin/srun")
    with hydra_of("predict"):
        slurm.check_slurm(load("predict", [*MAP, "hydra/launcher=slurm"], several=True))


def test_an_unknown_launcher_is_named_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'slurm'?" in refused(capsys, "predict", [*MAP, "hydra/launcher=slurn"])


def test_settings_of_several_runs_cannot_be_printed_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "train", ["-m", "+sweeps=transfer", "scene=scene.yaml", "--cfg", "job"])
    assert "Traceback" not in said
    assert "leave -m out" in said


def test_a_setting_of_the_other_program_is_not_suggested_with_a_plus(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "predict", [*MAP[:2], "logger=none"])
    assert "leave it out: it is a setting of train" in said


@pytest.mark.parametrize("program", ["predict", "train"])
def test_the_ray_launcher_asks_for_a_gpu_a_job(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(composing, "_is_importable", lambda _: True)
    with hydra_of(program):
        config = load(program, ["hydra/launcher=ray", "hydra.launcher.ray.remote.num_cpus=2"], several=True)
    assert config.hydra.launcher.ray.remote == {"num_gpus": 1, "num_cpus": 2, "max_calls": 1, "max_retries": 3}
    assert config.hydra.launcher.ray.init == {"address": None, "object_store_memory": None}
    assert config.hydra.launcher._target_ == "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"


def test_the_number_of_jobs_changes_no_result() -> None:
    one: PredictConfig = compose("predict", MAP[:2])
    many: PredictConfig = compose("predict", MAP)
    assert (one.mosaic.shares, many.mosaic.shares) == (1, 4)
    assert settings_without(asdict(one), FREE) == settings_without(asdict(many), FREE)
