"""Filling sections from plain containers: an object by ``_target_``, and the way back from a run's config.yaml."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.launch.jobs import jobs_from
from lulcseg.settings.config import TrainConfig
from lulcseg.settings.from_plain import fill
from lulcseg.settings.loss import LossSettings
from tests.support.checkout import ROOT

SECTIONS = ("model", "loss", "optim", "sampling", "augment")


@pytest.mark.parametrize("section", SECTIONS)
def test_a_target_takes_the_keys_beside_it_as_arguments(section: str) -> None:
    words = [f"{section}._target_=my_package.Mine", f"+{section}.gamma=2", f"+{section}.nested={{a: [1, x]}}"]
    jobs_from("train", words)
    config = compose("train", words)
    found = getattr(config, section)
    assert (found.target, found.arguments) == ("my_package.Mine", {"gamma": 2, "nested": {"a": [1, "x"]}})
    assert fill(TrainConfig, asdict(config), "config.yaml") == config, "config.yaml isn't read back"


def test_settings_beside_a_target_stay_settings() -> None:
    loss = fill(LossSettings, {"_target_": "a.B", "label_smoothing": 0.1, "gamma": 2.0}, "here")
    assert loss == LossSettings(label_smoothing=0.1, target="a.B", arguments={"gamma": 2.0})


def test_without_a_target_a_section_takes_no_arguments() -> None:
    for words in (["+loss.gamma=2"], ["+model.gamma=2", "loss._target_=a.B"]):
        with pytest.raises(LulcsegError, match="gamma=2' names no setting"):
            jobs_from("train", words)
    with pytest.raises(LulcsegError, match=r"unknown key 'loss\.label_smothing'.*'loss\.label_smoothing'"):
        jobs_from("train", ["loss=cross_entropy", "+loss.label_smothing=0.1"])
    with pytest.raises(LulcsegError, match="unknown key 'gamma'"):
        fill(LossSettings, {"_target_": None, "gamma": 2}, "here")


def test_sections_are_declared_without_omegaconf() -> None:
    code = "import sys, lulcseg.settings.config; print('omegaconf' in sys.modules, 'yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False False\n"


def test_whole_numbers_are_floats_where_a_mapping_wants_them() -> None:
    for words in (["augment=light", "augment.strengths.gamma.widest=2"], ["+augment.strengths.gamma.widest=2"]):
        found = compose("train", words).augment.strengths["gamma"]["widest"]
        assert found == 2.0
        assert type(found) is float
    with pytest.raises(LulcsegError, match=r"gamma=\{widest: true\} is not a number"):
        compose("train", ["+augment.strengths.gamma.widest=true"])


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("augment.strengths.gamma.widest=2", r"write \+augment\.strengths\.gamma\.widest=…"),
        ("augment.strengths={gamma: {widest: 2}}", r"write \+augment\.strengths\.…=…, one for each of its keys"),
        ("callbacks.mine._target_=a.B", r"write \+callbacks\.mine\._target_=…"),
    ],
)
def test_keys_of_a_mapping_are_added_with_a_plus(word: str, remedy: str) -> None:
    with pytest.raises(LulcsegError, match=remedy):
        compose("train", [word])
