"""Composition is strict: a misspelt key never runs the baseline."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.launch.command_line import groups
from lulcseg.launch.compose import SCHEMAS, compose
from lulcseg.launch.jobs import jobs_from
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.config import TrainConfig
from lulcseg.settings.configuration_folders import CONF
from lulcseg.settings.from_plain import fill
from lulcseg.settings.schema import known_keys


@pytest.mark.parametrize(
    ("argument", "part"),
    [
        ("+experimnt=patch512_grid", "'experiment'"),
        ("+experiment=patch51_grid", "'patch512_grid'"),
        ("model.fliters=3", "'model.filters'"),
        ("+model.fliters=3", "'model.filters'"),
        ("modle=unet", "'model'"),
        ("sampling=strat", "'stratified'"),
        ("augment.p.zom=0.5", "'augment.p.zoom'"),
        ("+sweeps=patch_size", "needs -m"),
        ("seed=0,1", "add -m"),
        ("seed", "write key=value"),
        ("trainer.epochs=abc", "trainer.epochs"),
        ("trainer.epochs=0", "below 1"),
        ("mosaic.name=mult", "'multiple'"),
        ("augment.strength=nan", "augment.strength=nan"),
    ],
)
def test_wrong_override_is_refused_with_a_remedy(argument: str, part: str) -> None:
    with pytest.raises(LulcsegError, match=part):
        jobs_from("train", [argument])


def test_a_range_does_not_cut_what_a_mosaics_deviation_counted() -> None:
    compose("train", ["scaling=patch", "scaling.method=standardise", "scaling.range=[0,4000]"])
    for options in (["scaling=standardise"], ["scaling.method=standardise", "scaling.at_prediction=mosaic"]):
        with pytest.raises(LulcsegError, match=r"scaling\.range doesn't go with"):
            compose("train", [*options, "scaling.range=[0,4000]"])


def test_a_study_stands_for_the_papers_numbers_and_the_command_line_stands_over_it() -> None:
    mini = compose("train", ["study=mini", "+experiment=patch1024_grid"])
    assert (mini.sampling.patch_size, mini.sampling.cell, mini.trainer.batch_size) == (256, 256, 1)
    assert compose("train", ["study=mini", "+experiment=batch280"]).trainer.batch_size == 28
    own = compose("train", ["study=mini", "+experiment=patch1024_grid", "sampling.patch_size=48", "sampling=uniform"])
    assert (own.sampling.patch_size, own.study.name) == (48, "mini")
    paper = compose("train", ["+experiment=patch1024_grid"])
    assert (paper.sampling.patch_size, paper.sampling.cell, paper.trainer.batch_size) == (1024, 1024, 16)


def test_multirun_is_checked_before_its_first_job() -> None:
    with pytest.raises(LulcsegError, match=r"trainer\.epochs"):
        jobs_from("train", ["-m", "seed=0,1", "trainer.epochs=1,x"])
    jobs_from("train", ["-m", "seed=0,1", "trainer.epochs=1,2"])


def test_scene_is_a_plain_string() -> None:
    assert compose("train", ["scene=/some where/x.yaml"]).scene == "/some where/x.yaml"
    assert compose("train", ["scenes.assess=[a,b/c.yaml]"]).scenes.assess == ["a", "b/c.yaml"]


@pytest.mark.parametrize("name", ["train", "predict"])
def test_without_overrides_everything_is_the_schemas_default(name: str) -> None:
    composed, schema = compose(name), SCHEMAS[name]()
    schema.mosaic = schema.mosaic.with_preset()
    if isinstance(schema, TrainConfig):  # conf/train.yaml flips and turns; in Python nothing is augmented unasked
        schema.augment = AugmentSettings("flips").with_preset()
    for key in set(known_keys(SCHEMAS[name])) - {"run_dir"}:  # it carries the time
        assert _get(composed, key) == _get(schema, key), key


def test_every_group_option_composes() -> None:
    for group, options in groups().items():
        if group in {"experiment", "sweeps", "hparams_search"}:  # tests of their own
            continue
        for option in options:
            assert isinstance(compose("train", [f"{group}={option}"]), TrainConfig)


def test_every_setting_is_explained() -> None:
    for key, field in known_keys(TrainConfig).items():
        if not dataclasses.is_dataclass(_get(TrainConfig(), key)):
            about = field.metadata["about"]
            assert about.endswith("."), key


def test_unknown_key_in_a_file_names_the_file() -> None:
    with pytest.raises(LulcsegError, match=r"my\.yaml.*trainer\.epochs"):
        fill(TrainConfig, {"trainer": {"epoks": 3}}, str(Path("my.yaml")))


def _get(config: object, key: str) -> object:
    for part in key.split("."):
        config = getattr(config, "target" if part == "_target_" else part)
    return config


def test_operations_are_the_catalogues() -> None:
    from lulcseg.augment.catalogue import CATALOGUE
    from lulcseg.settings.augment import OPERATIONS

    assert [operation.name for operation in CATALOGUE] == list(OPERATIONS)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_no_setting_is_called_like_a_group_that_it_is_not(name: str) -> None:
    """Hydra takes ``key=value`` for the choice of a group's file wherever ``conf/key/`` is a folder."""
    chosen = {
        key.removeprefix("override ")
        for entry in yaml.safe_load((CONF / f"{name}.yaml").read_text())["defaults"]
        if isinstance(entry, dict)
        for key in entry
    }
    plain = {key for key in known_keys(SCHEMAS[name]) if "." not in key} - chosen
    sections = {key for key in plain if dataclasses.is_dataclass(getattr(SCHEMAS[name](), key))}  # always dotted
    assert not {key for key in plain - sections if (CONF / key).is_dir()}


def test_a_replicate_stays_on_one_machine() -> None:
    with pytest.raises(LulcsegError, match=r"trainer\.nodes=2: a sweep starts each replicate on one machine"):
        compose("train", ["+sweeps=replicates", "trainer.nodes=2"])
