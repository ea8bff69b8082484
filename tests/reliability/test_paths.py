"""Paths that lead nowhere, wherever a setting takes one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run.predict import predict
from lulcseg.run.train import train
from lulcseg.scene.scene import Scene


@pytest.fixture(params=["loop", "long", "user"])
def nowhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    return {"loop": f"{loop}/x", "long": str(tmp_path / ("x" * 300)), "user": "~nobody_of_this_name/x"}[request.param]


@pytest.mark.parametrize("key", ["scene", "cache", "run_dir", "ckpt_path", "sampling.plan"])
def test_a_training_is_refused(make_scene: Callable[..., Path], tmp_path: Path, nowhere: str, key: str) -> None:
    settings = {"scene": str(make_scene()), "cache": str(tmp_path / "cache"), "run_dir": str(tmp_path / "run")}
    settings |= {"logger": "none", "stop_after": "plan", key: nowhere}
    config = compose("train", [f"{name}='{value}'" for name, value in settings.items()])
    with pytest.raises(LulcsegError):
        train(config)


@pytest.mark.parametrize("key", ["scene", "checkpoint"])
def test_a_prediction_is_refused(tmp_path: Path, nowhere: str, key: str) -> None:
    settings = {"scene": "synthetic2018", "checkpoint": str(tmp_path / "best.ckpt"), key: nowhere}
    with pytest.raises(LulcsegError):
        predict(compose("predict", [f"{name}='{value}'" for name, value in settings.items()]))


@pytest.mark.parametrize("section", ["imagery", "labels", "points", "boundary", "legend"])
def test_a_scene_file_is_refused(make_scene: Callable[..., Path], cache: Path, nowhere: str, section: str) -> None:
    given = {
        "imagery": {"files": [nowhere]},
        "labels": {"file": nowhere, "column": "class", "uncovered": "Bare"},
        "points": {"file": nowhere},
        "boundary": nowhere,
        "legend": nowhere,
    }[section]
    with pytest.raises(LulcsegError):
        scene = Scene.open(str(make_scene(**{section: given})), cache)
        assert scene.labels is not None
        assert scene.points is not None
