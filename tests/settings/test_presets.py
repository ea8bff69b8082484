"""A preset is what its file under conf/ says, whether it is chosen as a group's option or named."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from lulcseg.augment.build_augmentation import build
from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.launch.jobs import jobs_from
from lulcseg.mosaic.passes import plan_from
from lulcseg.settings import presets
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.config import TrainConfig
from lulcseg.settings.from_plain import fill
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.settings.presets import load_preset, preset_names, separate_presets


@pytest.mark.parametrize("name", preset_names("augment"))
def test_an_augmentation_chosen_is_the_one_that_is_named(name: str) -> None:
    chosen = compose("train", [f"augment={name}"]).augment
    assert compose("train", [f"augment.name={name}"]).augment == chosen
    assert compose("train", ["augment=paper", f"augment.name={name}"]).augment == chosen, "two presets are mixed"
    assert AugmentSettings(name).with_preset() == chosen
    assert chosen.with_preset() == chosen
    stated = {operation: share for operation, share in asdict(chosen.p).items() if share is not None}
    mine, named = build(name, 3, p=stated, strengths=chosen.strengths), build(name, 3)
    assert (mine.operations, mine.probability) == (named.operations, named.probability)


@pytest.mark.parametrize("name", preset_names("mosaic"))
def test_passes_chosen_are_those_that_are_named(name: str) -> None:
    for program in ("train", "predict"):
        chosen = compose(program, [f"mosaic={name}"]).mosaic
        for overrides in ([f"mosaic.name={name}"], ["mosaic=cheap", f"mosaic.name={name}"]):
            assert compose(program, overrides).mosaic == chosen, "two presets are mixed"
        assert plan_from(chosen) == plan_from(MosaicSettings(name)) == (name, plan_from(chosen)[1])


def test_a_value_over_a_preset_leaves_its_others() -> None:
    for words in (["augment=paper"], ["augment.name=paper"], ["augment=light", "augment.name=paper"]):
        augment = compose("train", [*words, "augment.p.clouds=0", "++augment.strengths.gamma.widest=1.2"]).augment
        assert (augment.p.clouds, augment.p.fog, augment.strengths) == (0, 0.08, {"gamma": {"widest": 1.2}})
        assert augment.p.brightness is None
    (job,) = jobs_from("train", ["augment=light", "augment.strengths.gamma.widest=1.1"])
    assert job.settings.augment.strengths == {"gamma": {"widest": 1.1}}
    light = compose("train", ["augment=light"]).augment
    assert light.strengths == {"gamma": {"widest": 1.35}}
    assert build("light", 3, strengths=light.strengths).operations == build("light", 3).operations


def test_a_run_of_an_earlier_version_is_read_as_it_was() -> None:
    """Its config.yaml names presets and states none of their values."""
    old = {
        "augment": {"name": "paper", "p": {"clouds": None, "fog": 0.5}},
        "mosaic": {"name": "multiple", "passes": []},
    }
    config = fill(TrainConfig, old, "config.yaml")
    assert config.augment.with_preset().p.clouds == 0.1
    assert config.augment.with_preset().p.fog == 0.5
    assert plan_from(config.mosaic)[0] == "multiple"
    assert plan_from(config.mosaic) == plan_from(config.mosaic.with_preset())


def test_operations_that_imagery_cannot_have_are_left_out_of_a_preset_that_is_written_out() -> None:
    light = compose("train", ["augment=light"]).augment
    shares = {name: share for name, share in asdict(light.p).items() if share is not None}
    assert "hue" not in {operation.name for operation in build("light", 4, p=shares).operations}
    with pytest.raises(LulcsegError, match="hue needs 3 bands"):
        build("light", 4, p=shares | {"hue": 0.4})


def test_a_file_under_conf_is_a_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for group, text in (("augment", "name: mine\np: {blur: 0.5}"), ("mosaic", "name: mine\npasses: [{flips: true}]")):
        (tmp_path / "conf" / group).mkdir(parents=True)
        (tmp_path / "conf" / group / "mine.yaml").write_text(text)
    assert fill(AugmentSettings, {"name": "mine"}, "here").with_preset().p.blur == 0.5
    assert {o.name for o in build("mine", 3).operations} == {"blur"}
    label, plan = plan_from(fill(MosaicSettings, {"name": "mine"}, "here"))
    assert (label, len(plan.passes[0].views)) == ("mine", 2)
    with pytest.raises(LulcsegError, match=r"name=mien is not one of its choices; did you mean 'mine'"):
        fill(AugmentSettings, {"name": "mien"}, "here")
    (tmp_path / "conf" / "mosaic" / "mine.yaml").write_text("passes: [")
    presets._read.cache_clear()
    with pytest.raises(LulcsegError, match="can't be read"):
        load_preset("mosaic", "mine")
    presets._read.cache_clear()


def test_what_is_set_besides_a_preset_stays_where_another_is_named() -> None:
    plain = {"mosaic": {"name": "single", "passes": [], "weight": "hann", "trim": 0.125}, "seed": 3}
    assert separate_presets(plain, {"mosaic": "crop"}) == {
        "mosaic": {"name": "single", "passes": [], "weight": "hann"}, "seed": 3
    }  # fmt: skip
    assert separate_presets(plain, {"mosaic": "single"}) == plain


@pytest.mark.parametrize("words", ["augment.strengths.haze.most=1", "augment.strengths.gamma.widest=-1"])
def test_strengths_that_make_no_sense_are_refused(words: str) -> None:
    with pytest.raises(LulcsegError, match=r"augment\.strengths"):
        compose("train", [f"+{words}"])
