"""What travels with a model: written plainly, read back typed, and read as earlier versions wrote it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.optim import OptimSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.training.checkpoints import check_resumable, epochs_done
from lulcseg.training.model_record import KEY, check_same
from lulcseg.training.record_reading import load_checkpoint, read_record
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.support.models import augmenting, record

DATA = Path(__file__).parents[1] / "data"
OLD = DATA / "format2.ckpt"
"""``last.ckpt`` of a run of the version before settings were typed to the end (``format2_config.yaml``)."""


def test_a_record_is_plain_and_comes_back_as_it_was() -> None:
    known = record(scaling=ScalingSettings(method="min_max", range=[0.0, 4000.0]))
    plain = known.to_plain()
    assert plain["model"]["filters"] == 4
    assert plain["scaling"]["range"] == [0.0, 4000.0]
    assert read_record(plain, "here") == known


def test_an_old_checkpoint_is_read() -> None:
    found, _ = load_checkpoint(OLD)
    assert found.model == ModelSettings(filters=2, depth=1)
    assert found.scaling == ScalingSettings(method="min_max", before_augmentation=False)  # always, when it was written
    assert found.statistics is not None
    assert (found.scenes, found.patch_size, found.bands) == (["scene"], 16, 3)


def test_an_old_checkpoint_predicts_what_it_predicted() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 16, 16), dtype=np.uint8)
    task = SegmentationTask.load_from_checkpoint(OLD, at_prediction="training")
    with torch.no_grad():
        logits = task(torch.from_numpy(image), torch.ones(1, 16, 16, dtype=torch.bool))
    np.testing.assert_allclose(logits.numpy(), np.load(DATA / "format2_logits.npy"), rtol=1e-4, atol=1e-5)


def old_training(**trainer: object) -> TrainingSettings:
    """Return the settings that the old checkpoint was trained with."""
    sizes = {"epochs": 1, "batch_size": 4} | trainer
    settings = TrainingSettings(trainer=TrainerSettings(**sizes), augment=augmenting({"blur": 0.1}, name="paper"))
    return replace(settings, optim=OptimSettings(name="sgd", learning_rate=0.001, schedule="cosine"))


def test_training_resumes_from_an_old_checkpoint() -> None:
    assert epochs_done(OLD, old_training()) == 1
    constant = old_training(epochs=2)
    with pytest.raises(LulcsegError, match="laid out over 1 epochs"):
        check_resumable(OLD, constant)
    with pytest.raises(LulcsegError, match=r"another optim\.learning_rate, trainer\.batch_size;"):
        other = old_training(batch_size=8)
        epochs_done(OLD, replace(other, optim=replace(other.optim, learning_rate=0.5)))
    with pytest.raises(LulcsegError, match=r"another augment\.p;"):
        epochs_done(OLD, replace(old_training(), augment=augmenting({"blur": 0.2}, name="paper")))


def test_an_old_checkpoint_is_of_the_same_model_as_its_settings() -> None:
    found, checkpoint = load_checkpoint(OLD)
    SegmentationTask(found, old_training()).on_load_checkpoint(checkpoint)
    other = replace(found, model=ModelSettings(filters=3, depth=1))
    with pytest.raises(LulcsegError, match="another model;"):
        SegmentationTask(other, old_training()).on_load_checkpoint(checkpoint)


def test_another_plan_is_refused_with_what_takes_the_same_one() -> None:
    mine = record()
    check_same(mine, replace(mine, name="other"))
    with pytest.raises(LulcsegError, match=r"another plan; .*sampling\.plan=.*validation\.fraction=0 holds no ground"):
        check_same(replace(mine, plan="1"), replace(mine, plan="2"))
    with pytest.raises(LulcsegError, match=r"another class weights; use the same settings\.$"):
        check_same(mine, mine, other_weights=True)


@pytest.mark.parametrize("part", ["model", "bands"])
def test_an_incomplete_record_is_a_sentence(part: str) -> None:
    plain = record().to_plain()
    del plain[part]
    with pytest.raises(LulcsegError, match="here: its record is incomplete"):
        read_record(plain, "here")
    with pytest.raises(LulcsegError, match=r"an unknown entry 'model\.depht'"):
        read_record(record().to_plain() | {"model": {"depht": 2}}, "here")


class _Evil:
    """Runs code when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


def test_no_code_runs_from_a_checkpoint(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    torch.save({KEY: record().to_plain(), "state_dict": {}, "trap": _Evil(trap)}, tmp_path / "evil.ckpt")
    with pytest.raises(LulcsegError, match=r"evil\.ckpt: not a lulcseg checkpoint"):
        load_checkpoint(tmp_path / "evil.ckpt")
    assert not trap.exists()


def test_foreign_checkpoints_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    torch.save({"state_dict": {}, KEY: record().to_plain() | {"format": 99}}, tmp_path / "newer.ckpt")
    before = record().to_plain() | {"format": 1, "scaling": {"method": "batch", "per_band": False}}
    del before["statistics"]
    torch.save({"state_dict": {}, KEY: before}, tmp_path / "older.ckpt")
    torch.save({"state_dict": {"network.x": torch.zeros(1)}, KEY: record().to_plain()}, tmp_path / "weights.ckpt")
    older = ("older", r"older\.ckpt: its record has format 1, this version reads 2; use the lulcseg that made it")
    for name, part in (
        ("none", "no such"),
        ("text", "not a lulcseg"),
        ("other", "not one of"),
        ("newer", "format 99"),
        older,
    ):
        with pytest.raises(LulcsegError, match=part):
            load_checkpoint(tmp_path / f"{name}.ckpt")
    with pytest.raises(LulcsegError, match="weights don't fit"):
        SegmentationTask.load_from_checkpoint(tmp_path / "weights.ckpt")


@pytest.mark.parametrize(
    ("value", "plain"), [([1, {"a": None}], True), (torch.float16, False), ([{"a": np.float64(1)}], False)]
)
def test_arguments_of_a_network_are_plain(value: object, plain: bool) -> None:
    model = ModelSettings(target="tests.support.custom_parts.TinyNetwork", arguments={"width": value})
    if plain:
        assert record(model=model).to_plain()["model"]["arguments"] == {"width": value}
    else:
        with pytest.raises(LulcsegError, match=r"model: width is a .*, which a checkpoint can't hold without code"):
            record(model=model)


TABLE = [
    {"name": "rgb.1", "dtype": "uint8", "optical": True, "range": None, "fill": None},
    {"name": "dsm.1", "dtype": "float32", "optical": False, "range": [600.0, 800.0], "fill": 650.0},
]


def test_bands_travel_in_the_record_if_they_have_names() -> None:
    known = record(bands=2, dtype="float32", band_table=TABLE)
    assert read_record(known.to_plain(), "here") == known
    assert [band.range for band in known.named_bands or ()] == [None, (600.0, 800.0)]
    assert known.optical == [0]
    assert "band_table" not in record().to_plain(), "earlier versions read models of bands without names"
    assert record().named_bands is None
    with pytest.raises(LulcsegError, match="another band table"):
        check_same(known, replace(known, band_table=TABLE[::-1]))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""}, {"name": "dsm.1"}, {"name": 3}, {"name": "a\nb"}, {"dtype": "object"}, {"optical": 1},
        {"optical": False}, {"range": [1.0]}, {"range": [5, 5]}, {"range": [0, float("inf")]}, {"range": "ab"},
        {"fill": "0"}, {"fill": float("nan")}, {"more": 1},
    ],
)  # fmt: skip
def test_a_damaged_table_of_bands_is_refused(changes: dict[str, object]) -> None:
    plain = record(bands=2, dtype="float32").to_plain() | {"band_table": [TABLE[0] | changes, TABLE[1]]}
    with pytest.raises(LulcsegError, match="its band table isn't that of its bands"):
        read_record(plain, "here")
    with pytest.raises(LulcsegError, match="its band table isn't"):
        read_record(plain | {"band_table": TABLE[:1]}, "here")
