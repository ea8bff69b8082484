"""What a resumed training must share with its checkpoint."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from lulcseg.settings.loss import LossSettings
from lulcseg.settings.optim import OptimSettings
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.training.training_settings import TrainingSettings
from tests.support.models import augmenting


def test_a_setting_that_an_older_checkpoint_lacks_counts_as_its_default() -> None:
    older = TrainingSettings().fixed()
    del older["loss.prior_correction"], older["augment.p"]["hue"]
    assert TrainingSettings().differing(older) == []
    assert TrainingSettings(loss=LossSettings(prior_correction=0.5)).differing(older) == ["loss.prior_correction"]
    assert TrainingSettings(augment=augmenting({"hue": 0.5})).differing(older)[:1] == ["augment.p"]


@pytest.mark.parametrize(
    ("settings", "differing"),
    [
        (TrainingSettings(optim=OptimSettings(learning_rate=0.5)), ["optim.learning_rate"]),
        (TrainingSettings(augment=augmenting({"shear": 0.1})), ["augment.p"]),
        (TrainingSettings(augment=augmenting(name="light")), ["augment.name"]),
        (TrainingSettings(trainer=TrainerSettings(batch_size=8)), ["trainer.batch_size"]),
        (TrainingSettings(trainer=TrainerSettings(epochs=8)), []),
        (TrainingSettings(trainer=TrainerSettings(micro_batch=8)), []),
        (TrainingSettings(loss=LossSettings(target="a.B", arguments={"g": 1})), ["loss.target", "loss.arguments"]),
    ],
)
def test_what_differs_is_named_in_both_directions(settings: TrainingSettings, differing: list[str]) -> None:
    assert settings.differing(TrainingSettings().fixed()) == differing
    assert sorted(TrainingSettings().differing(settings.fixed())) == sorted(differing)


@pytest.mark.parametrize("augment", [{"name": "light"}, {"p": {"blur": 0.5}}, {"target": "my_package.Mine"}])
def test_micro_batches_count_where_patches_are_augmented(augment: dict[str, Any]) -> None:
    changed = augmenting(**augment)
    one, two = (TrainingSettings(augment=changed, trainer=TrainerSettings(micro_batch=m)) for m in (2, 4))
    assert one.differing(two.fixed()) == ["trainer.micro_batch"]


def test_a_preset_is_what_it_states() -> None:
    """An earlier version kept the preset's name and nulls where this one has the preset's values."""
    settings = TrainingSettings(augment=augmenting({"blur": 0.1}, name="light"))
    stated = settings.augment.with_preset()
    assert stated.p.hue == 0.5
    older = settings.fixed() | {"augment.p": asdict(settings.augment.p)}
    del older["augment.strengths"]
    for same in (settings, TrainingSettings(augment=stated)):
        assert same.differing(older) == []
    assert TrainingSettings(augment=augmenting({"hue": 0.4, "blur": 0.1}, name="light")).differing(older)
